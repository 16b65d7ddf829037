#include "bench/recovery/suite.h"

#include <algorithm>
#include <filesystem>
#include <random>

#include "bench/harness/child_process.h"
#include "bench/harness/scratch.h"
#include "bench/recovery/checkpoints.h"
#include "bench/recovery/jobs.h"
#include "bench/recovery/opens.h"
#include "bench/recovery/upserts.h"

namespace kith::bench {
namespace {

constexpr const char* kParts[] = {"open", "kill", "checkpoint", "upsert", "jobs"};

}  // namespace

Result<RecoveryOptions> recovery_options(Extent extent) {
  RecoveryOptions options;
  options.program = TRY(own_program());
  options.directory = std::filesystem::path(options.program).parent_path().string();
  options.seed = std::random_device{}();
  if (extent == Extent::kFull) return options;
  options.set = extent == Extent::kSmoke ? "synthetic" : "sift@100000";
  options.opens = 1;
  options.kills = 1;
  options.windows = extent == Extent::kSmoke ? 1 : 4;
  options.window_s = extent == Extent::kSmoke ? 0.1 : 1;
  options.slices = extent == Extent::kSmoke ? 1 : 3;
  options.points = extent == Extent::kSmoke ? 250 : 1000;
  return options;
}

Result<void> run_recovery_suite(const RecoveryOptions& options, Report& report) {
  for (const std::string& part : options.parts)
    if (std::ranges::find(kParts, part) == std::end(kParts))
      return invalid_argument("--parts '{}': is open, kill, checkpoint, upsert or jobs", part);
  const auto wanted = [&](const char* part) {
    return std::ranges::find(options.parts, part) != options.parts.end();
  };
  const BenchSet set = TRY(load_bench_set(options.set, 0));
  if (!set.note.empty()) report.note(options.set + ": " + set.note);
  const std::unique_ptr<Scratch> scratch = TRY(Scratch::create(options.directory));
  const std::string loaded = scratch->file("loaded");
  if (wanted("open") || wanted("checkpoint")) TRY(load_directory(options, set, loaded, report));
  if (wanted("open")) TRY(measure_clean_opens(options, loaded, report));
  if (wanted("checkpoint")) TRY(measure_checkpoints(options, set, loaded, report));
  if (wanted("kill")) TRY(measure_opens_after_kills(options, set, scratch->path(), report));
  if (wanted("upsert")) TRY(measure_upserts(options, set, scratch->path(), report));
  if (wanted("jobs")) TRY(run_jobs(options, scratch->path(), report));
  return {};
}

}  // namespace kith::bench

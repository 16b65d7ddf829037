// kith_bench_recovery: opens after clean stops and kills, checkpoints beside searches, bytes on disk, durable
// writes beside bare RocksDB's. See docs/benchmarks.md. Its child processes are this program with --role.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>

#include "base/log.h"
#include "bench/recovery/roles.h"
#include "bench/recovery/suite.h"

namespace kith::bench {
namespace {

/// What was given on the command line; unset = as the extent says.
struct Flags {
  CommonOptions common;
  Role role;
  std::optional<std::string> set, directory, kind;
  std::vector<std::string> parts;
  std::optional<int> opens, kills, windows, slices;
  std::optional<uint64_t> points, seed;
};

void add_flags(CLI::App& app, Flags& flags) {
  add_common_options(app, flags.common);
  app.add_option("--set", flags.set, "fashion-mnist, sift, debian or synthetic, or SET@ROWS");
  app.add_option("--parts", flags.parts, "open, kill, checkpoint, upsert, jobs; all unless given")
      ->delimiter(',');
  app.add_option("--opens", flags.opens, "opens after a clean stop, warm and cold; the median counts");
  app.add_option("--kills", flags.kills, "kills under full write load");
  app.add_option("--windows", flags.windows, "pairs of windows of searches without and with checkpoints");
  app.add_option("--kind", flags.kind, "index kind of the field that is upserted into");
  app.add_option("--slices", flags.slices, "slices of each way to upsert, taking turns with RocksDB's");
  app.add_option("--points", flags.points, "of each job of tests/crash; a kill counts as 25");
  app.add_option("--seed", flags.seed, "of the moments of kills");
  app.add_option("--dir", flags.directory, "where the databases are put, on a disk whose syncs are real");
  // What the suite gives its children.
  app.add_option("--role", flags.role.name)->group("");
  app.add_option("--at", flags.role.directory)->group("");
  app.add_option("--progress", flags.role.progress)->group("");
  app.add_option("--batches", flags.role.batches)->group("");
}

Result<Report> run(const Flags& flags) {
  RecoveryOptions options = TRY(recovery_options(flags.common.extent()));
  if (flags.set) options.set = *flags.set;
  if (flags.directory) options.directory = *flags.directory;
  if (!flags.parts.empty()) options.parts = flags.parts;
  if (flags.opens) options.opens = *flags.opens;
  if (flags.kills) options.kills = *flags.kills;
  if (flags.windows) options.windows = *flags.windows;
  if (flags.kind) options.kind = *flags.kind;
  if (flags.slices) options.slices = *flags.slices;
  if (flags.points) options.points = *flags.points;
  if (flags.seed) options.seed = *flags.seed;
  if (options.opens < 1 || options.kills < 1 || options.windows < 1 || options.slices < 1)
    return invalid_argument("--opens {} --kills {} --windows {} --slices {}: each must be at least 1",
                            options.opens, options.kills, options.windows, options.slices);
  set_log_options({LogLevel::kWarn, false});
  Report report("recovery", current_commit(), describe_machine());
  TRY(run_recovery_suite(options, report));
  return report;
}

int run_child(Flags flags) {
  flags.role.set = flags.set.value_or("");
  const Result<Numbers> numbers = play(flags.role);
  if (numbers.ok()) {
    std::puts(to_line(*numbers).c_str());
    return 0;
  }
  std::fprintf(stderr, "error: role '%s': %s\n", flags.role.name.c_str(), numbers.error().message.c_str());
  return 1;
}

}  // namespace
}  // namespace kith::bench

int main(int argc, char** argv) {
  CLI::App app{"opens, checkpoints, bytes on disk and durable writes", "kith_bench_recovery"};
  kith::bench::Flags flags;
  kith::bench::add_flags(app, flags);
  CLI11_PARSE(app, argc, argv);
  if (!flags.role.name.empty()) return kith::bench::run_child(flags);
  return kith::bench::finish_report(kith::bench::run(flags), flags.common);
}

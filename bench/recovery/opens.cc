#include "bench/recovery/opens.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "base/random.h"
#include "bench/harness/child_process.h"
#include "bench/harness/percentile.h"
#include "bench/harness/directory.h"
#include "bench/recovery/progress.h"
#include "bench/recovery/roles.h"
#include "bench/recovery/workload.h"

namespace kith::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::minutes kRolePatience{30};
constexpr std::chrono::minutes kStallPatience{2};  // without one more batch acknowledged
constexpr double kRecallMin = 0.9;                 // below, answers are taken for wrong
constexpr uint64_t kKillAfterMs = 5'000;           // at most, once all rows are in

std::vector<std::string> words_of(const RecoveryOptions& options, const Role& role) {
  return {options.program,
          "--role",
          role.name,
          "--at",
          role.directory,
          "--set",
          options.set,
          "--progress",
          role.progress,
          "--batches",
          std::to_string(role.batches)};
}

Result<Numbers> run_role(const RecoveryOptions& options, const Role& role) {
  const std::unique_ptr<ChildProcess> child = TRY(ChildProcess::start(words_of(options, role)));
  const std::string line = TRY(child->read_line(kRolePatience));
  child->wait(kRolePatience);
  return parse_numbers(line);
}

Result<Numbers> open_once(const RecoveryOptions& options, const std::string& directory, uint64_t batches) {
  Role role;
  role.name = "open";
  role.directory = directory;
  role.batches = batches;
  Numbers numbers = TRY(run_role(options, role));
  std::fprintf(stderr, "  %s\n", to_line(numbers).c_str());
  return numbers;
}

std::vector<double> column(const std::vector<Numbers>& rows, const std::string& name) {
  std::vector<double> values;
  for (const Numbers& row : rows) values.push_back(row.at(name));
  return values;
}

/// What a reader of an open's figure must know besides.
std::string describe(const std::string& what, const std::vector<Numbers>& opens) {
  std::string text = what + ":";
  for (const Numbers& one : opens)
    text += fmt::format(" {:.3f} s (open {:.3f}, CPU {:.3f}, recall {:.3f}, {:.0f} rows pending{});",
                        one.at("first_answer_s"), one.at("open_s"), one.at("cpu_s"), one.at("recall"),
                        one.at("pending"), one.at("by_index") == 1 ? "" : ", NOT by the index");
  return text;
}

Result<void> check_answers(const Numbers& opened, const std::string& what) {
  if (opened.at("recall") >= kRecallMin && opened.at("extra") == 0) return {};
  return corruption("{}: recall {} after the open, {} batches more than were written", what,
                    opened.at("recall"), opened.at("extra"));
}

Result<void> add_disk(const std::string& directory, const BenchSet& set, const std::string& prefix,
                      Report& report) {
  const DirectoryBytes bytes = TRY(directory_bytes(directory));
  const auto raw = static_cast<double>(Workload(set).raw_bytes());
  TRY(report.add({prefix + "disk_bytes_per_raw_byte", static_cast<double>(bytes.total()) / raw, "", {}}));
  report.note(fmt::format(
      "{}disk_bytes_per_raw_byte: of {:.1f} MB vectors and payloads: store {:.1f} MB, blob files {:.1f} MB, "
      "checkpoints {:.1f} MB, rest {:.1f} MB",
      prefix, raw / 1e6, static_cast<double>(bytes.store) / 1e6, static_cast<double>(bytes.blobs) / 1e6,
      static_cast<double>(bytes.checkpoints) / 1e6, static_cast<double>(bytes.rest) / 1e6));
  return {};
}

/// Lets a child write until it is killed; the batches that it was told are there.
Result<uint64_t> write_and_kill(const RecoveryOptions& options, const Role& role, uint64_t batches_min,
                                milliseconds after) {
  const std::unique_ptr<Progress> progress = TRY(Progress::map(role.progress));
  const std::unique_ptr<ChildProcess> child = TRY(ChildProcess::start(words_of(options, role)));
  uint64_t seen = 0;
  auto moved = std::chrono::steady_clock::now();
  while (progress->acknowledged() < batches_min) {
    std::this_thread::sleep_for(milliseconds(5));
    const uint64_t now = progress->acknowledged();
    if (now != seen) moved = std::chrono::steady_clock::now();
    seen = now;
    if (!child->running() || std::chrono::steady_clock::now() - moved > kStallPatience)
      return make_error(Code::kUnavailable, "the writing child {} after {} batches",
                        child->running() ? "stood still" : "ended", seen);
  }
  std::this_thread::sleep_for(after);
  child->signal(SIGKILL);
  child->wait(kStallPatience);
  return progress->acknowledged().load();
}

struct KillCounts {
  int failed_opens = 0;
  double lost = 0;
  int wrong = 0;
};

Result<void> add_kills(const std::vector<Numbers>& opens, const KillCounts& counts, size_t kills,
                       const std::string& prefix, Report& report) {
  const std::string job = "recovery/kill_under_load/";
  const std::vector<double> seconds = column(opens, "first_answer_s");
  if (!seconds.empty()) {
    TRY(report.add({prefix + "open_after_kill_s", percentile(seconds, 0.5), "s", {}}));
    TRY(report.add({prefix + "open_after_kill_max_s", percentile(seconds, 1), "s", {}}));
  }
  report.note(describe(prefix + "open_after_kill_s", opens));
  TRY(report.add({job + "points", static_cast<double>(kills), "", {}}));
  TRY(report.add({job + "lost_acknowledged", counts.lost, "", {}}));
  TRY(report.add({job + "silently_wrong", static_cast<double>(counts.wrong), "", {}}));
  return report.add({job + "failed_opens", static_cast<double>(counts.failed_opens), "", {}});
}

}  // namespace

Result<void> load_directory(const RecoveryOptions& options, const BenchSet& set, const std::string& directory,
                            Report& report) {
  const std::string prefix = fmt::format("recovery/{}/", options.set);
  Role loading;
  loading.name = "load";
  loading.directory = directory;
  std::fprintf(stderr, "%s: loading\n", options.set.c_str());
  const Numbers loaded = TRY(run_role(options, loading));
  for (const char* name : {"load_s", "settle_s", "close_s"})
    TRY(report.add({prefix + name, loaded.at(name), "s", {}}));
  return add_disk(directory, set, prefix, report);
}

Result<void> measure_clean_opens(const RecoveryOptions& options, const std::string& directory,
                                 Report& report) {
  const std::string prefix = fmt::format("recovery/{}/", options.set);
  std::vector<Numbers> warm, cold;
  double resident = 0;
  for (int i = 0; i < options.opens; ++i) {
    std::fprintf(stderr, "%s: opening, from the page cache and without it\n", options.set.c_str());
    warm.push_back(TRY(open_once(options, directory, 0)));
    resident = std::max(resident, TRY(drop_from_page_cache(directory)));
    cold.push_back(TRY(open_once(options, directory, 0)));
    TRY(check_answers(warm.back(), "after a clean stop"));
    TRY(check_answers(cold.back(), "after a clean stop"));
  }
  TRY(report.add({prefix + "open_clean_s", percentile(column(warm, "first_answer_s"), 0.5), "s", {}}));
  TRY(report.add({prefix + "open_clean_cold_s", percentile(column(cold, "first_answer_s"), 0.5), "s", {}}));
  report.note(describe(prefix + "open_clean_s", warm));
  report.note(describe(prefix + "open_clean_cold_s", cold));
  report.note(
      fmt::format("{}open_clean_cold_s: {:.1f} % of the directory's pages were in memory before at most",
                  prefix, resident * 100));
  return {};
}

Result<void> measure_opens_after_kills(const RecoveryOptions& options, const BenchSet& set,
                                       const std::string& parent, Report& report) {
  const std::string prefix = fmt::format("recovery/{}/", options.set);
  const Workload workload(set);
  Random random(options.seed);
  report.note(fmt::format("{}open_after_kill_s: seed {} of the moments of kills", prefix, options.seed));
  std::vector<Numbers> opens;
  KillCounts counts;
  for (int kill = 0; kill < options.kills; ++kill) {
    std::fprintf(stderr, "%s: kill %d of %d\n", options.set.c_str(), kill + 1, options.kills);
    const std::string path = fmt::format("{}/killed-{}", parent, kill);
    Role writing;
    writing.name = "write";
    writing.directory = path;
    writing.progress = path + ".progress";
    const uint64_t acknowledged = TRY(write_and_kill(options, writing, workload.batches_per_pass(),
                                                     milliseconds(random.below(kKillAfterMs))));
    const Result<Numbers> opened = open_once(options, path, acknowledged);
    if (opened.ok()) {
      const double extra = opened->at("extra");  // one batch may be there that nobody heard of
      counts.lost += extra < 0 ? -extra * Workload::kBatchRows : opened->at("lost");
      counts.wrong += opened->at("recall") < kRecallMin || extra > 1 ? 1 : 0;
      opens.push_back(*opened);
    } else {
      ++counts.failed_opens;
      report.note(
          fmt::format("{}open_after_kill_s: kill {} failed: {}", prefix, kill, opened.error().message));
    }
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  return add_kills(opens, counts, static_cast<size_t>(options.kills), prefix, report);
}

}  // namespace kith::bench

#include "bench/recovery/checkpoints.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "bench/harness/percentile.h"
#include "bench/recovery/roles.h"
#include "bench/recovery/workload.h"
#include "query/database.h"

namespace kith::bench {
namespace {

constexpr uint64_t kChangedPoints = 10;  // between two checkpoints

using Time = std::chrono::steady_clock::time_point;

double seconds_since(Time start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// What lies beside the searches: changes, and checkpoints or pauses of the same length.
class Disturber {
 public:
  Disturber(Collection& collection, const Workload& workload)
      : collection_(collection), workload_(workload) {}

  /// Until asked to stop; with `checkpoints` one at least.
  void run(const std::stop_token& stop, bool checkpoints) {
    do {
      result_ = disturb(stop, checkpoints);
    } while (result_.ok() && !stop.stop_requested());
  }
  const Result<void>& result() const { return result_; }
  const std::vector<CheckpointReport>& reports() const { return reports_; }

 private:
  Result<void> disturb(const std::stop_token& stop, bool checkpoints) {
    std::vector<Point> points = workload_.batch(workload_.batches_per_pass() + changes_++);
    points.resize(std::min<size_t>(points.size(), kChangedPoints));
    TRY(collection_.upsert(points, Durability::kAsync));
    if (checkpoints) {
      reports_.push_back(TRY(collection_.checkpoint()));
      return {};
    }
    std::mutex mutex;
    std::unique_lock lock(mutex);
    const double seconds = reports_.empty() ? 0.1 : reports_.back().seconds;
    std::condition_variable_any().wait_for(lock, stop, std::chrono::duration<double>(seconds),
                                           [] { return false; });
    return {};
  }

  Collection& collection_;
  const Workload& workload_;
  uint64_t changes_ = 0;
  std::vector<CheckpointReport> reports_;
  Result<void> result_;
};

/// Searches for that long beside the disturber; appends each one's microseconds.
Result<void> search_window(Collection& collection, const BenchSet& set, double seconds, bool checkpoints,
                           Disturber& disturber, std::vector<double>& micros) {
  std::vector<Query> queries;
  for (size_t i = 0; i < set.queries.rows; ++i) {
    const VectorView vector = set.queries[i];
    queries.emplace_back().vector.assign(vector.data, vector.data + vector.bytes());
  }
  std::jthread beside([&](const std::stop_token& stop) { disturber.run(stop, checkpoints); });
  const Time start = std::chrono::steady_clock::now();
  for (size_t i = 0; seconds_since(start) < seconds; ++i) {
    const Time asked = std::chrono::steady_clock::now();
    TRY(collection.search(queries[i % queries.size()]));
    micros.push_back(seconds_since(asked) * 1e6);
  }
  beside.request_stop();
  beside.join();
  return disturber.result();
}

Result<void> add_windows(const std::vector<std::vector<double>>& without,
                         const std::vector<std::vector<double>>& with, const std::string& prefix,
                         Report& report) {
  const auto all = [](const std::vector<std::vector<double>>& windows) {
    std::vector<double> micros;
    for (const std::vector<double>& window : windows)
      micros.insert(micros.end(), window.begin(), window.end());
    return micros;
  };
  const std::vector<double> plain = all(without), during = all(with);
  std::string text = prefix + "search_p99_during_checkpoint_us, pair by pair:";
  for (size_t i = 0; i < with.size(); ++i)
    text += fmt::format(" {:.0f} / {:.0f};", percentile(with[i], 0.99), percentile(without[i], 0.99));
  report.note(text);
  const double p99 = percentile(plain, 0.99), p50 = percentile(plain, 0.5);
  TRY(report.add({prefix + "search_p50_us", p50, "us", {}}));
  TRY(report.add({prefix + "search_p50_during_checkpoint_us", percentile(during, 0.5), "us",
                  RivalFigure{"no checkpoint", p50}}));
  TRY(report.add({prefix + "search_p99_us", p99, "us", {}}));
  return report.add({prefix + "search_p99_during_checkpoint_us", percentile(during, 0.99), "us",
                     RivalFigure{"no checkpoint", p99}});
}

Result<void> add_checkpoints(const CheckpointReport& whole, const std::vector<CheckpointReport>& reports,
                             const std::string& prefix, Report& report) {
  std::vector<double> seconds, written;
  for (const CheckpointReport& one : reports) {
    seconds.push_back(one.seconds);
    written.push_back(static_cast<double>(one.written));
  }
  TRY(report.add({prefix + "checkpoint_s", whole.seconds, "s", {}}));
  TRY(report.add({prefix + "checkpoint_bytes", static_cast<double>(whole.written), "B", {}}));
  TRY(report.add({prefix + "checkpoint_incremental_s", percentile(seconds, 0.5), "s", {}}));
  return report.add({prefix + "checkpoint_incremental_bytes", percentile(written, 0.5), "B", {}});
}

}  // namespace

Result<void> measure_checkpoints(const RecoveryOptions& options, const BenchSet& set,
                                 const std::string& directory, Report& report) {
  const std::string prefix = fmt::format("recovery/{}/", options.set);
  const Workload workload(set);
  std::error_code failed;
  std::filesystem::remove_all(directory + "/checkpoints", failed);
  DatabaseOptions by_asking_only;
  by_asking_only.checkpoints.points_min = UINT64_MAX;
  const Time start = std::chrono::steady_clock::now();
  const std::unique_ptr<Database> database = TRY(Database::open(directory, by_asking_only));
  const std::shared_ptr<Collection> collection = TRY(database->collection(kCollection));
  Query first;
  first.vector.assign(set.queries[0].data, set.queries[0].data + set.queries[0].bytes());
  TRY(collection->search(first));
  TRY(report.add({prefix + "open_without_checkpoint_s", seconds_since(start), "s", {}}));
  TRY(collection->settle({}));
  TRY(report.add({prefix + "rebuild_s", seconds_since(start), "s", {}}));
  const CheckpointReport whole = TRY(collection->checkpoint());
  Disturber disturber(*collection, workload);
  std::vector<std::vector<double>> without, with;
  for (int pair = 0; pair < options.windows; ++pair) {
    std::fprintf(stderr, "%s: searches beside checkpoints, pair %d\n", options.set.c_str(), pair + 1);
    for (const bool checkpoints : {pair % 2 == 0, pair % 2 != 0})
      TRY(search_window(*collection, set, options.window_s, checkpoints, disturber,
                        (checkpoints ? with : without).emplace_back()));
  }
  TRY(add_checkpoints(whole, disturber.reports(), prefix, report));
  return add_windows(without, with, prefix, report);
}

}  // namespace kith::bench

#include "bench/recovery/upserts.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <thread>

#include "bench/harness/percentile.h"
#include "bench/recovery/recorder.h"
#include "bench/rivals/rival_store.h"

namespace kith::bench {
namespace {

struct Way {
  const char* name;
  size_t points;  // a request
  size_t writers;
  size_t requests;  // a slice
};

constexpr Way kWays[] = {{"sync_upsert", 1, 1, 200},
                         {"sync_upsert_8writers", 1, 8, 1000},
                         {"sync_upsert_batch100", 100, 1, 100},
                         {"sync_upsert_batch100_8writers", 100, 8, 400}};

using Time = std::chrono::steady_clock::time_point;
using Request = std::vector<Point>;

double seconds_since(Time start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Every id comes twice in all slices together: the first half inserts, the other replaces.
std::vector<Request> slice_of(const BenchSet& set, const Way& way, int slice, int slices) {
  const size_t ids = (way.points * way.requests * static_cast<size_t>(slices) + 1) / 2;
  const size_t first = way.points * way.requests * static_cast<size_t>(slice);
  std::vector<Request> requests(way.requests);
  for (size_t i = 0; i < way.points * way.requests; ++i) {
    Point& point = requests[i / way.points].emplace_back();
    const VectorView row = set.base[(first + i) % set.base.rows];
    point.id = uint64_t{(first + i) % ids};
    point.payload = fmt::format("{{\"slice\":{}}}", slice);
    point.vectors.push_back({"", {row.data, row.data + row.bytes()}});
  }
  return requests;
}

/// Calls write(0 .. requests-1) from `writers` threads; the seconds it took.
Result<double> time_writes(const Way& way, const std::function<Result<void>(size_t)>& write) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  Result<void> failed;  // the first failure; guarded by mutex
  const auto work = [&] {
    for (size_t i = next++; i < way.requests; i = next++) {
      if (Result<void> written = write(i); !written.ok()) {
        const std::lock_guard lock(mutex);
        if (failed.ok()) failed = std::move(written);
        return;
      }
    }
  };
  const Time start = std::chrono::steady_clock::now();
  std::vector<std::jthread> writers;
  for (size_t writer = 1; writer < way.writers; ++writer) writers.emplace_back(work);
  work();
  writers.clear();
  const double seconds = seconds_since(start);
  TRY(failed);
  return seconds;
}

/// One way to upsert: its collections, the rival, and the rates of their slices.
struct Race {
  const Way& way;
  std::shared_ptr<Collection> ours;
  std::shared_ptr<Collection> recorded;
  RivalStore& rival;
  std::vector<double> rates = {}, settled_rates = {}, rival_rates = {};
};

Result<void> run_ours(Race& race, const std::vector<Request>& requests) {
  const auto points = static_cast<double>(requests.size() * race.way.points);
  const Time start = std::chrono::steady_clock::now();
  const auto upsert = [&](size_t i) -> Result<void> {
    TRY(race.ours->upsert(requests[i], Durability::kSync));
    return {};
  };
  const double seconds = TRY(time_writes(race.way, upsert));
  race.rates.push_back(points / seconds);
  TRY(race.ours->settle({}));  // not to burden the rival with
  race.settled_rates.push_back(points / seconds_since(start));
  return {};
}

Result<void> run_rival(Race& race, const std::vector<StoreBatch>& batches) {
  const double seconds = TRY(time_writes(race.way, [&](size_t i) -> Result<void> {
    const std::string error = race.rival.write(batches[i]);
    if (error.empty()) return {};
    return make_error(Code::kUnavailable, "the rival's write failed: {}", error);
  }));
  race.rival_rates.push_back(static_cast<double>(batches.size() * race.way.points) / seconds);
  return {};
}

Result<void> run_slice(Race& race, Recorder& recorder, const std::vector<Request>& requests,
                       bool ours_first) {
  recorder.take();
  for (const Request& request : requests) TRY(race.recorded->upsert(request, Durability::kSync));
  const std::vector<StoreBatch> batches = recorder.take();
  if (batches.size() != requests.size())
    return corruption("{} requests were {} batches", requests.size(), batches.size());
  if (ours_first) TRY(run_ours(race, requests));
  TRY(run_rival(race, batches));
  if (!ours_first) TRY(run_ours(race, requests));
  return {};
}

Result<void> add_race(const Race& race, Report& report) {
  const std::string prefix = fmt::format("recovery/{}/", race.way.name);
  TRY(report.add({prefix + "rows_per_s", percentile(race.rates, 0.5), "1/s",
                  RivalFigure{"RocksDB", percentile(race.rival_rates, 0.5)}}));
  TRY(report.add({prefix + "settled_rows_per_s", percentile(race.settled_rates, 0.5), "1/s", {}}));
  std::string text = prefix + "rows_per_s, slice by slice, ours / RocksDB's:";
  for (size_t i = 0; i < race.rates.size(); ++i)
    text += fmt::format(" {:.0f} / {:.0f} = {:.2f};", race.rates[i], race.rival_rates[i],
                        race.rates[i] / race.rival_rates[i]);
  report.note(text);
  return {};
}

}  // namespace

Result<void> measure_upserts(const RecoveryOptions& options, const BenchSet& set, const std::string& parent,
                             Report& report) {
  VectorField field;
  field.dim = set.base.dim;
  field.metric = set.metric;
  field.index = options.kind;
  const Schema schema{{field}};
  const std::unique_ptr<Database> database = TRY(Database::open(parent + "/upserts", {}));
  const std::unique_ptr<Recorder> recorder = TRY(Recorder::create());
  std::string error;
  const std::unique_ptr<RivalStore> rival =
      make_rocksdb(parent + "/upserts/store", parent + "/rocksdb", &error);
  if (rival == nullptr) return make_error(Code::kUnavailable, "{}", error);
  field.index = "flat";  // the same bytes, and no graph beside the races
  for (const Way& way : kWays) {
    std::fprintf(stderr, "%s\n", way.name);
    Race race{way, TRY(database->create_collection(way.name, schema)),
              TRY(recorder->database().create_collection(way.name, Schema{{field}})), *rival};
    for (int slice = 0; slice < options.slices; ++slice)
      TRY(run_slice(race, *recorder, slice_of(set, way, slice, options.slices), slice % 2 == 0));
    TRY(add_race(race, report));
  }
  return {};
}

}  // namespace kith::bench

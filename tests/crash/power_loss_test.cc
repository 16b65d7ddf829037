// Goal: whatever file operation the power goes after, and in whatever order the disk had kept what was not
// synced, the directory opens, holds every write that was acknowledged as durable, no half of a batch and
// nothing that was removed; also when the power goes again while the directory is being opened, up to three
// deep. Method: workloads run once over a recording file system; the disk is made anew as it may have been
// after each operation, opened, and its whole content compared with the history of what was answered. The
// code under test is all of it, RocksDB included; only the disk is a model (base/io/disk_model.h).
//
//   KITH_CRASH_SEED=n     other workloads        KITH_CRASH_POINTS=n   so many points instead of CI's
//   KITH_CRASH_SECONDS=n  for so long            KITH_CRASH_REPLAY=d   only the point that a failure kept in
//   d
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_set>

#include "base/io/memory_file_system.h"
#include "tests/crash/job_counts.h"
#include "tests/crash/workload.h"

namespace kith {
namespace {

using namespace crash;
using Names = PowerLoss::Names;
using Bytes = PowerLoss::Bytes;

struct Way {
  const char* name;
  PowerLoss how;
  bool power_lost = true;
};
constexpr Way kWays[] = {
    {"process killed", {Names::kAll, Bytes::kAll}, false},
    {"only what was synced", {Names::kSyncedOnly, Bytes::kSyncedOnly}},
    {"all names, synced bytes", {Names::kAll, Bytes::kSyncedOnly}},
    {"synced names, all bytes", {Names::kSyncedOnly, Bytes::kAll}},
    {"all names, torn tails", {Names::kAll, Bytes::kTorn}},
    {"some names, torn tails", {Names::kRandomPrefix, Bytes::kTorn}},
    {"some names, sectors in any order", {Names::kRandomPrefix, Bytes::kReordered}},
};

uint64_t hash_of(const DiskImage& image) {
  uint64_t hash = 0;
  const auto add = [&hash](std::string_view text) {
    hash = mix64(hash ^ std::hash<std::string_view>{}(text));
  };
  for (const auto& [path, id] : image.names) {
    add(path);
    if (id == DiskImage::kDirectory) continue;
    const auto& bytes = image.files.at(id);
    add({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  return hash;
}

/// A machine that stopped: what its disk holds, and what must be found there.
struct Case {
  DiskImage image;
  std::shared_ptr<const History> history;
  crash::Moment moment;
  uint64_t seed = 0;
};

/// Keeps a case that failed where KITH_CRASH_REPLAY finds it, and says so.
std::string keep(const Case& failed) {
  const std::string directory = keep_image(failed.image, fmt::format("kith-power-loss-{}", failed.seed));
  std::ofstream(directory + "/history")
      << failed.moment.position << ' ' << failed.moment.power_lost << ' ' << failed.seed << '\n'
      << failed.history->print();
  return "replay it with KITH_CRASH_REPLAY=" + directory;
}

Case read_case(const std::string& directory) {
  Case kept;
  std::ifstream in(directory + "/history");
  in >> kept.moment.position >> kept.moment.power_lost >> kept.seed;
  kept.history =
      std::make_shared<const History>(History::parse(std::string(std::istreambuf_iterator<char>(in), {})));
  const std::string root = directory + "/image";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string path = entry.path().string().substr(root.size());
    DiskImage::FileId& id = kept.image.names[path];
    if (entry.is_directory()) continue;
    id = kept.image.files.size() + 1;
    const auto file = *posix_file_system().open(entry.path().string());
    kept.image.files[id].resize(file->size());
    CHECK(file->read(0, kept.image.files[id]).ok());
  }
  return kept;
}

struct Counts {
  std::atomic<uint64_t> workloads{0};
  std::atomic<uint64_t> operations{0};
  std::atomic<uint64_t> points{0};  // different disks, or equal ones with different demands
  std::atomic<uint64_t> nested{0};
  std::atomic<uint64_t> thorough{0};
  std::atomic<uint64_t> tables_dropped{0};  // by compactions
  std::atomic<uint64_t> blob_files{0};
  std::atomic<uint64_t> checkpoints{0};
  std::atomic<uint64_t> collections_dropped{0};
  std::atomic<uint64_t> failures{0};
  JobCounts found, found_nested;
};

/// Until when to go on.
struct Share {
  uint64_t points = 0;
  uint64_t nested = 0;
  std::chrono::steady_clock::time_point end = std::chrono::steady_clock::time_point::max();
  bool reached(const Counts& counts) const {
    return (counts.points >= points && counts.nested >= nested) || std::chrono::steady_clock::now() > end;
  }
};

class Walk {
 public:
  Walk(Counts& counts, const Share& share, uint64_t seed, bool syncs_lie)
      : counts_(counts), share_(share), seed_(seed), random_(mix64(seed)), syncs_lie_(syncs_lie) {}

  void run() {
    const Plan plan{random_.next(), 150 + random_.below(250), 1 + static_cast<int>(random_.below(3))};
    Recording recording = record({}, {}, {}, plan, syncs_lie_);
    ++counts_.workloads;
    count(recording);
    if (!recording.problem.empty()) return fail("the workload: " + recording.problem);
    history_ = std::make_shared<const History>(std::move(recording.history));
    DiskModel disk;
    disk.restart(recording.start);
    for (size_t n = 0; n <= recording.ops.size(); ++n) {
      if (n > 0) disk.apply(recording.ops[n - 1]);
      if (random_.below(3) != 0) continue;  // more workloads instead
      for (const Way& way : kWays) {
        if (share_.reached(counts_) || counts_.failures >= kFailuresMax) return;
        at(disk, n, way);
      }
    }
  }

  static constexpr uint64_t kFailuresMax = 5;

 private:
  void count(const Recording& recording) {
    counts_.operations += recording.ops.size();
    for (const FileOp& op : recording.ops) {
      using Kind = FileOp::Kind;
      counts_.tables_dropped += op.kind == Kind::kRemove && op.path.ends_with(".sst") ? 1 : 0;
      counts_.blob_files += op.kind == Kind::kCreate && op.path.ends_with(".blob") ? 1 : 0;
      counts_.checkpoints += op.kind == Kind::kRename && op.to.ends_with("/MANIFEST") ? 1 : 0;
    }
    for (const Life& life : recording.history.lives)
      counts_.collections_dropped += life.dropped != kNever ? 1 : 0;
  }

  void at(const DiskModel& disk, size_t n, const Way& way) {
    Case now{disk.after(way.how, random_), history_, {n, way.power_lost}, random_.next()};
    if (!seen_.insert(mix64(hash_of(now.image) ^ history_->demands(now.moment))).second) return;
    ++counts_.points;
    const bool thoroughly = random_.below(20) == 0;
    counts_.thorough += thoroughly ? 1 : 0;
    std::string problem = check_image(now.image, *now.history, now.moment, thoroughly, now.seed);
    if (!problem.empty()) return fail(fmt::format("after operation {}, {}: {}", n, way.name, problem), &now);
    if (random_.below(16) == 0) nest(std::move(now));
  }

  /// Loses the power in the midst of the recovery, again and again.
  void nest(Case now) {
    for (uint64_t depth = 1 + random_.below(3); depth > 0; --depth) {
      const Plan plan{random_.next(), random_.below(2) == 0 ? 0 : random_.below(8), 1};
      Recording recovery = record(now.image, *now.history, now.moment, plan, syncs_lie_);
      if (!recovery.problem.empty()) return fail("nested: " + recovery.problem, &now);
      DiskModel disk;
      disk.restart(recovery.start);
      const size_t n = random_.below(recovery.ops.size() + 1);
      for (size_t i = 0; i < n; ++i) disk.apply(recovery.ops[i]);
      const Way& way = kWays[random_.below(std::size(kWays))];
      now = {disk.after(way.how, random_),
             std::make_shared<const History>(std::move(recovery.history)),
             {n, way.power_lost},
             random_.next()};
      ++counts_.nested;
    }
    const std::string problem = check_image(now.image, *now.history, now.moment, true, now.seed);
    if (!problem.empty()) fail("nested: " + problem, &now);
  }

  void fail(const std::string& problem, const Case* where = nullptr) {
    (problem.starts_with("nested") ? counts_.found_nested : counts_.found).add(problem);
    if (counts_.failures++ >= kFailuresMax || syncs_lie_) return;
    ADD_FAILURE() << "seed " << seed_ << ": " << problem << "\n" << (where != nullptr ? keep(*where) : "");
  }

  Counts& counts_;
  const Share& share_;
  const uint64_t seed_;
  Random random_;
  const bool syncs_lie_;
  std::shared_ptr<const History> history_;
  std::unordered_set<uint64_t> seen_;
};

void run_workloads(Counts& counts, const Share& share, uint64_t seed, bool syncs_lie) {
  // Each point allocates and frees the same few MB: they stay ours, instead of being mapped anew each time.
  ::mallopt(M_MMAP_THRESHOLD, 256 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 512 << 20);
  std::atomic<uint64_t> next{seed};
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
    workers.emplace_back([&] {
      while (!share.reached(counts) && counts.failures < Walk::kFailuresMax)
        Walk(counts, share, next++, syncs_lie).run();
    });
  for (std::thread& worker : workers) worker.join();
}

void print(const Counts& counts, uint64_t seed, std::chrono::steady_clock::time_point start) {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf(
      "seed %llu: %llu power-loss points (%llu verified throughout), %llu nested ones, in %llu workloads of "
      "%llu file operations, %llu failures, %.0f s, %.0f points/s\n",
      static_cast<unsigned long long>(seed), static_cast<unsigned long long>(counts.points),
      static_cast<unsigned long long>(counts.thorough), static_cast<unsigned long long>(counts.nested),
      static_cast<unsigned long long>(counts.workloads), static_cast<unsigned long long>(counts.operations),
      static_cast<unsigned long long>(counts.failures), seconds,
      static_cast<double>(counts.points + counts.nested) / seconds);
  std::printf(
      "they had %llu blob files, %llu tables dropped by compactions, %llu checkpoints, %llu dropped "
      "collections\n",
      static_cast<unsigned long long>(counts.blob_files),
      static_cast<unsigned long long>(counts.tables_dropped),
      static_cast<unsigned long long>(counts.checkpoints),
      static_cast<unsigned long long>(counts.collections_dropped));
}

TEST(PowerLoss, LosesNothingThatWasAcknowledged_slow) {
  set_log_options({LogLevel::kOff, false});
  if (std::getenv("KITH_CRASH_REPLAY") != nullptr) GTEST_SKIP() << "replaying another";
  const auto start = std::chrono::steady_clock::now();
  const uint64_t seed = from_environment("KITH_CRASH_SEED", std::random_device{}());
  Share share;
  share.points = from_environment("KITH_CRASH_POINTS", 50'000);
  share.nested = share.points / 10;
  if (const uint64_t seconds = from_environment("KITH_CRASH_SECONDS", 0); seconds > 0)
    share = {UINT64_MAX, UINT64_MAX, start + std::chrono::seconds(seconds)};
  Counts counts;
  run_workloads(counts, share, seed, false);
  print(counts, seed, start);
  counts.found.points = counts.points.load();
  counts.found.record("power_loss");
  counts.found_nested.points = counts.nested.load();
  counts.found_nested.record("nested_recovery");
  EXPECT_EQ(counts.failures, 0u);
  for (const auto* met : {&counts.nested, &counts.thorough, &counts.tables_dropped, &counts.blob_files,
                          &counts.checkpoints, &counts.collections_dropped})
    EXPECT_TRUE(*met > 0 || counts.points < 10'000) << "the workloads did not do what they are for";
}

TEST(PowerLoss, ReplaysAPointThatFailed) {
  const char* directory = std::getenv("KITH_CRASH_REPLAY");
  if (directory == nullptr) GTEST_SKIP() << "KITH_CRASH_REPLAY names none";
  const Case kept = read_case(directory);
  EXPECT_EQ(check_image(kept.image, *kept.history, kept.moment, true, kept.seed), "");
}

TEST(PowerLoss, AKeptPointIsTheSameAgain) {
  set_log_options({LogLevel::kOff, false});
  Recording recording = record({}, {}, {}, {7, 40, 1});
  ASSERT_EQ(recording.problem, "");
  const auto history = std::make_shared<const History>(std::move(recording.history));
  Random random(1);
  for (const size_t n : {recording.ops.size() / 2, recording.ops.size()}) {
    DiskModel disk;
    for (size_t i = 0; i < n; ++i) disk.apply(recording.ops[i]);
    for (const size_t asked :
         {n, recording.ops.size()}) {  // the first half holds not all that the end asks for
      const Case kept{disk.after({}, random), history, {asked, true}, 99};
      const std::string said = keep(kept);
      const std::string directory = said.substr(said.find('/'));
      const Case read = read_case(directory);
      std::filesystem::remove_all(directory);
      EXPECT_EQ(hash_of(read.image), hash_of(kept.image));
      const std::string problem = check_image(read.image, *read.history, read.moment, true, read.seed);
      EXPECT_EQ(problem, check_image(kept.image, *history, kept.moment, true, kept.seed));
      EXPECT_EQ(problem.empty(), asked == n) << problem;
    }
  }
}

/// The checks above can fail: with a device that lies they do, nearly everywhere.
TEST(PowerLoss, LyingSyncsAreNoticed) {
  set_log_options({LogLevel::kOff, false});
  Counts counts;
  run_workloads(counts, {300, 0}, 1, true);
  EXPECT_GE(counts.failures, Walk::kFailuresMax);
  EXPECT_LT(counts.points, 200u);
}

}  // namespace
}  // namespace kith

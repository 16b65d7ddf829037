// Goal: whichever call to the device fails, once or from then on, with an I/O error or for lack of space,
// whole or after half of a write: nothing crashes, what was acknowledged is there, and what is refused is
// refused with a type. After a failed sync the store takes no more writes and says so. Method: a directory
// that has a log to replay is opened, written to, checkpointed and closed, with the nth call failing, for
// every n until none fails any more; then it is opened on a sound device, after a loss of power or without
// one, and compared with the history of what was answered.
//
//   KITH_CRASH_SEED=n  other workloads, and how bytes are torn
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include "base/io/fault_file_system.h"
#include "base/io/memory_file_system.h"
#include "tests/crash/workload.h"

namespace kith {
namespace {

using namespace crash;
using testing_support::must;

struct Way {
  const char* name;
  FileFault fault;
  bool power_lost;
};
constexpr Way kWays[] = {
    {"EIO once", {}, false},
    {"EIO once, then the power goes", {.partial_write = true}, true},
    {"ENOSPC once", {.disk_full = true, .partial_write = true}, false},
    {"EIO for ever", {.forever = true, .partial_write = true}, true},
    {"ENOSPC for ever", {.forever = true, .disk_full = true, .partial_write = true}, false},
};

/// What a killed process left: tables, checkpoints, and a log to be replayed.
struct Start {
  DiskImage image;
  History history;
};
Start make_start(uint64_t seed) {
  const Recording closed = record({}, {}, {}, {seed, 40, 1});
  CHECK(closed.problem.empty());
  DiskModel disk;
  disk.restart(closed.start);
  for (const FileOp& op : closed.ops) disk.apply(op);
  const Recording killed = record(disk.now(), closed.history, {closed.ops.size()}, {seed + 1, 25, 1});
  CHECK(killed.problem.empty());
  disk.restart(killed.start);
  for (size_t i = 0; i < killed.ran; ++i) disk.apply(killed.ops[i]);
  Start start{disk.now(), killed.history};
  std::erase_if(start.history.lives,
                [&](const Life& life) { return life.created > killed.ran || life.dropped <= killed.ran; });
  for (Life& life : start.history.lives) {  // this is where time begins
    life.create_begun = life.created = 0;
    if (life.drop_begun != kNever) life.drop_begun = 0;  // cut short: it may be there or not
    for (auto& [sequence, batch] : life.batches) batch.begun = batch.acknowledged = 0;
  }
  return start;
}

struct Counts {
  uint64_t runs = 0;
  uint64_t refused_opens = 0;
  uint64_t read_only = 0;
};

/// One run over a device of which the nth call fails.
class FaultyRun {
 public:
  FaultyRun(const Start& start, const Way& way, uint64_t seed)
      : start_(start), way_(way), seed_(seed), fs_(memory_, seed) {
    CHECK(write_image(memory_, start.image).ok());
  }

  /// Whether the device had so many calls.
  bool run(uint64_t nth, Counts& counts) {
    FileFault fault = way_.fault;
    fault.nth = nth;
    fs_.arm(fault);
    History history = start_.history;
    std::atomic<size_t> now{0};
    {
      const auto opened = Database::open(kDirectory, crash_options(fs_, 2));
      if (!opened.ok()) {
        ++counts.refused_opens;
        EXPECT_NE(opened.error().code, Code::kInvalidArgument) << opened.error().message;
      } else {
        const Plan plan{seed_, 12, 1, true};
        (void)run_plan(
            **opened, plan, [&] { return ++now; }, history);
        history.finish();
        check_alive(**opened, history);
      }
    }
    const bool reached = fs_.fired() > 0;
    fs_.disarm();
    ++counts.runs;
    // Files that were there before count as durable: what the start was made of is none of this run's syncs.
    if (way_.power_lost) must(fs_.power_loss({PowerLoss::Names::kAll, PowerLoss::Bytes::kTorn}));
    check_after(history, {++now, way_.power_lost});
    return reached;
  }

 private:
  /// What the process itself sees is what was answered: a refused write changes nothing.
  void check_alive(const Database& db, const History& history) {
    for (const Life& life : history.lives) {
      const auto collection = db.collection(life.name);
      if (life.created == kNever || life.drop_begun != kNever || !collection.ok()) continue;
      uint64_t answered = 0;
      for (const auto& [sequence, batch] : life.batches)
        if (batch.acknowledged != kNever) answered = sequence;
      EXPECT_EQ((*collection)->info().sequence, answered);
      const auto count = (*collection)->count();
      EXPECT_TRUE(count.ok() && *count == life.states[answered]->size());
    }
  }

  void check_after(const History& history, const crash::Moment& moment) {
    const auto opened = Database::open(kDirectory, crash_options(fs_, 2));
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    const Verdict verdict = history.check(**opened, moment);
    ASSERT_EQ(verdict.problem, "");
    for (const auto& [index, sequence] : verdict.survivors) {
      const auto report = (*opened)->verify(history.lives[index].name, {});
      ASSERT_TRUE(report.ok() && report->problems.empty());
      const auto collection = (*opened)->collection(history.lives[index].name);
      ASSERT_EQ(check_answers(**collection, *history.lives[index].states[sequence], seed_, /*one=*/true), "");
    }
  }

  const Start& start_;
  const Way& way_;
  const uint64_t seed_;
  MemoryFileSystem memory_;
  FaultFileSystem fs_;
};

TEST(IoErrors, AtEveryCallLoseNothingThatWasAcknowledged_slow) {
  set_log_options({LogLevel::kOff, false});
  const uint64_t seed = from_environment("KITH_CRASH_SEED", std::random_device{}());
  SCOPED_TRACE("seed " + std::to_string(seed));
  const Start start = make_start(seed);
  std::atomic<size_t> next{0};
  std::atomic<uint64_t> runs{0}, refused{0};
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
    workers.emplace_back([&] {
      for (size_t w = next++; w < std::size(kWays); w = next++) {
        const Way& way = kWays[w];
        SCOPED_TRACE(way.name);
        Counts counts;
        bool reached = true;
        for (uint64_t nth = 1; reached && !testing::Test::HasFailure(); ++nth) {
          SCOPED_TRACE("call " + std::to_string(nth));
          reached = FaultyRun(start, way, seed).run(nth, counts);
        }
        runs += counts.runs;
        refused += counts.refused_opens;
      }
    });
  for (std::thread& worker : workers) worker.join();
  std::printf("seed %llu: %llu runs, one call failing in each, %llu of them refused to open\n",
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(runs),
              static_cast<unsigned long long>(refused));
  EXPECT_GT(runs, std::size(kWays) * 200);
}

TEST(IoErrors, AfterAFailedSyncTheStoreTakesNoMoreWritesAndSaysSo) {
  set_log_options({LogLevel::kOff, false});
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  uint64_t written = 0;
  {
    const auto db = must(Database::open(kDirectory, crash_options(fs, 2)));
    const auto x =
        must(db->create_collection("x", testing_support::schema_of({testing_support::field("v", 2)})));
    const auto write = [&](uint64_t id, Durability durability) {
      return x->upsert(std::vector{testing_support::point(id, {1, static_cast<float>(id)})}, durability);
    };
    for (; written < 5; ++written) must(write(written, Durability::kSync));
    fs.arm({.call = FileCall::kSync});
    EXPECT_FALSE(write(written, Durability::kSync).ok());
    fs.disarm();  // the device works again, but what it kept of the log nobody knows
    for (const Durability durability : {Durability::kSync, Durability::kAsync}) {
      const auto refused = write(100, durability);
      ASSERT_FALSE(refused.ok());
      EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
      EXPECT_NE(refused.error().message.find("read-only"), std::string::npos) << refused.error().message;
    }
    EXPECT_FALSE(x->remove(std::vector{Id(uint64_t{1})}, Durability::kSync).ok());
    EXPECT_FALSE(db->create_collection("y", x->schema()).ok());
    EXPECT_EQ(must(x->count()), written);
    EXPECT_EQ(must(x->search(testing_support::query({1, 1}))).hits.size(), written);
  }
  must(fs.power_loss({}));
  const auto db = must(Database::open(kDirectory, crash_options(fs, 2)));
  EXPECT_EQ(must(must(db->collection("x"))->count()), written);
}

}  // namespace
}  // namespace kith

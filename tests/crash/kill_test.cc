// Goal: whatever moment a process is killed at, every acknowledged row is there, none twice, the
// unacknowledged batch is whole or absent, and the directory opens. Method: a child loads with two writers;
// it is killed (SIGKILL) after a random time, often while opening; the parent compares the directory with a
// model of exactly the operations that the store says it holds, then the next child goes on in the same
// directory. The seed is printed.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>

#include "tests/crash/crash_child.h"
#include "tests/support/child_process.h"

namespace kith {
namespace {

using namespace crash;
using namespace testing_support;
using std::chrono::milliseconds;

constexpr int kKillsMin = 50;
constexpr auto kTimeMax = std::chrono::seconds(60);  // the first kKillsMin are done in any case

/// Runs as the child: writes until it is killed.
TEST(CrashChild, DISABLED_Load) {
  const char* directory = std::getenv("KITH_CRASH_DIRECTORY");
  if (directory == nullptr) GTEST_SKIP() << "only run by the tests of this folder";
  set_log_options({LogLevel::kOff, false});
  const uint64_t seed = std::strtoull(std::getenv("KITH_CRASH_SEED"), nullptr, 10);
  SharedProgress progress(std::string(directory) + "/progress");
  auto db = open_at(std::string(directory) + "/db");
  if (db->collection_names().empty()) (void)db->create_collection("x", crash_schema());
  auto x = must(db->collection("x"));
  ++progress->opened;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (uint64_t number = progress->acknowledged[writer];; ++number) {
        const Operation next = operation(seed, writer, number);
        const auto done = next.upserts.empty() ? x->remove(next.removes, next.durability)
                                               : x->upsert(next.upserts, next.durability);
        if (!done.ok()) {
          ++progress->failed;
          return;
        }
        progress->acknowledged[writer] = number + 1;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
}

/// One writer's share of the content after its first `count` operations.
class Model {
 public:
  void apply_until(uint64_t seed, int writer, uint64_t count) {
    for (; applied_ < count; ++applied_) {
      const Operation next = operation(seed, writer, applied_);
      for (const Id& id : next.removes) content_.erase(id);
      for (const Point& each : next.upserts) {
        Content& content = content_[each.id];
        content = {each.payload, {}};
        for (const FieldVector& vector : each.vectors) content.vectors["v"] = vector.data;
      }
    }
  }
  uint64_t applied() const { return applied_; }
  const std::map<Id, Content>& content() const { return content_; }

 private:
  uint64_t applied_ = 0;
  std::map<Id, Content> content_;
};

class KillTest : public testing::Test {
 protected:
  /// What a writer's rows must be: the model after `acknowledged` operations, or one more that nobody heard
  /// of.
  void check_writer(const std::map<Id, Content>& stored, int writer) {
    const uint64_t acknowledged = heard_[writer] = progress_->acknowledged[writer];
    models_[writer].apply_until(seed_, writer, acknowledged);
    if (share_of(stored, writer) != models_[writer].content()) {
      models_[writer].apply_until(seed_, writer, acknowledged + 1);
      ++unheard_;
    }
    const auto share = share_of(stored, writer);
    ASSERT_EQ(share.size(), models_[writer].content().size())
        << "writer " << writer << " after " << acknowledged;
    ASSERT_TRUE(share == models_[writer].content()) << "writer " << writer << " after " << acknowledged;
    progress_->acknowledged[writer] = models_[writer].applied();
  }
  /// An unacknowledged removal of ids that were not there shows in the sequence only.
  void count_unseen(uint64_t sequence) {
    for (int writer = 0; writer < kWriters; ++writer) {
      if (models_[0].applied() + models_[1].applied() == sequence) return;
      Model next = models_[writer];
      next.apply_until(seed_, writer, next.applied() + 1);
      const bool was_acknowledged = models_[writer].applied() == heard_[writer];
      if (!was_acknowledged || next.content() != models_[writer].content()) continue;
      models_[writer] = next;
      progress_->acknowledged[writer] = next.applied();
      ++unheard_;
    }
  }
  static std::map<Id, Content> share_of(const std::map<Id, Content>& stored, int writer) {
    std::map<Id, Content> share;
    for (const auto& [id, content] : stored) {
      const auto* number = std::get_if<uint64_t>(&id);
      if (number != nullptr ? *number % kWriters == static_cast<uint64_t>(writer) : id == cursor_id(writer))
        share.emplace(id, content);
    }
    return share;
  }

  void check_directory() {
    auto db = open_at(directory_ / "db");
    if (db->collection_names().empty()) return;  // killed before it was made
    auto x = must(db->collection("x"));
    const auto stored = content_of(*x);
    for (int writer = 0; writer < kWriters; ++writer) {
      check_writer(stored, writer);
      if (HasFatalFailure()) return;
    }
    ASSERT_EQ(must(x->count()), stored.size());
    count_unseen(x->info().sequence);
    ASSERT_EQ(x->info().sequence, models_[0].applied() + models_[1].applied());
    const auto report = must(db->verify("x", {}));
    ASSERT_TRUE(report.problems.empty()) << report.problems.front();
    check_search(*x, stored);
  }

  /// The index answers what a scan of the stored vectors answers.
  void check_search(const Collection& x, const std::map<Id, Content>& stored) {
    for (const auto& [id, content] : stored) {
      if (content.vectors.empty() || random_.below(40) != 0) continue;
      Query q;
      q.vector = content.vectors.at("v");
      q.k = 5;
      q.effort = 400;
      const auto answer = must(x.search(q));
      q.exact = true;
      ASSERT_EQ(ids_of(answer), ids_of(must(x.search(q))));
      ASSERT_EQ(answer.hits.at(0).id, id);
    }
  }

  void run_and_kill() {
    const uint64_t opened = progress_->opened;
    test::ChildOptions options;
    options.environment = {{"KITH_CRASH_DIRECTORY", directory_.path()},
                           {"KITH_CRASH_SEED", std::to_string(seed_)}};
    test::ChildProcess child(
        {"/proc/self/exe", "--gtest_filter=CrashChild.DISABLED_Load", "--gtest_also_run_disabled_tests"},
        options);
    const bool while_opening = random_.below(5) == 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!while_opening && progress_->opened == opened && std::chrono::steady_clock::now() < deadline) {
      ASSERT_TRUE(child.running()) << "the child ended before it was killed";
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random_.below(60'000)));
    child.kill_now();
    const auto exit = child.wait(std::chrono::seconds(60));
    ASSERT_TRUE(exit.has_value());
    ASSERT_EQ(exit->signal, SIGKILL) << child.output();
    while_opening_ += while_opening ? 1 : 0;
  }

  const uint64_t seed_ = std::random_device{}();
  Random random_{seed_};
  TempDirectory directory_;
  SharedProgress progress_{directory_ / "progress"};
  Model models_[kWriters];
  uint64_t heard_[kWriters] = {};  // acknowledged before the last kill
  int unheard_ = 0;
  int while_opening_ = 0;
};

TEST_F(KillTest, EveryAcknowledgedRowIsThereOnceAfterEachKill_slow) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  const auto start = std::chrono::steady_clock::now();
  int kills = 0;
  for (; kills < kKillsMin || std::chrono::steady_clock::now() - start < kTimeMax / 3; ++kills) {
    SCOPED_TRACE("kill " + std::to_string(kills));
    run_and_kill();
    if (HasFatalFailure()) return;
    check_directory();
    if (HasFatalFailure()) return;
  }
  const uint64_t acknowledged = progress_->acknowledged[0] + progress_->acknowledged[1];
  std::printf(
      "seed %llu: %d kills (%d while opening), %llu operations acknowledged, %d unacknowledged ones found "
      "whole\n",
      static_cast<unsigned long long>(seed_), kills, while_opening_,
      static_cast<unsigned long long>(acknowledged), unheard_);
  EXPECT_EQ(progress_->failed, 0u);
  EXPECT_GT(acknowledged, static_cast<uint64_t>(kills))
      << "the children hardly wrote: the test shows nothing";
}

}  // namespace
}  // namespace kith

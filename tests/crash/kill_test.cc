// Goal: whatever moment a process is killed at, every acknowledged row is there, none twice, the
// unacknowledged batch is whole or absent, the directory opens, and its indexes answer as a scan does.
// Method: victims (kill_victim.h) are killed (SIGKILL) at random microseconds, also while opening, closing
// and taking checkpoints; the next one compares the directory with a model of exactly what was acknowledged
// and goes on in it. Several processes do so side by side, half of them where syncs cost nothing, since that
// moves the moments. KITH_KILLS: how many; KITH_SEED repeats the operations and the delays.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <filesystem>

#include "tests/crash/job_counts.h"
#include "tests/crash/kill_victim.h"
#include "tests/support/child_process.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

using namespace crash;
using namespace testing_support;
using std::chrono::microseconds;

constexpr uint64_t kKills = 2'000;
constexpr uint64_t kLoops = 4;
constexpr uint64_t kKillsPerDirectory = 50;  // then a new one: its beginning must be survived too

/// Kills one victim after another in one directory.
class KillLoop {
 public:
  KillLoop(std::string directory, uint64_t seed, KillProgress& progress)
      : directory_(std::move(directory)), seed_(seed), random_(seed), progress_(progress) {
    for (auto& each : progress_.acknowledged) each = 0;
    progress_.sequence = progress_.ddl_steps = 0;
  }

  void run(uint64_t kills) {
    for (uint64_t round = 0; round < kills; ++round) {
      SCOPED_TRACE("kill " + std::to_string(round));
      run_and_kill(round);
      if (testing::Test::HasFatalFailure()) return;
      for (int writer = 0; writer < kWriters; ++writer)
        models_[static_cast<size_t>(writer)].apply_until(seed_, writer, progress_.acknowledged[writer]);
    }
    const pid_t last = start(kills, true);
    int status = 0;
    ::waitpid(last, &status, 0);
    EXPECT_EQ(status, 0) << "after the last kill";
  }

 private:
  pid_t start(uint64_t round, bool check_only) {
    progress_.phase = Phase::kStarting;
    progress_.checkpointing = 0;
    std::fflush(stdout);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    CHECK(pid >= 0);
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(3);
    Victim(directory_, seed_, round, progress_, models_).run(check_only);
    std::fflush(stdout);
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }

  void run_and_kill(uint64_t round) {
    const uint64_t checks = progress_.checks;
    const pid_t victim = start(round, false);
    const bool early = random_.below(4) == 0;  // while it opens or looks
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!early && progress_.checks == checks && std::chrono::steady_clock::now() < deadline &&
           ::waitpid(victim, nullptr, WNOHANG) == 0)
      std::this_thread::sleep_for(microseconds(200));
    std::this_thread::sleep_for(microseconds(random_.below(25'000)));
    ::kill(victim, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(victim, &status, 0), victim) << "it ended by itself: " << victim;
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "status " << status;
    ++progress_.kills[static_cast<size_t>(progress_.phase.load())];
    if (progress_.checkpointing > 0) ++progress_.kills_checkpointing;
  }

  const std::string directory_;
  const uint64_t seed_;
  Random random_;
  KillProgress& progress_;
  std::array<Model, kWriters> models_;
};

/// Runs as the child: one thread, no directory of its own.
TEST(CrashChild, DISABLED_KillLoop) {
  const char* directory = std::getenv("KITH_CRASH_DIRECTORY");
  if (directory == nullptr) GTEST_SKIP() << "only run by the tests of this folder";
  set_log_options({LogLevel::kError, false});
  const uint64_t seed = test::test_seed();
  Shared<KillProgress> progress(std::getenv("KITH_CRASH_PROGRESS"));
  const uint64_t kills = test::from_environment("KITH_KILLS", 10);
  for (uint64_t done = 0; done < kills && !HasFailure(); done += kKillsPerDirectory) {
    SCOPED_TRACE("after " + std::to_string(done) + " kills");
    std::filesystem::remove_all(directory);
    KillLoop(directory, mix64(seed + done), *progress).run(std::min(kKillsPerDirectory, kills - done));
  }
}

/// Where files cost no sync, if there is such a place with room.
std::string memory_directory() {
  struct statvfs room = {};
  const bool there = ::statvfs("/dev/shm", &room) == 0 && ::access("/dev/shm", W_OK) == 0 &&
                     room.f_bavail * room.f_frsize > (uint64_t{1} << 30);
  return there ? "/dev/shm" : std::filesystem::temp_directory_path().string();
}

/// So many loops side by side, every second one in memory. What they reached together.
struct Totals {
  std::array<uint64_t, kPhases> kills = {};
  uint64_t all_kills = 0, while_checkpointing = 0, checks = 0, unheard = 0, operations = 0, checkpoints = 0,
           searches = 0;

  void add(KillProgress& progress) {
    for (size_t phase = 0; phase < kPhases; ++phase) {
      kills[phase] += progress.kills[phase];
      all_kills += progress.kills[phase];
    }
    while_checkpointing += progress.kills_checkpointing;
    checks += progress.checks;
    unheard += progress.unheard;
    operations += progress.operations;
    checkpoints += progress.checkpoints;
    searches += progress.searches;
  }
};

Totals run_loops(uint64_t seed, uint64_t kills, JobCounts& found) {
  TempDirectory on_disk;
  const test::TempDir in_memory(memory_directory());
  const auto base = [&](uint64_t loop) {
    return fmt::format("{}/{}", loop % 2 == 0 ? on_disk.path() : in_memory.path(), loop);
  };
  std::vector<std::unique_ptr<test::ChildProcess>> children;
  for (uint64_t loop = 0; loop < kLoops; ++loop) {
    test::ChildOptions options;
    options.environment = {{"KITH_CRASH_DIRECTORY", base(loop)},
                           {"KITH_CRASH_PROGRESS", base(loop) + ".progress"},
                           {"KITH_SEED", std::to_string(seed + loop)},
                           {"KITH_KILLS", std::to_string((kills + loop) / kLoops)}};
    children.push_back(std::make_unique<test::ChildProcess>(
        std::vector<std::string>{"/proc/self/exe", "--gtest_filter=CrashChild.DISABLED_KillLoop",
                                 "--gtest_also_run_disabled_tests"},
        options));
  }
  Totals totals;
  for (uint64_t loop = 0; loop < kLoops; ++loop) {
    const auto exit = children[loop]->wait(std::chrono::seconds(60) + std::chrono::milliseconds(kills * 500));
    const bool good = exit.has_value() && exit->code == 0;
    EXPECT_TRUE(good) << children[loop]->output();
    Shared<KillProgress> progress(base(loop) + ".progress");
    totals.add(*progress);
    if (!good) ++(progress->phase == Phase::kOpening ? found.failed_opens : found.lost_acknowledged);
  }
  return totals;
}

TEST(Kill, EveryAcknowledgedRowIsThereOnceAfterEachKill_slow) {
  const uint64_t seed = test::test_seed();
  const uint64_t kills = test::from_environment("KITH_KILLS", kKills);
  SCOPED_TRACE(fmt::format("KITH_SEED={} KITH_KILLS={}", seed, kills));
  const auto start = std::chrono::steady_clock::now();
  JobCounts found;
  const Totals totals = run_loops(seed, kills, found);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print(
      "seed {}: {} kills in {:.1f} s (before opening {}, opening {}, checking {}, writing {}, closing {}; "
      "during a "
      "checkpoint {}), {} checks, {} searches, {} operations acknowledged, {} unacknowledged ones found "
      "whole, {} "
      "checkpoints\n",
      seed, totals.all_kills, seconds.count(), totals.kills[0], totals.kills[1], totals.kills[2],
      totals.kills[3], totals.kills[4], totals.while_checkpointing, totals.checks, totals.searches,
      totals.operations, totals.unheard, totals.checkpoints);
  EXPECT_EQ(totals.all_kills, kills);
  found.points = totals.all_kills;
  found.record("kill");
  if (kills < 1'000) return;
  // What the test is for did happen.
  for (const Phase phase : {Phase::kOpening, Phase::kLoading, Phase::kClosing})
    EXPECT_GT(totals.kills[static_cast<size_t>(phase)], kills / 100)
        << "in phase " << static_cast<int>(phase);
  EXPECT_GT(totals.while_checkpointing, kills / 20);
  EXPECT_GT(totals.operations, kills);
  EXPECT_GT(totals.unheard, kills / 100);
  EXPECT_GT(totals.searches, kills);
}

}  // namespace
}  // namespace kith

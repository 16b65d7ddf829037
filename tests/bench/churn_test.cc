// Goal: a runbook's steps are those of its rules, and the churn suite measures the rows that are there.
// Method: the committed runbooks at a small size, played against a model; bad runbooks; a run on an exact
// index, which has nothing to lose.
#include "bench/churn/churn.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "datasets/ground_truth.h"
#include "tests/query/test_database.h"
#include "tests/support/result_matchers.h"

namespace kith::bench {
namespace {

using testing_support::TempDirectory;

std::string runbooks() {
  return (std::filesystem::path(__FILE__).parent_path() / "../../bench/churn/runbooks").string();
}

constexpr const char* kRunbooks[] = {"sliding-window", "expiration-time", "clustered",
                                     "random-replace", "drift",           "principal"};

BenchSet small_set() {
  return testing_support::must(load_bench_set("synthetic", 20));
}

Result<Runbook> small(const std::string& name, size_t cycles) {
  Runbook runbook = TRY(read_runbook(runbooks() + "/" + name + ".json"));
  runbook.rows = 1000;
  runbook.cycles = cycles;
  return runbook;
}

class EveryRunbook : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryRunbook, LetsRowsLeaveThatAreThereAndOthersCome) {
  const BenchSet set = small_set();
  ASSERT_VALUE(runbook, small(GetParam(), 100));
  ASSERT_VALUE(schedule, schedule_of(runbook, set.base.block()));
  ASSERT_EQ(schedule.first.size(), 1000u);
  ASSERT_EQ(schedule.cycles.size(), 100u);
  std::set<uint32_t> here(schedule.first.begin(), schedule.first.end());
  ASSERT_EQ(here.size(), 1000u);
  size_t left = 0;
  for (const Cycle& cycle : schedule.cycles) {
    for (const uint32_t row : cycle.leave) ASSERT_EQ(here.erase(row), 1u) << row;
    const std::set<uint32_t> leaves(cycle.leave.begin(), cycle.leave.end());
    for (const uint32_t row : cycle.come) {
      ASSERT_LT(row, set.base.rows);
      ASSERT_FALSE(leaves.contains(row)) << row;
      ASSERT_TRUE(here.insert(row).second) << row;
    }
    left += cycle.leave.size();
    EXPECT_NEAR(static_cast<double>(here.size()), 1000, 100);
  }
  EXPECT_NEAR(static_cast<double>(left) / 100, 50, 12) << "a cycle";
  ASSERT_VALUE(again, schedule_of(runbook, set.base.block()));
  EXPECT_EQ(again.cycles.back().come, schedule.cycles.back().come);
}
INSTANTIATE_TEST_SUITE_P(Committed, EveryRunbook, ::testing::ValuesIn(kRunbooks));

TEST(Runbook, LeavesTheOldestFirst) {
  const BenchSet set = small_set();
  ASSERT_VALUE(runbook, small("drift", 30));
  ASSERT_VALUE(schedule, schedule_of(runbook, set.base.block()));
  for (size_t cycle = 0; cycle < 30; ++cycle)
    for (size_t i = 0; i < 50; ++i) {
      EXPECT_EQ(schedule.cycles[cycle].leave[i], cycle * 50 + i);
      EXPECT_EQ(schedule.cycles[cycle].come[i], 1000 + cycle * 50 + i);
    }
}

/// The middle of what comes moves much further than where rows come in the order of the file.
TEST(Runbook, ComesAlongOneDirection) {
  const BenchSet set = small_set();
  const uint32_t dim = set.base.dim;
  const auto moved = [&](const char* name) {
    const Schedule schedule =
        testing_support::must(schedule_of(testing_support::must(small(name, 15)), set.base.block()));
    double squared = 0;
    for (uint32_t d = 0; d < dim; ++d) {
      const auto mean = [&](const std::vector<uint32_t>& rows) {
        double sum = 0;
        for (const uint32_t row : rows) sum += reinterpret_cast<const float*>(set.base[row].data)[d];
        return sum / static_cast<double>(rows.size());
      };
      const double difference = mean(schedule.cycles.back().come) - mean(schedule.first);
      squared += difference * difference;
    }
    return std::sqrt(squared);
  };
  EXPECT_GT(moved("principal"), 2 * moved("drift"));
}

TEST(Runbook, LeavesByRowsThatAreAlikeWhereClustersLeave) {
  const BenchSet set = small_set();
  ASSERT_VALUE(runbook, small("clustered", 20));
  ASSERT_VALUE(schedule, schedule_of(runbook, set.base.block()));
  EXPECT_TRUE(schedule.cycles[0].come.empty());
  for (size_t cycle = 1; cycle < 20; ++cycle)
    EXPECT_EQ(schedule.cycles[cycle].come, schedule.cycles[cycle - 1].leave);
  // Of each row that leaves, the nearest other that was there leaves too, nearly always.
  const Cycle& cycle = schedule.cycles[0];
  const std::set<uint32_t> leaves(cycle.leave.begin(), cycle.leave.end());
  size_t together = 0;
  for (const uint32_t row : cycle.leave) {
    double best = 1e30;
    uint32_t nearest = row;
    for (const uint32_t other : schedule.first) {
      const double distance = exact_distance(set.metric, set.base[row], set.base[other]);
      if (other != row && distance < best) best = distance, nearest = other;
    }
    together += leaves.contains(nearest);
  }
  EXPECT_GE(together * 10, cycle.leave.size() * 8);
}

TEST(Runbook, ExpiresSoonMostly) {
  const BenchSet set = small_set();
  ASSERT_VALUE(runbook, small("expiration-time", 60));
  ASSERT_VALUE(schedule, schedule_of(runbook, set.base.block()));
  std::map<uint32_t, size_t> came;
  std::map<size_t, size_t> lived;
  for (size_t cycle = 0; cycle < 60; ++cycle) {
    for (const uint32_t row : schedule.cycles[cycle].leave)
      if (const auto found = came.find(row); found != came.end()) ++lived[cycle - found->second];
    for (const uint32_t row : schedule.cycles[cycle].come) came[row] = cycle;
  }
  for (const auto& [cycles, rows] : lived) EXPECT_TRUE(cycles == 6 || cycles == 40) << cycles << ": " << rows;
  EXPECT_GT(lived[6], 5 * lived[40]);
}

TEST(Runbook, SaysWhatIsWrongWithIt) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/one.json";
  const std::map<std::string, std::string> wrong = {
      {R"({"rows": 10, "cycles": 1, "share": 0.7, "come": "stored", "leave": "oldest", "seed": 1})", "share"},
      {R"({"rows": 10, "cycles": 1, "share": 0.5, "come": "sorted", "leave": "oldest", "seed": 1})", "come"},
      {R"({"rows": 10, "cycles": 1, "share": 0.5, "come": "stored", "leave": 3, "seed": 1})", "leave"},
      {R"({"rows": 10, "share": 0.5, "come": "stored", "leave": "oldest", "seed": 1})", "cycles"},
      {R"({"rowz": 10})", "rowz"},
      {"[]", "object"},
      {"{", "one.json"}};
  for (const auto& [text, named] : wrong) {
    std::ofstream(path) << text;
    const auto read = read_runbook(path);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_NE(read.error().message.find(named), std::string::npos) << read.error().message;
  }
  EXPECT_FALSE(read_runbook(directory.path() + "/none.json").ok());
  const BenchSet set = small_set();
  ASSERT_VALUE(runbook, small("drift", 1));
  runbook.rows = set.base.rows;
  EXPECT_FALSE(schedule_of(runbook, set.base.block()).ok()) << "nobody is left to come";
}

TEST(ChurnSuite, MeasuresTheRowsThatAreThere) {
  const BenchSet set = small_set();
  ChurnOptions options = churn_options(Extent::kSmoke);
  options.kind = "flat";
  for (const char* name : kRunbooks) {
    ASSERT_VALUE(runbook, small(name, 5));
    ASSERT_VALUE(figures, run_churn(runbook, set, options));
    ASSERT_EQ(figures.cycles.size(), 5u);
    for (const CycleFigures& one : figures.cycles) {
      EXPECT_EQ(one.recall, 1) << name;
      EXPECT_EQ(one.fresh_recall, 1) << name;
      EXPECT_EQ(one.gone, 0u) << name;
    }
  }
}

TEST(ChurnSuite, GivesFiguresOfEveryRunbook) {
  ChurnOptions options = churn_options(Extent::kSmoke);
  options.threads = 1;
  options.directory = runbooks();
  Report report("churn", "test", Machine());
  options.runbooks = {std::begin(kRunbooks), std::end(kRunbooks)};
  ASSERT_OK(run_churn_suite(options, report));
  EXPECT_EQ(report.figures().size(), 6 * std::size(kRunbooks));
  for (const Figure& figure : report.figures()) {
    if (figure.name.ends_with("/gone")) {
      EXPECT_EQ(figure.value, 0) << figure.name;
    }
  }
}

TEST(ChurnSuite, SaysWhatTheDirectoryGrowsBy) {
  const TempDirectory directory;
  ChurnOptions options = churn_options(Extent::kSmoke);
  options.directory = runbooks();
  options.mixed.directory = directory.path();
  options.runbooks = {"disk"};
  Report report("churn", "test", Machine());
  ASSERT_OK(run_churn_suite(options, report));
  ASSERT_EQ(report.figures().size(), 3u);
  for (const Figure& figure : report.figures()) {
    EXPECT_GT(figure.value, 0.9) << figure.name;
    EXPECT_LT(figure.value, 3) << figure.name;
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

}  // namespace
}  // namespace kith::bench

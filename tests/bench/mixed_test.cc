// Goal: the mixed load is what it says: other rows come, answers are judged by the rows that were there, and
// figures say so where rows are lost, late or slow. Method: histories against answers made by hand; phases on
// a side that loses, waits and stalls as it is told; the suite on a small set.
#include "bench/churn/mixed.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "bench/churn/churn.h"
#include "bench/churn/mixed_phase.h"
#include "datasets/ground_truth.h"
#include "tests/query/test_database.h"
#include "tests/support/result_matchers.h"

namespace kith::bench {
namespace {

using testing_support::must;

constexpr size_t kRows = 100;

/// Rows of which number n is [n], to be shuffled.
Matrix line(size_t rows) {
  Matrix out;
  out.type = ScalarType::kF32;
  out.dim = 1;
  out.rows = rows;
  for (size_t i = 0; i < rows; ++i) {
    const auto value = static_cast<float>(i);
    const auto* const bytes = reinterpret_cast<const std::byte*>(&value);
    out.data.insert(out.data.end(), bytes, bytes + sizeof(value));
  }
  return out;
}

float value_of(VectorView vector) {
  return *reinterpret_cast<const float*>(vector.data);
}

TEST(MixedRows, ComeShuffledAndThenAgainMovedALittle) {
  const Matrix set = line(1000);
  const MixedRows rows(set.block(), 7);
  std::vector<float> first, again;
  rows.vectors(0, 1000, first);
  rows.vectors(1000, 1000, again);
  EXPECT_FALSE(std::is_sorted(first.begin(), first.end()));
  EXPECT_EQ(std::set<float>(first.begin(), first.end()).size(), 1000u);
  double most = 0;
  for (size_t i = 0; i < 1000; ++i) {
    EXPECT_NE(first[i], again[i]);
    most = std::max(most, std::abs(double{first[i]} - again[i]));
  }
  EXPECT_LT(most, 0.126 * 1000 / std::sqrt(3.0));
  EXPECT_GT(most, 0.1 * 1000 / std::sqrt(3.0));
  std::vector<float> part;
  rows.vectors(1500, 1, part);
  EXPECT_EQ(part[0], again[500]);
}

class HistoryOfRows : public ::testing::Test {
 protected:
  /// The ten rows nearest to a query after all writes that have returned.
  std::vector<uint32_t> exact(size_t query) {
    const VectorBlock all = history_.now();
    const Matrix one = line(query + 1);
    VectorBlock asked = one.block();
    asked.data = asked[query].data;
    asked.count = 1;
    const Neighbors found = must(exact_neighbors(all, asked, Metric::kL2, 10, nullptr));
    std::vector<uint32_t> out;
    for (size_t i = 0; i < 10; ++i) out.push_back(static_cast<uint32_t>(found[0][i]));
    return out;
  }
  MixedAsked asked(size_t query, uint64_t returned, uint64_t begun, std::vector<uint32_t> found) {
    return {query, returned, begun, std::move(found)};
  }
  void write(uint32_t first, size_t count) {
    history_.begin_write(first, count);
    history_.end_write();
  }

  const Matrix set_ = line(1000);
  const MixedRows rows_{set_.block(), 7};
  ThreadPool pool_{1};
  MixedHistory history_{rows_, kRows, set_.block(), Metric::kL2, pool_};
};

TEST_F(HistoryOfRows, JudgesAnswersByTheRowsOfTheirTime) {
  const std::vector<uint32_t> before = exact(500);
  write(0, kRows);  // all get others
  const std::vector<uint32_t> after = exact(500);
  EXPECT_NE(before, after);
  EXPECT_EQ(must(history_.recall(std::vector{asked(500, kRows, kRows, after)}, 10)), 1);
  EXPECT_LT(must(history_.recall(std::vector{asked(500, kRows, kRows, before)}, 10)), 0.6);
}

TEST_F(HistoryOfRows, CountsWhatIsMissingAndWhatComesTwice) {
  std::vector<uint32_t> found = exact(500);
  const MixedAsked whole = asked(500, 0, 0, found);
  found.resize(8);
  const MixedAsked eight = asked(500, 0, 0, found);
  found[7] = found[0];
  const MixedAsked twice = asked(500, 0, 0, found);
  const MixedAsked strangers = asked(500, 0, 0, {100, 4000});
  EXPECT_DOUBLE_EQ(must(history_.recall(std::vector{whole}, 10)), 1);
  EXPECT_DOUBLE_EQ(must(history_.recall(std::vector{eight}, 10)), 0.8);
  EXPECT_DOUBLE_EQ(must(history_.recall(std::vector{twice}, 10)), 0.7);
  EXPECT_DOUBLE_EQ(must(history_.recall(std::vector{strangers}, 10)), 0);
  EXPECT_DOUBLE_EQ(must(history_.recall(std::vector{whole, eight}, 10)), 0.9);
}

TEST_F(HistoryOfRows, TakesEitherVectorOfARowThatIsBeingWritten) {
  const std::vector<uint32_t> before = exact(500);
  write(0, kRows / 2);
  const std::vector<uint32_t> after = exact(500);
  const auto judge = [&](std::vector<uint32_t> found) {
    MixedHistory history(rows_, kRows, set_.block(), Metric::kL2, pool_);
    history.begin_write(0, kRows / 2);
    history.end_write();
    return must(history.recall(std::vector{asked(500, 0, kRows / 2, std::move(found))}, 10));
  };
  EXPECT_EQ(judge(before), 1);
  EXPECT_EQ(judge(after), 1);
  EXPECT_EQ(judge({after.begin(), after.begin() + 5}), 0.5);
}

TEST_F(HistoryOfRows, HasRowsThatCame) {
  write(kRows, 50);
  EXPECT_EQ(history_.now().count, kRows + 50);
  std::vector<float> vector;
  EXPECT_EQ(value_of(history_.now()[kRows + 49]), value_of(rows_.vectors(kRows + 49, 1, vector)[0]));
}

/// Exact; and what it is told to do wrong.
class FakeSide final : public MixedSide {
 public:
  bool loses = false;                  // what is written
  std::chrono::milliseconds stall{0};  // of the third write

  Result<void> load(VectorBlock vectors) override { return write(0, vectors); }
  Result<void> write(uint32_t first, VectorBlock vectors) override {
    if (++writes_ == 3) std::this_thread::sleep_for(stall);
    const std::lock_guard lock(mutex_);
    for (uint32_t i = 0; i < vectors.count && !loses; ++i) values_[first + i] = value_of(vectors[i]);
    return {};
  }
  Result<void> settle() override { return {}; }
  void set_effort(uint32_t) override {}
  Result<size_t> search(VectorView query, std::span<uint32_t> out) const override {
    const std::lock_guard lock(mutex_);
    std::multimap<float, uint32_t> near;
    for (const auto& [row, value] : values_) near.emplace(std::abs(value - value_of(query)), row);
    size_t count = 0;
    for (auto at = near.begin(); at != near.end() && count < out.size(); ++at) out[count++] = at->second;
    return count;
  }

 private:
  mutable std::mutex mutex_;
  std::map<uint32_t, float> values_;  // guarded by mutex_
  size_t writes_ = 0;
};

class PhaseOfMixedLoad : public HistoryOfRows {
 protected:
  void SetUp() override {
    ASSERT_OK(side_.load(history_.now()));
    spec_.seconds = 0.2;
    spec_.batch = 7;
    spec_.judged = 20;
    spec_.writes = MixedWrites::kReplace;
  }

  FakeSide side_;
  MixedState state_{side_, history_, rows_, set_.block(), kRows + 20, kRows};
  MixedPhaseSpec spec_;
};

TEST_F(PhaseOfMixedLoad, SearchesAndReplacesTheOldest) {
  ASSERT_VALUE(phase, run_mixed_phase(state_, spec_));
  EXPECT_GT(phase.searches.size(), 20u);
  EXPECT_LE(phase.judged.size(), 20u);
  EXPECT_GT(phase.judged.size(), 2u);
  EXPECT_EQ(phase.rows_written, history_.returned());
  EXPECT_GT(phase.rows_written, kRows);
  EXPECT_EQ(state_.oldest, phase.rows_written % kRows);
  EXPECT_EQ(phase.looked, phase.writes.size());
  EXPECT_EQ(phase.not_searchable, 0u);
  EXPECT_EQ(must(history_.recall(phase.judged, 10)), 1);
  EXPECT_EQ(state_.rows_now, kRows);
}

TEST_F(PhaseOfMixedLoad, InsertsWhileThereIsRoom) {
  spec_.writes = MixedWrites::kInsert;
  ASSERT_VALUE(phase, run_mixed_phase(state_, spec_));
  EXPECT_EQ(phase.rows_written, 20u);
  EXPECT_EQ(state_.rows_now, kRows + 20);
  EXPECT_EQ(history_.now().count, kRows + 20);
}

TEST_F(PhaseOfMixedLoad, OnlySearchesWhenIdle) {
  spec_.writes = MixedWrites::kNone;
  spec_.searches_per_s = 100;
  ASSERT_VALUE(phase, run_mixed_phase(state_, spec_));
  EXPECT_EQ(phase.rows_written, 0u);
  EXPECT_GT(phase.searches.size(), 0u);
  EXPECT_LE(phase.searches.size(), 21u);
}

TEST_F(PhaseOfMixedLoad, SaysWhenRowsAreNotThere) {
  side_.loses = true;
  ASSERT_VALUE(phase, run_mixed_phase(state_, spec_));
  EXPECT_GT(phase.not_searchable, phase.looked / 4);
  EXPECT_LT(must(history_.recall(phase.judged, 10)), 0.8);
}

TEST_F(PhaseOfMixedLoad, CountsAStallForAllThatWasDueMeanwhile) {
  spec_.rows_per_s = 7 * 100;  // a call each 10 ms
  side_.stall = std::chrono::milliseconds(100);
  ASSERT_VALUE(phase, run_mixed_phase(state_, spec_));
  size_t late = 0;
  for (const double micros : phase.writes) late += micros > 40'000;
  EXPECT_GE(late, 5u);
}

TEST(MixedLoad, GivesFiguresOfBothSides) {
  ChurnOptions options = churn_options(Extent::kSmoke);
  options.runbooks = {"mixed"};
  Report report("churn", "test", Machine());
  ASSERT_OK(run_churn_suite(options, report));
  std::map<std::string, double> values;
  for (const Figure& figure : report.figures()) values[figure.name] = figure.value;
  for (const std::string prefix : {"churn/mixed/", "churn/mixed/hnswlib_"}) {
    for (const char* name : {"search_p50_us", "search_p99_us", "search_p999_us", "search_idle_p99_us",
                             "search_p99_ratio", "updates_per_s", "updates_per_s_max", "batch_p99_us",
                             "insert_p99_us", "update_p99_us", "update_p99_ratio"})
      EXPECT_GT(values[prefix + name], 0) << prefix << name;
    for (const char* name : {"recall_idle", "recall_loaded", "recall_most", "recall_after"})
      EXPECT_GT(values[prefix + name], 0.8) << prefix << name;
    ASSERT_TRUE(values.contains(prefix + "not_searchable"));
    EXPECT_DOUBLE_EQ(values[prefix + "search_p99_ratio"],
                     values[prefix + "search_p99_us"] / values[prefix + "search_idle_p99_us"]);
  }
  EXPECT_EQ(values["churn/mixed/not_searchable"], 0);
}

TEST(MixedLoad, RefusesMoreRowsThanTheSetHas) {
  const BenchSet set = must(load_bench_set("synthetic", 20));
  MixedOptions options;
  options.rows = set.base.rows + 1;
  Report report("churn", "test", Machine());
  const Result<void> run = run_mixed(set, options, report);
  ASSERT_FALSE(run.ok());
  EXPECT_NE(run.error().message.find("4001"), std::string::npos) << run.error().message;
}

}  // namespace
}  // namespace kith::bench

// Goal: the filter suite's cases are what they are named after and its figures are those of their searches.
// Method: the synthetic set; classes and shares counted, the truth against a sort of all distances, a run of
// every plan.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/filter/cases.h"
#include "bench/filter/suite.h"
#include "datasets/ground_truth.h"
#include "tests/support/result_matchers.h"

namespace kith::bench {
namespace {

TEST(FilterCases, AllowTheClassesTheyAreNamedAfter) {
  ASSERT_VALUE(bench, load_filter_bench("synthetic", 30));
  ASSERT_EQ(bench.cases.size(), 3u);
  const FilterCase &own = bench.cases[0], &random = bench.cases[1], &other = bench.cases[2];
  EXPECT_EQ(own.name, "own-class");
  EXPECT_EQ(random.name, "random-1");
  EXPECT_EQ(other.name, "other-class");
  const size_t rows = bench.set.base.rows;
  for (size_t query = 0; query < 30; ++query) {
    EXPECT_NEAR(static_cast<double>(own.allowed(query).size()), rows / 10.0, rows / 50.0);
    EXPECT_NEAR(static_cast<double>(random.allowed(query).size()), rows / 100.0, rows / 150.0);
    RowSet both = own.allowed(query);
    both.intersect(other.allowed(query));
    EXPECT_TRUE(both.empty()) << "another class than the query's";
    for (const FilterCase& one : bench.cases) {
      std::vector<double> distances;
      one.allowed(query).for_each([&](Row row) {
        distances.push_back(exact_distance(bench.set.metric, one.queries[query], bench.set.base[row]));
        return true;
      });
      std::sort(distances.begin(), distances.end());
      for (size_t i = 0; i < 10; ++i) {
        const auto row = static_cast<size_t>(one.truth[query][i]);
        EXPECT_TRUE(one.allowed(query).contains(static_cast<Row>(row)));
        const double distance = exact_distance(bench.set.metric, one.queries[query], bench.set.base[row]);
        EXPECT_NEAR(distance, distances[i], 1e-5 * distances[i]);
      }
    }
  }
}

TEST(FilterSuite, GivesFiguresOfEveryCaseByEveryPlan) {
  FilterOptions options = filter_options(Extent::kSmoke);
  options.queries_max = 20;
  options.threads = 1;
  Report report("filter", "test", Machine());
  ASSERT_OK(run_filter_suite(options, report));
  size_t recalls = 0;
  for (const Figure& figure : report.figures()) {
    if (figure.name.ends_with("/short_answers")) {
      EXPECT_EQ(figure.value, 0) << figure.name;
    }
    if (figure.name.ends_with("by-scan/recall")) {
      EXPECT_EQ(figure.value, 1) << figure.name;
    }
    if (figure.name.ends_with("/recall")) {
      EXPECT_GE(figure.value, 0.8) << figure.name;
      ++recalls;
    }
  }
  EXPECT_EQ(recalls, 3 * (kFilterPlans - 1)) << "all plans but that of labels";
  EXPECT_EQ(std::count_if(report.figures().begin(), report.figures().end(),
                          [](const Figure& f) { return f.name.ends_with("recall_minus_target_min"); }),
            1);
}

}  // namespace
}  // namespace kith::bench

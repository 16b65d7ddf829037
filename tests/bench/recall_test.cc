// Goal: the recall suite measures what it claims: rivals and our kinds find the right rows under every
// metric, figures carry names, rivals and ratios as documented. Method: small clustered sets with brute-force
// truth; hand-made figures.
#include <gmock/gmock.h>

#include "bench/recall/figures.h"
#include "bench/recall/runners.h"
#include "bench/recall/suite.h"
#include "datasets/ground_truth.h"
#include "datasets/synthetic.h"

namespace kith::bench {
namespace {

BenchSet small_set(Metric metric) {
  ClusteredSpec spec;
  spec.rows = 2000;
  spec.queries = 50;
  spec.dim = 24;
  spec.clusters = 20;
  spec.seed = 3;
  VectorSet made = make_clustered(spec);
  BenchSet set;
  set.name = "small";
  set.metric = metric;
  set.base = std::move(made.base);
  set.queries = std::move(made.queries);
  Result<Neighbors> truth = exact_neighbors(set.base.block(), set.queries.block(), metric, 10, nullptr);
  EXPECT_TRUE(truth.ok());
  if (truth.ok()) set.truth = std::move(*truth);
  return set;
}

/// Recall@10 of a contestant at one effort.
double recall_at(const Contestant& contestant, const BenchSet& set, uint32_t effort) {
  auto judge = RecallJudge::create(set.base.block(), set.queries.block(), set.metric, set.truth, 10);
  EXPECT_TRUE(judge.ok());
  if (!judge.ok()) return 0;
  SweepOptions options;
  options.efforts = {effort};
  options.queries = set.queries.rows;
  options.passes = 1;
  auto curves = sweep(std::span(&contestant, 1), options,
                      [&](std::span<const Row> answers) { return recall_of(*judge, answers, 10); });
  EXPECT_TRUE(curves.ok());
  return curves.ok() ? (*curves)[0].points[0].recall : 0;
}

class Runs : public testing::TestWithParam<Metric> {};

TEST_P(Runs, OursAndTheRivalFindTheNeighbours) {
  BenchSet set = small_set(GetParam());
  auto flat = OurRun::build(set, "flat", 2);
  ASSERT_TRUE(flat.ok()) << flat.error().message;
  EXPECT_DOUBLE_EQ(recall_at((*flat)->contestant(), set, 10), 1.0);
  auto hnsw = OurRun::build(set, "hnsw", 2);
  ASSERT_TRUE(hnsw.ok()) << hnsw.error().message;
  EXPECT_GT(recall_at((*hnsw)->contestant(), set, 200), 0.98);
  EXPECT_GE((*hnsw)->figures().bytes, set.base.data.size());
  auto half = OurRun::build(set, "vamana-f16", 2);
  ASSERT_TRUE(half.ok()) << half.error().message;
  EXPECT_GT(recall_at((*half)->contestant(), set, 200), 0.98);
  EXPECT_LT((*half)->figures().bytes, (*hnsw)->figures().bytes - set.base.data.size() / 3);
  auto rival = RivalRun::build(set, 16, 2);
  ASSERT_TRUE(rival.ok()) << rival.error().message;
  EXPECT_GT(recall_at((*rival)->contestant(), set, 200), 0.95);
  EXPECT_GE((*rival)->figures().bytes, set.base.data.size());
  EXPECT_EQ((*rival)->name(), "hnswlib M16");
}

INSTANTIATE_TEST_SUITE_P(Metrics, Runs, testing::Values(Metric::kL2, Metric::kInnerProduct, Metric::kCosine),
                         [](const auto& one) { return std::string(metric_name(one.param)); });

TEST(RunsRefuse, WhatTheSetLacks) {
  BenchSet set = small_set(Metric::kL2);
  auto bytes = OurRun::build(set, "hnsw-u8", 2);
  ASSERT_FALSE(bytes.ok());
  EXPECT_NE(bytes.error().message.find("u8"), std::string::npos);
  EXPECT_FALSE(OurRun::build(set, "no-such-kind", 2).ok());
}

Measured measured(const std::string& name, const std::string& slug, double qps, double seconds) {
  Measured one;
  one.name = name;
  one.slug = slug;
  one.build = {seconds, 300, 200, std::nullopt};
  one.curve = {name, {{10, 0.90, qps}, {100, 0.97, qps / 10}}};
  return one;
}

std::optional<Figure> find(const Report& report, const std::string& name) {
  for (const Figure& figure : report.figures())
    if (figure.name == name) return figure;
  return std::nullopt;
}

TEST(Figures, StandBesideTheBetterRivalOfEach) {
  SetMeasured set{"toy", 2, {measured("default", IndexSpec().kind, 1000, 10)}, {}};
  set.rivals = {measured("hnswlib M16", "hnswlib-m16", 500, 5),
                measured("hnswlib M32", "hnswlib-m32", 800, 8)};
  Report report("recall", "c", Machine());
  Result<void> added = add_figures(set, report);
  ASSERT_TRUE(added.ok()) << added.error().message;
  auto fast = find(report, "recall/toy/best/qps@0.90");
  ASSERT_TRUE(fast && fast->rival);
  EXPECT_EQ(fast->rival->name, "hnswlib M32");
  EXPECT_DOUBLE_EQ(*fast->ratio(), 1000.0 / 800);
  auto build = find(report, "recall/toy/best/build_s");
  ASSERT_TRUE(build && build->rival);
  EXPECT_EQ(build->rival->name, "hnswlib M16");
  EXPECT_DOUBLE_EQ(*build->ratio(), 2.0);
  EXPECT_DOUBLE_EQ(find(report, "recall/toy/best/bytes_per_raw_byte")->value, 1.5);
  EXPECT_TRUE(find(report, "recall/toy/hnswlib-m16/qps@0.95").has_value());
}

TEST(Figures, AreAbsentWithANoteWhereNotReached) {
  SetMeasured set{"toy", 2, {measured("hnsw", "hnsw", 1000, 10)}, {}};
  Report report("recall", "c", Machine());
  ASSERT_TRUE(add_figures(set, report).ok());
  EXPECT_TRUE(find(report, "recall/toy/hnsw/qps@0.95").has_value());
  EXPECT_FALSE(find(report, "recall/toy/hnsw/qps@0.99").has_value());
  EXPECT_FALSE(find(report, "recall/toy/hnsw/peak_rss_bytes").has_value());
  EXPECT_THAT(report.notes(),
              testing::Contains(testing::HasSubstr("recall/toy/hnsw/qps@0.999: not reached")));
}

TEST(RecallSuite, RunsOnTheSyntheticSet) {
  RecallOptions options = recall_options(Extent::kSmoke);
  Report report("recall", "c", Machine());
  Result<void> ran = run_recall_suite(options, report);
  ASSERT_TRUE(ran.ok()) << ran.error().message;
  for (const char* name : {"recall/synthetic/hnsw/qps@0.95", "recall/synthetic/best/build_s",
                           "recall/synthetic/flat/qps@0.999", "recall/synthetic/flat/batch_qps",
                           "recall/synthetic/hnsw/qps_2threads@0.95", "recall/synthetic/hnsw/default_recall"})
    EXPECT_TRUE(find(report, name).has_value()) << name;
  EXPECT_TRUE(find(report, "recall/synthetic/hnsw/qps@0.90")->ratio().has_value());
}

}  // namespace
}  // namespace kith::bench

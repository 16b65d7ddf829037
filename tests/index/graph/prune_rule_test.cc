// Goal: no list of a built graph holds a pair that its kind's rule forbids, for any metric, and none is
// longer than it may be. Method: every node's checked entries after a build, distances in double by their
// definition; the rule's own text is applied, not its code.
#include <cmath>
#include <numbers>

#include "index/graph/graph_index.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

struct Case {
  const char* kind;
  Metric metric;
  IndexOptions options;
};

std::vector<Case> cases() {
  return {
      {"hnsw", Metric::kL2, {}},
      {"hnsw", Metric::kCosine, {}},
      {"hnsw", Metric::kInnerProduct, {}},
      {"vamana", Metric::kL2, {}},
      {"vamana", Metric::kL2, {{"alpha", "1.0"}}},
      {"vamana", Metric::kL2, {{"alpha", "1.4"}, {"deterministic", "true"}}},
      {"vamana", Metric::kCosine, {}},
      {"vamana", Metric::kInnerProduct, {}},
      {"nsg", Metric::kL2, {}},
      {"nsg", Metric::kCosine, {}},
      {"nssg", Metric::kL2, {}},
      {"nssg", Metric::kCosine, {{"angle", "45"}}},
      {"nssg", Metric::kInnerProduct, {}},
  };
}

class PruneRules : public testing::TestWithParam<Case> {
 protected:
  static constexpr size_t kRows = 4000;
  static constexpr uint32_t kDim = 16;

  void SetUp() override {
    vectors_ = clustered_vectors(kRows, kDim, 40, test_seed(51));
    Random random(test_seed(52));
    if (GetParam().metric == Metric::kInnerProduct) {
      for (size_t i = 0; i < kRows; ++i) {
        const auto scale = static_cast<float>(std::exp(0.5 * random.normal()));
        for (uint32_t d = 0; d < kDim; ++d) vectors_.data[i * kDim + d] *= scale;
      }
    }
    points_.assign(vectors_.data.begin(), vectors_.data.end());
    if (GetParam().metric != Metric::kCosine) return;
    for (size_t i = 0; i < kRows; ++i) {
      const double length = std::sqrt(dot(static_cast<Node>(i), static_cast<Node>(i)));
      for (uint32_t d = 0; d < kDim; ++d) points_[i * kDim + d] /= length;
    }
  }

  double dot(Node a, Node b) const {
    double sum = 0;
    for (uint32_t d = 0; d < kDim; ++d) sum += points_[a * kDim + d] * points_[b * kDim + d];
    return sum;
  }
  /// The true Euclidean distance.
  double far(Node a, Node b) const {
    double sum = 0;
    for (uint32_t d = 0; d < kDim; ++d) {
      const double difference = points_[a * kDim + d] - points_[b * kDim + d];
      sum += difference * difference;
    }
    return std::sqrt(sum);
  }

  /// Whether `c` may not stand beside `r` in the list of `p`, by more than rounding.
  bool forbidden(const PruneRule& rule, Node p, Node r, Node c) const {
    constexpr double kMargin = 1e-4;
    if (rule.kind == PruneRule::Kind::kAngle) {
      const double a = far(p, r), b = far(p, c), between = far(r, c);
      const double angle = std::acos((a * a + b * b - between * between) / (2 * a * b));
      return angle < double{rule.degrees} * std::numbers::pi / 180 - kMargin;
    }
    if (rule.alpha == 1 && GetParam().metric == Metric::kInnerProduct)
      return dot(r, c) > dot(p, c) + kMargin * std::abs(dot(p, c));
    return double{rule.alpha} * far(r, c) < far(p, c) * (1 - kMargin);
  }

  Vectors vectors_;
  std::vector<double> points_;
};

TEST_P(PruneRules, NoKeptPairViolatesTheRule) {
  ThreadPool pool(2);
  const auto index =
      build(spec_of(GetParam().kind, GetParam().metric, kDim, GetParam().options, &pool), vectors_);
  const GraphStore& graph = dynamic_cast<const GraphIndex&>(*index).graph();
  const PruneRule& rule = graph.options().rule;
  size_t checked = 0, edges = 0, violations = 0;
  std::vector<Node> list(graph.base().capacity());
  for (Node p = 0; p < kRows; ++p) {
    const uint32_t degree = graph.base().read(p, list.data());
    ASSERT_LE(degree, graph.options().degree);
    const ListMarks marks = graph.marks(p);
    const uint32_t prefix = std::min(degree, marks.checked());
    for (uint32_t j = 1; j < prefix; ++j)
      for (uint32_t i = 0; i < j; ++i)  // i is nearer
        violations += !marks.forced(j) && forbidden(rule, p, list[i], list[j]);
    checked += prefix;
    edges += degree;
  }
  EXPECT_EQ(violations, 0u) << "of " << edges << " edges";
  EXPECT_GT(checked, edges / 4) << "too few to say anything";
}

INSTANTIATE_TEST_SUITE_P(AllRules, PruneRules, testing::ValuesIn(cases()), [](const auto& which) {
  return fmt::format("{}_{}_{}", which.param.kind, metric_name(which.param.metric), which.index);
});

}  // namespace
}  // namespace kith::test

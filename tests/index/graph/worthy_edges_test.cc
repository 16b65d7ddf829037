// Goal: of edges that are to come into a full list those stay that the definition says, for any metric, and
// in an index whose rows come and go that spares most of the distances. Method: the definition in double over
// random lists; link distances of deletions counted.
#include <cmath>

#include "index/graph/graph_index.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 12;
constexpr size_t kRows = 400;
constexpr float kAlpha = 1.2f;

class WorthyEdges : public testing::TestWithParam<Metric> {
 protected:
  void SetUp() override {
    vectors_ = clustered_vectors(kRows, kDim, 6, test_seed(71));
    index_ = build(spec_of("vamana", GetParam(), kDim), vectors_);
    points_.assign(vectors_.data.begin(), vectors_.data.end());
    if (GetParam() != Metric::kCosine) return;
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
  double squared(Node a, Node b) const { return dot(a, a) + dot(b, b) - 2 * dot(a, b); }

  const GraphStore& graph() const { return dynamic_cast<const GraphIndex&>(*index_).graph(); }

  /// Near to far.
  std::vector<PruneCandidate> measured(Node centre, const std::vector<Node>& nodes) const {
    MeasureQuery query;
    const RowScorer scorer = graph().measure().between(centre, query);
    std::vector<PruneCandidate> out;
    for (const Node node : nodes) out.push_back({scorer.score_one(node), node});
    std::ranges::sort(out, {}, [](const PruneCandidate& one) { return std::pair(one.distance, one.node); });
    return out;
  }

  /// The largest d²(p, c) / d²(r, c) by those that are no farther.
  double occlusion(Node centre, Node edge, const std::vector<Node>& by) const {
    double most = 0;
    for (const Node other : by)
      if (squared(centre, other) <= squared(centre, edge))
        most = std::max(most, squared(centre, edge) / squared(other, edge));
    return most;
  }

  Vectors vectors_;
  std::unique_ptr<Index> index_;
  std::vector<double> points_;
};

TEST_P(WorthyEdges, AreThoseThatTheDefinitionSays) {
  PruneRule rule;
  rule.alpha = kAlpha;
  Random random(test_seed(72));
  PruneScratch scratch;
  size_t essential = 0, fillers = 0, dropped = 0;
  for (int round = 0; round < 2'000; ++round) {
    std::vector<Node> drawn(31 + random.below(8));
    const Node first = static_cast<Node>(random.below(kRows));
    for (size_t i = 0; i < drawn.size(); ++i)  // no node twice
      drawn[i] = static_cast<Node>((first + i * 7) % kRows);
    const Node centre = drawn[0];
    std::vector<Node> list(drawn.begin() + 1, drawn.begin() + 25);
    const size_t fill = random.below(5);
    scratch.candidates = measured(centre, list);
    std::vector<PruneCandidate> edges = measured(centre, {drawn.begin() + 25, drawn.end()});
    std::vector<Node> expected;
    std::vector<std::pair<double, Node>> others;
    for (const PruneCandidate& edge : edges) {
      const double by = occlusion(centre, edge.node, list);
      if (by > kAlpha * kAlpha) continue;
      if (by > 1) {
        others.emplace_back(by, edge.node);
        continue;
      }
      expected.push_back(edge.node);
      list.push_back(edge.node);
    }
    std::ranges::sort(others);
    essential += expected.size();
    for (const auto& [by, node] : others)
      if (expected.size() < fill) {
        expected.push_back(node);
        ++fillers;
      }
    dropped += edges.size() - expected.size();
    select_worthy(graph().measure(), rule, centre, fill, edges, scratch, {});
    std::vector<Node> chosen;
    for (const PruneCandidate& edge : edges) chosen.push_back(edge.node);
    EXPECT_TRUE(std::ranges::is_sorted(edges, {}, &PruneCandidate::distance));
    std::ranges::sort(chosen);
    std::ranges::sort(expected);
    EXPECT_EQ(chosen, expected) << "round " << round;
  }
  EXPECT_GT(essential, 100u);
  EXPECT_GT(fillers, 100u);
  EXPECT_GT(dropped, 1'000u);
}

INSTANTIATE_TEST_SUITE_P(Metrics, WorthyEdges,
                         testing::Values(Metric::kL2, Metric::kCosine, Metric::kInnerProduct),
                         [](const auto& which) { return std::string(metric_name(which.param)); });

}  // namespace
}  // namespace kith::test

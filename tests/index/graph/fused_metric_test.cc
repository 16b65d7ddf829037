// Goal: the fused metric is what it says it is, for sets of any labels; and lists of a graph made by it hold
// no pair that its rule forbids. Method: random sets against std::set_intersection; a built graph against the
// rule's own text, in double.
#include "index/graph/fused_metric.h"

#include <cmath>

#include "tests/index/graph/label_support.h"

namespace kith::test {
namespace {

constexpr Label kUniversal = 40;

/// A node for each of some random sets, of up to 6 labels below 12; the last of them with the universal one.
struct Sets {
  explicit Sets(uint64_t seed) : table(kUniversal) {
    Random random(seed);
    EXPECT_OK(table.grow(kCount));
    for (Node node = 0; node < kCount; ++node) {
      LabelSet labels;
      for (Label label = 0; label < 12; ++label)
        if (random.uniform() < 0.25 && labels.size() < 6) labels.push_back(label);
      if (node + 1 == kCount) labels.push_back(kUniversal);
      const auto set = table.intern(labels);
      EXPECT_OK(set);
      table.set(node, *set);
      sets.push_back(std::move(labels));
    }
  }

  static constexpr Node kCount = 120;
  LabelTable table;
  std::vector<LabelSet> sets;
};

size_t common(const LabelSet& a, const LabelSet& b) {
  LabelSet both;
  std::ranges::set_intersection(a, b, std::back_inserter(both));
  return both.size();
}

/// d²(a, b) · (1 + 2 · share).
double model_stretch(const LabelSet& a, const LabelSet& b) {
  const size_t all = std::max(a.size(), b.size());
  return all == 0 ? 1 : 1 + 2.0 * static_cast<double>(all - common(a, b)) / static_cast<double>(all);
}

TEST(FusedMetric, StretchesByTheShareOfUnequalLabels) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  const Sets sets(seed);
  constexpr Node kLast = Sets::kCount - 1;
  for (Node a = 0; a < Sets::kCount; ++a) {
    for (Node b = 0; b < Sets::kCount; ++b) {
      const double wanted = a == kLast || b == kLast ? 1 : model_stretch(sets.sets[a], sets.sets[b]);
      ASSERT_NEAR(fused_stretch(sets.table, sets.table.walk_set(a), sets.table.walk_set(b)), wanted, 1e-6)
          << "nodes " << a << " and " << b;
    }
  }
}

TEST(FusedMetric, AddsForEachLabelThatIsMissing) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  const Sets sets(seed);
  for (const LabelMatch match : {LabelMatch::kAny, LabelMatch::kAll, LabelMatch::kEqual}) {
    for (Node asked = 0; asked + 1 < Sets::kCount; ++asked) {
      const LabelQuery labels{match, sets.sets[asked]};
      FusedQuery query(sets.table, labels);
      EXPECT_EQ(query.extra(asked), 0);
      query.set_weight(8);
      for (Node node = 0; node + 1 < Sets::kCount; ++node) {
        const size_t there = common(labels.labels, sets.sets[node]);
        const size_t missing = match != LabelMatch::kAny ? labels.labels.size() - there
                               : there == 0              ? std::min<size_t>(1, labels.labels.size())
                                                         : 0;
        ASSERT_EQ(query.extra(node), 8 * static_cast<float>(missing)) << "node " << node << " for " << asked;
      }
      EXPECT_EQ(query.extra(Sets::kCount - 1), 0) << "the universal label";
      query.set_weight(std::numeric_limits<float>::infinity());
      EXPECT_EQ(query.extra(asked), 0) << "what matches is as far as it is";
    }
  }
}

class FusedRule : public testing::TestWithParam<IndexOptions> {};

/// α · d(r, c) < d(p, c) by fused distances, whose squares are stretched.
TEST_P(FusedRule, NoKeptPairViolatesIt) {
  constexpr size_t kRows = 2000;
  constexpr uint32_t kDim = 12;
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  const Vectors vectors = clustered_vectors(kRows, kDim, 20, seed);
  const std::vector<LabelSet> labels = zipf_labels(kRows, 6, random);
  IndexOptions options = GetParam();
  options.insert(options.end(), {{"labels", "fused"}, {"degree", "32"}, {"ef_construction", "60"}});
  const auto index = build_labeled(spec_of("vamana", Metric::kL2, kDim, options), vectors, labels);
  const GraphStore& graph = dynamic_cast<const GraphIndex&>(*index).graph();
  const auto far = [&](Node a, Node b) {
    double squared = 0;
    for (uint32_t d = 0; d < kDim; ++d)
      squared += std::pow(double{vectors.row(a)[d]} - double{vectors.row(b)[d]}, 2);
    return std::sqrt(squared * model_stretch(labels[a], labels[b]));
  };
  const double alpha = graph.options().rule.alpha;
  size_t checked = 0, unlike = 0, violations = 0;
  std::vector<Node> list(graph.base().capacity());
  for (Node p = 0; p < kRows; ++p) {
    const uint32_t prefix = std::min(graph.base().read(p, list.data()), graph.marks(p).checked());
    for (uint32_t j = 0; j < prefix; ++j) {
      unlike += labels[p] != labels[list[j]];
      for (uint32_t i = 0; i < prefix; ++i) {
        const double here = far(p, list[j]);
        if (i == j || far(p, list[i]) > here || graph.marks(p).forced(j)) continue;
        violations += alpha * far(list[i], list[j]) < here * (1 - 1e-4);
      }
    }
    checked += prefix;
  }
  EXPECT_EQ(violations, 0u);
  EXPECT_GT(checked, kRows * 4) << "too few to say anything";
  EXPECT_GT(unlike, checked / 10) << "rows of other labels are led to, too";
  EXPECT_EQ(audit_graph(*index)->unreachable, 0u);
}

INSTANTIATE_TEST_SUITE_P(Alpha, FusedRule,
                         testing::Values(IndexOptions{}, IndexOptions{{"alpha", "1.0"}},
                                         IndexOptions{{"alpha", "1.4"}, {"deterministic", "true"}}));

}  // namespace
}  // namespace kith::test

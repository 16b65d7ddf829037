// Goal: pruning by direction pays (card A4): from the same candidates, the relative rule, the α rule and the
// angle rule need at most 0.7 of the distances that the nearest ones do, at recall .95. Method: kinds made
// here that differ in the rule alone: the same k-NN graph, the same edges back, the same repair, the same
// search.
#include "index/graph/graph_builder.h"
#include "index/graph/graph_index.h"
#include "index/graph/list_writer.h"
#include "index/graph/nn_descent.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

/// Near to far, the same for every rule: nearest neighbours, and some rows from anywhere.
std::vector<std::vector<Candidate>> candidates_of(const BuildInput& in) {
  constexpr size_t kNear = 80, kAnywhere = 48;
  const VectorStore& vectors = in.graph.vectors();
  const KnnGraph knn = nn_descent(vectors, in.nodes, kNear, 1, in.pool, in.stop).value();
  std::vector<std::vector<Candidate>> out;
  Random random(test_seed(96));
  for (const Node node : in.nodes) {
    std::vector<Candidate> list(knn.list(node).begin(), knn.list(node).end());
    for (size_t i = 0; i < kAnywhere; ++i) {
      const Node other = in.nodes[random.below(in.nodes.size())];
      const auto same = [&](const Candidate& candidate) { return candidate.node == other; };
      if (other == node || std::any_of(list.begin(), list.end(), same)) continue;
      const void* row = vectors[other];
      list.push_back({0, other});
      vectors.space().kernel(vectors[node], &row, 1, vectors.space().dim, &list.back().distance);
    }
    std::sort(list.begin(), list.end(),
              [](const Candidate& x, const Candidate& y) { return x.distance < y.distance; });
    out.push_back(std::move(list));
  }
  return out;
}

Result<void> build_pruned(const BuildInput& in) {
  static const std::vector<std::vector<Candidate>> kCandidates = candidates_of(in);
  PruneScratch scratch;
  for (size_t i = 0; i < in.nodes.size(); ++i) {
    scratch.candidates.clear();
    for (const Candidate& candidate : kCandidates[i])
      scratch.candidates.push_back({candidate.distance, candidate.node});
    write_pruned_list(in.graph, in.nodes[i], scratch);
  }
  add_edges_back(in.graph, in.nodes, in.pool);
  return {};
}

template <PruneRule::Kind kRule, int kAlphaPercent>
Result<GraphOptions> parse(const IndexOptions&, const VectorSpace&) {
  GraphOptions out;
  out.rule = {.kind = kRule, .alpha = kAlphaPercent / 100.0f, .degrees = 60};
  out.links = out.degree = out.degree_kept = 32;
  out.starts = 4;
  return out;
}

template <PruneRule::Kind kRule, int kAlphaPercent>
constexpr GraphKind kKind = {
    .name = "flat",  // for create_index only, which is not asked
    .summary = "",
    .magic = "KITHTEST",
    .build = build_pruned,
    .parse = parse<kRule, kAlphaPercent>,
};

TEST(PruneRace, PruningByDirectionPays_slow) {
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(10'200, 12, 20, test_seed(95)), 200);
  const auto flat = build(spec_of("flat", Metric::kL2, 12), vectors);
  ThreadPool pool(2);
  double cost[4], degree[4];
  const GraphKind* kinds[] = {&kKind<PruneRule::Kind::kClosest, 100>, &kKind<PruneRule::Kind::kRelative, 100>,
                              &kKind<PruneRule::Kind::kRelative, 120>, &kKind<PruneRule::Kind::kAngle, 100>};
  for (size_t i = 0; i < 4; ++i) {
    ASSERT_VALUE(index, GraphIndex::create(*kinds[i], spec_of("flat", Metric::kL2, 12, {}, &pool)));
    ASSERT_OK(index->add(first_rows(vectors.rows), vectors.block()));
    ASSERT_OK(index->settle(Stop{}));
    ASSERT_VALUE(audit, audit_graph(*index));
    EXPECT_EQ(audit.unreachable, 0u);
    const Measured found = measure_at(*index, *flat, queries, 0.95);
    ASSERT_TRUE(found.recall > 0 || i == 0) << "rule " << i << " does not reach recall .95";
    cost[i] = found.recall > 0 ? found.distances : 1e9;
    degree[i] = static_cast<double>(audit.edges) / static_cast<double>(audit.nodes);
    std::printf("rule %zu: %.0f distances at recall .95, mean degree %.1f\n", i, cost[i], degree[i]);
  }
  for (size_t i = 1; i < 4; ++i) EXPECT_LE(cost[i], 0.7 * cost[0]) << "rule " << i;
}

}  // namespace
}  // namespace kith::test

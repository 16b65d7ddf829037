#include "index/nssg/nssg_kind.h"

#include <algorithm>

#include "index/graph/graph_index.h"
#include "index/graph/list_writer.h"
#include "index/graph/nn_descent.h"
#include "index/option_reader.h"

namespace kith {
namespace {

struct NssgScratch {
  VisitedSet visited;
  std::vector<Node> around;
  std::vector<const void*> rows;
  std::vector<float> distances;
  PruneScratch prune;
  KernelQuery query;
};

/// The node's neighbours, then theirs, until there are enough; near to far.
void find_candidates(const BuildInput& in, const KnnGraph& knn, Node node, NssgScratch& s) {
  const GraphStore& graph = in.graph;
  const size_t wanted = graph.options().candidates;
  s.visited.reset(in.nodes.back() + 1);
  s.visited.insert(node);
  s.around.clear();
  const auto gather = [&](Node from) {
    for (const Candidate& neighbor : knn.list(from))
      if (s.around.size() < wanted && s.visited.insert(neighbor.node)) s.around.push_back(neighbor.node);
  };
  gather(node);
  for (const Candidate& neighbor : knn.list(node)) gather(neighbor.node);
  const RowScorer scorer =
      exact_scorer(graph.vectors(), s.query.from_stored(graph.space(), graph.vectors()[node]));
  s.rows.clear();
  for (const Node other : s.around) s.rows.push_back(scorer.row(other));
  s.distances.resize(s.rows.size());
  scorer.score(s.rows.data(), s.rows.size(), s.distances.data());
  s.prune.candidates.clear();
  for (size_t i = 0; i < s.around.size(); ++i) s.prune.candidates.push_back({s.distances[i], s.around[i]});
  std::sort(s.prune.candidates.begin(), s.prune.candidates.end(),
            [](const PruneCandidate& a, const PruneCandidate& b) {
              return a.distance < b.distance || (a.distance == b.distance && a.node < b.node);
            });
}

Result<void> build_nssg(const BuildInput& in) {
  const GraphOptions& options = in.graph.options();
  const KnnGraph knn =
      TRY(nn_descent(in.graph.vectors(), in.nodes, options.neighbors, in.graph.seed(), in.pool, in.stop));
  ScratchPool<NssgScratch> scratch;
  for_all(in.pool, in.nodes.size(), [&](size_t i) {
    const auto lease = scratch.borrow();
    find_candidates(in, knn, in.nodes[i], *lease);
    write_pruned_list(in.graph, in.nodes[i], lease->prune);
  });
  TRY(in.stop.check());
  add_edges_back(in.graph, in.nodes, in.pool);
  return {};
}

Result<GraphOptions> parse_nssg(const IndexOptions& options, const VectorSpace& space) {
  OptionReader reader(options, "nssg");
  GraphOptions out;
  out.rule.kind = PruneRule::Kind::kAngle;
  out.rule.degrees = reader.real("angle", 60, 1, 90);
  out.links = out.degree = out.degree_kept = reader.number("degree", 32, 4, 256);
  out.neighbors = reader.number("neighbors", out.neighbors, 4, 1000);
  out.candidates = reader.number("candidates", 200, 4, 10'000);
  out.starts = reader.number("roots", 32, 0, 256);
  out.ef_construction = reader.number("ef_construction", 100, 1, 10'000);
  out.ef = reader.number("ef", out.ef, 1, 100'000);
  read_delete_option(reader, out);
  out.pending_max = reader.number("pending_max", out.pending_max, 1, 1u << 30);
  read_code_options(reader, space, 0, out);
  TRY(reader.finish());
  return out;
}

}  // namespace

constexpr GraphKind kNssgGraph = {
    .name = "nssg",
    .summary =
        "satellite system graph: pruned by angles, built at once from a k-NN graph, then grows in place",
    .magic = "KITHNSSG",
    .build = build_nssg,
    .parse = parse_nssg,
};

constinit const IndexKind kNssgKind = index_kind_of<kNssgGraph>();

}  // namespace kith

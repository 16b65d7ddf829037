#include "index/nsg/nsg_kind.h"

#include <algorithm>

#include "index/graph/graph_index.h"
#include "index/graph/list_writer.h"
#include "index/graph/nn_descent.h"
#include "index/option_reader.h"

namespace kith {
namespace {

/// A pool that remembers all it was offered: the rows met on a walk, far ones too, from which the long edges
/// come.
class MetPool {
 public:
  void reset(size_t beam) {
    pool_.reset(beam);
    met_.clear();
  }
  void insert(float distance, Node node, bool accepted) {
    met_.push_back({distance, node});
    pool_.insert(distance, node, accepted);
  }
  template <typename Filter>
  void offer(const float* distances, const Node* nodes, size_t count, const Filter& filter) {
    for (size_t i = 0; i < count; ++i) met_.push_back({distances[i], nodes[i]});
    pool_.offer(distances, nodes, count, filter);
  }
  Node next() { return pool_.next(); }
  Node peek() const { return pool_.peek(); }
  std::vector<Candidate>& met() { return met_; }

 private:
  LinearPool pool_;
  std::vector<Candidate> met_;
};

struct NsgScratch {
  VisitedSet visited;
  MetPool pool;
  StepScratch step;
  PruneScratch prune;
  KernelQuery query;
};

/// Candidates of `node`: met on the walk to it, and its neighbours, near to far, each once.
void find_candidates(const BuildInput& in, const KnnGraph& knn, Node node, NsgScratch& s) {
  const GraphStore& graph = in.graph;
  const RowScorer scorer =
      exact_scorer(graph.vectors(), s.query.from_stored(graph.space(), graph.vectors()[node]));
  const void* row = scorer.row(in.middle);
  float distance = 0;
  scorer.score(&row, 1, &distance);
  s.visited.reset(in.nodes.back() + 1);
  s.visited.insert(in.middle);
  s.pool.reset(graph.options().ef_construction);
  s.pool.insert(distance, in.middle, true);
  SearchStats stats;
  CHECK(beam_search(knn, scorer, AllNodes{}, s.pool, s.visited, s.step, Stop{}, stats).ok());
  std::vector<Candidate>& met = s.pool.met();
  for (const Candidate& neighbor : knn.list(node)) met.push_back(neighbor);
  std::sort(met.begin(), met.end(), [](const Candidate& a, const Candidate& b) {
    return a.distance < b.distance || (a.distance == b.distance && a.node < b.node);
  });
  s.prune.candidates.clear();
  s.visited.reset(in.nodes.back() + 1);
  s.visited.insert(node);
  for (const Candidate& candidate : met) {
    if (s.prune.candidates.size() == graph.options().candidates) break;
    if (s.visited.insert(candidate.node)) s.prune.candidates.push_back({candidate.distance, candidate.node});
  }
}

Result<void> build_nsg(const BuildInput& in) {
  const GraphOptions& options = in.graph.options();
  const KnnGraph knn =
      TRY(nn_descent(in.graph.vectors(), in.nodes, options.neighbors, in.graph.seed(), in.pool, in.stop));
  ScratchPool<NsgScratch> scratch;
  for_all(in.pool, in.nodes.size(), [&](size_t i) {
    const auto lease = scratch.borrow();
    find_candidates(in, knn, in.nodes[i], *lease);
    write_pruned_list(in.graph, in.nodes[i], lease->prune);
  });
  TRY(in.stop.check());
  add_edges_back(in.graph, in.nodes, in.pool);
  return {};
}

Result<GraphOptions> parse_nsg(const IndexOptions& options, const VectorSpace& space) {
  OptionReader reader(options, "nsg");
  GraphOptions out;
  out.links = out.degree = out.degree_kept = reader.number("degree", 32, 4, 256);
  out.neighbors = reader.number("neighbors", out.neighbors, 4, 1000);
  out.candidates = reader.number("candidates", out.candidates, 4, 10'000);
  out.starts = reader.number("roots", 32, 0, 256);
  out.ef_construction = reader.number("ef_construction", 60, 1, 10'000);
  out.ef = reader.number("ef", out.ef, 1, 100'000);
  read_delete_option(reader, out);
  out.pending_max = reader.number("pending_max", out.pending_max, 1, 1u << 30);
  read_code_options(reader, space, 0, out);
  TRY(reader.finish());
  return out;
}

}  // namespace

constexpr GraphKind kNsgGraph = {
    .name = "nsg",
    .summary = "navigating spreading-out graph: built at once from a k-NN graph, then grows in place",
    .magic = "KITHNSG_",
    .build = build_nsg,
    .parse = parse_nsg,
};

constinit const IndexKind kNsgKind = index_kind_of<kNsgGraph>();

}  // namespace kith

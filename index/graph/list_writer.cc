#include "index/graph/list_writer.h"

#include <algorithm>

namespace kith {

void write_pruned_list(GraphStore& graph, Node node, PruneScratch& scratch) {
  select_neighbors(Measure(graph.vectors(), nullptr), graph.options().rule, node, graph.options().links,
                   graph.options().keep_pruned, scratch, graph.edge_labels());
  std::vector<Node> ids;
  size_t checked = 0;
  for (const PruneCandidate& kept : scratch.kept) {
    ids.push_back(kept.node);
    checked += kept.checked;
  }
  graph.marks(node).set_checked(checked);
  graph.base().assign(node, ids);
}

void add_edges_back(GraphStore& graph, std::span<const Node> nodes, ThreadPool* pool) {
  const uint32_t capacity = graph.base().capacity();
  std::vector<TargetEdge> edges;
  std::vector<Node> list(capacity), other(capacity);
  KernelQuery query;
  for (const Node node : nodes) {
    list.resize(capacity);
    list.resize(graph.base().read(node, list.data()));
    const RowScorer scorer =
        exact_scorer(graph.vectors(), query.from_stored(graph.space(), graph.vectors()[node]));
    for (const Node to : list) {
      const uint32_t degree = graph.base().read(to, other.data());
      if (std::find(other.begin(), other.begin() + degree, node) != other.begin() + degree) continue;
      const void* row = scorer.row(to);
      float distance = 0;
      scorer.score(&row, 1, &distance);
      edges.push_back({to, 0, {distance, node}});
    }
  }
  ScratchPool<LinkScratch> scratch;
  connect_all(graph, scratch, pool, edges);
}

}  // namespace kith

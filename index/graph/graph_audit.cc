#include "index/graph/graph_audit.h"

#include "index/graph/graph_index.h"

namespace kith {

Result<GraphAudit> audit_graph(const Index& index) {
  const auto* graph_index = dynamic_cast<const GraphIndex*>(&index);
  if (graph_index == nullptr) return invalid_argument("the index is no graph");
  const GraphStore& graph = graph_index->graph();
  const Node nodes = graph_index->rows().size();
  NodeBits linked(nodes);  // first: what is linked by now can be reached from now on
  for (Node node = 0; node < nodes; ++node)
    if (graph.linked(node)) linked.set(node);
  const NodeBits reachable = graph.reachable(nodes);
  NodeBits chained(nodes);
  graph.for_each_equal([&](Node, Node member) {
    if (member < nodes) chained.set(member);
  });
  GraphAudit audit;
  audit.degrees.resize(graph.base().capacity() + 1);
  audit.levels.resize(GraphStore::kLevelMax + 1);
  std::vector<Node> neighbors(graph.base().capacity());
  for (Node node = 0; node < nodes; ++node) {
    if (!linked.has(node)) {
      ++audit.pending;
      continue;
    }
    if (graph.left(node)) continue;
    ++audit.nodes;
    audit.chained += chained.has(node);
    if (!chained.has(node)) {
      const uint32_t degree = graph.base().read(node, neighbors.data());
      audit.edges += degree;
      ++audit.degrees[degree];
      ++audit.levels[graph.level(node)];
    }
    if (reachable.has(node) || graph_index->rows().removed(node)) continue;
    ++audit.unreachable;
    if (audit.examples.size() < 16) audit.examples.push_back(graph_index->rows().row(node));
  }
  if (const auto entry = graph.entry()) audit.entry_level = entry->level;
  return audit;
}

}  // namespace kith

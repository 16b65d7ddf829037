#include "index/graph/graph_audit.h"

#include "index/graph/graph_index.h"

namespace kith {

Result<GraphAudit> audit_graph(const Index& index) {
  const auto* graph_index = dynamic_cast<const GraphIndex*>(&index);
  if (graph_index == nullptr) return invalid_argument("the index is no graph");
  const GraphStore& graph = graph_index->graph();
  const Node nodes = graph_index->rows().size();
  std::vector<bool> linked(nodes);  // first: what is linked by now can be reached from now on
  for (Node node = 0; node < nodes; ++node) linked[node] = graph.linked(node);
  const std::vector<bool> reachable = graph.reachable(nodes);
  std::vector<bool> chained(nodes);
  graph.for_each_equal([&](Node, Node member) {
    if (member < nodes) chained[member] = true;
  });
  GraphAudit audit;
  audit.degrees.resize(graph.base().capacity() + 1);
  audit.levels.resize(GraphStore::kLevelMax + 1);
  std::vector<Node> neighbors(graph.base().capacity());
  for (Node node = 0; node < nodes; ++node) {
    if (!linked[node]) {
      ++audit.pending;
      continue;
    }
    ++audit.nodes;
    audit.chained += chained[node];
    if (!chained[node]) {
      const uint32_t degree = graph.base().read(node, neighbors.data());
      audit.edges += degree;
      ++audit.degrees[degree];
      ++audit.levels[graph.level(node)];
    }
    if (reachable[node] || graph_index->rows().removed(node)) continue;
    ++audit.unreachable;
    if (audit.examples.size() < 16) audit.examples.push_back(graph_index->rows().row(node));
  }
  if (const auto entry = graph.entry()) audit.entry_level = entry->level;
  return audit;
}

}  // namespace kith

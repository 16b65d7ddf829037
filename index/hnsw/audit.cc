#include "index/hnsw/audit.h"

#include "index/hnsw/hnsw_index.h"

namespace kith {

Result<HnswAudit> audit_hnsw(const Index& index) {
  const auto* hnsw = dynamic_cast<const HnswIndex*>(&index);
  if (hnsw == nullptr) return invalid_argument("the index is no hnsw index");
  const HnswGraph& graph = hnsw->graph();
  const Node nodes = hnsw->rows().size();
  const std::vector<bool> reachable = graph.reachable(nodes);
  std::vector<bool> chained(nodes);
  graph.for_each_equal([&](Node, Node member) {
    if (member < nodes) chained[member] = true;
  });
  HnswAudit audit;
  audit.degrees.resize(graph.base().capacity() + 1);
  audit.levels.resize(HnswGraph::kLevelMax + 1);
  std::vector<Node> neighbors(graph.base().capacity());
  for (Node node = 0; node < nodes; ++node) {
    if (!graph.linked(node)) continue;
    ++audit.nodes;
    audit.chained += chained[node];
    if (!chained[node]) {
      const uint32_t degree = graph.base().read(node, neighbors.data());
      audit.edges += degree;
      ++audit.degrees[degree];
      ++audit.levels[graph.level(node)];
    }
    if (reachable[node] || hnsw->rows().removed(node)) continue;
    ++audit.unreachable;
    if (audit.examples.size() < 16) audit.examples.push_back(hnsw->rows().row(node));
  }
  if (const auto entry = graph.entry()) audit.entry_level = entry->level;
  return audit;
}

}  // namespace kith

// NestedLayer: the lists of a graph with labels=nested as a walk for labels sees them (nested_store.h). Lists
// inside and above are followed without a look at labels: from a node of a group that is asked for they lead
// to nodes that are asked for alone. Those of the ordinary graph, which join groups of which neither has all
// labels of the other, are asked for each neighbour's labels first: others are neither measured nor passed
// through. UNG has the former alone; docs/architecture.md says what that misses.
#pragma once

#include "index/graph/graph_store.h"
#include "index/graph/label_filter.h"
#include "index/graph/visited_set.h"

namespace kith {

class NestedLayer {
 public:
  NestedLayer(const GraphStore& graph, const LabelFilter& filter)
      : base_(graph.base()),
        inside_(graph.nested()->inside.lists()),
        above_(graph.nested()->above.lists()),
        filter_(filter) {}

  uint32_t degree_max() const { return base_.capacity() + inside_.capacity() + above_.capacity(); }
  void prefetch(Node node) const {
    inside_.prefetch(node);
    above_.prefetch(node);
    base_.prefetch(node);
  }

  size_t read_fresh(Node node, VisitedSet& visited, Node* out) const {
    size_t count = 0;
    if (filter_.follows(node)) {
      count = inside_.read(node, out);
      count = visited.keep_fresh(out, count + above_.read(node, out + count));
    } else {
      count = keep_matching(visited, out, inside_.read(node, out));
    }
    return count + keep_matching(visited, out + count, base_.read(node, out + count));
  }

 private:
  size_t keep_matching(VisitedSet& visited, Node* nodes, size_t count) const {
    size_t kept = 0;
    for (size_t i = 0; i < count; ++i) {
      nodes[kept] = nodes[i];
      kept += filter_.walks(nodes[i]);
    }
    return visited.keep_fresh(nodes, kept);
  }

  const AdjacencyStore& base_;
  const AdjacencyStore& inside_;
  const AdjacencyStore& above_;
  const LabelFilter& filter_;
};

}  // namespace kith

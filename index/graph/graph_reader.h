// GraphReader: a graph from its checkpoint (graph_codec.h). Every number is checked: a node is below n,
// linked and in the graph (not in a chain), an upper neighbour has that level, no vector is in two chains.
#pragma once

#include "index/graph/graph_codec.h"
#include "index/graph/label_codec.h"

namespace kith {

class GraphReader {
 public:
  /// `graph` is grown to `nodes` and otherwise empty. All that it is given outlives the reader.
  GraphReader(const CheckpointInput& in, const SectionFile& main, Node nodes, GraphStore& graph)
      : in_(in), main_(main), nodes_(nodes), graph_(graph), cut_(list_cut(nodes, graph)) {}

  /// Reads what must be known before all else; leaves the rest to `jobs`, which use this reader.
  Result<void> begin(std::vector<OpenJob>& jobs);
  /// After all jobs.
  void finish();
  /// No edge was left out that labels may need.
  bool at_rest() const { return starts_.at_rest; }

 private:
  Result<void> read_equals();
  Result<void> read_head();
  Result<void> read_labels(std::vector<OpenJob>& jobs);
  void begin_groups();
  void drop_unlinked();
  Result<Node> node_of(uint64_t slot, const char* what) const;
  Result<void> read_lists(const Extent& extent, uint32_t sum);
  void unlink_unreachable();
  void unlink(Node node);

  const CheckpointInput& in_;
  const SectionFile& main_;
  Node nodes_;
  GraphStore& graph_;
  ExtentCut cut_;
  NodeBits linked_;
  NodeBits members_;  // of the graph
  std::vector<std::pair<Node, Node>> equals_;
  NodeBits nested_;  // with labels=nested: that have lists there
  LabelStarts starts_;
  Node entry_ = kNoNode;
  Node zero_ = kNoNode;
};

}  // namespace kith

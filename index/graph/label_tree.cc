#include "index/graph/label_tree.h"

#include <map>

#include "index/graph/nested_linker.h"

namespace kith {
namespace {

class LabelTree {
 public:
  LabelTree(GraphStore& graph, Linker& linker, Label label, Node nodes)
      : graph_(graph), linker_(linker), label_(label), tree_(nodes) {}

  void grow(std::span<const Node> members) {
    reach(graph_.labels()->claim_start(label_, members.front()));
    spread();
    for (const Node node : members) {
      if (tree_.has(node)) continue;
      linker_.join(node, label_, &tree_);
      reach(node);
      spread();
    }
  }

 private:
  void reach(Node node) {
    tree_.set(node);
    queue_.push_back(node);
  }

  void spread() {
    const LabelTable& labels = *graph_.labels();
    std::vector<Node> neighbors(graph_.base().capacity());
    for (; next_ < queue_.size(); ++next_) {
      const Node node = queue_[next_];
      const uint32_t degree = graph_.base().read(node, neighbors.data());
      for (const Node other : std::span(neighbors).first(degree)) {
        if (other >= tree_.size() || tree_.has(other) || !labels.has(labels.walk_set(other), label_))
          continue;
        if (linker_.force_edge(node, {0, other})) reach(other);
      }
    }
  }

  GraphStore& graph_;
  Linker& linker_;
  Label label_;
  NodeBits tree_;
  std::vector<Node> queue_;  // the tree, in the order in which it grows
  size_t next_ = 0;
};

}  // namespace

void grow_label_trees(GraphStore& graph, LinkScratch& scratch, Node nodes) {
  if (graph.nested() != nullptr) return restore_nested(graph, scratch, nodes);
  const LabelTable& labels = *graph.labels();
  std::map<Label, std::vector<Node>> members;
  for (Node node = 0; node < nodes; ++node)
    if (graph.base().has_any(node))
      for (const Label label : labels.labels(labels.walk_set(node))) members[label].push_back(node);
  Linker linker(graph, scratch);
  for (const auto& [label, nodes_of_label] : members)
    LabelTree(graph, linker, label, nodes).grow(nodes_of_label);
}

}  // namespace kith

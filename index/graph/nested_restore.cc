// nested_whole, restore_nested: see nested_linker.h.
#include "index/graph/nested_codec.h"
#include "index/graph/nested_linker.h"

namespace kith {
namespace {

/// Marks what the lists inside lead to from `start`, of the same group.
void reach(const GraphStore& graph, Node start, NodeBits& reached) {
  const AdjacencyStore& lists = graph.nested()->inside.lists();
  std::vector<Node> neighbors(lists.capacity()), stack{start};
  reached.set(start);
  while (!stack.empty()) {
    const uint32_t degree = lists.read(stack.back(), neighbors.data());
    stack.pop_back();
    for (const Node node : std::span(neighbors).first(degree)) {
      if (node >= reached.size() || reached.has(node)) continue;
      reached.set(node);
      stack.push_back(node);
    }
  }
}

/// The trees of groups: what edges inside that no pruning drops lead to from their starts.
class GroupTrees {
 public:
  GroupTrees(const GraphStore& graph, Node nodes)
      : inside_(graph.nested()->inside), tree_(nodes), neighbors_(inside_.capacity()) {}

  void begin(Node start) {
    reach(start);
    follow();
  }
  /// Other edges lead to more: those stay from now on, too, where a list has room for such.
  void keep_others() {
    std::vector<Node> others(inside_.capacity());
    for (size_t next = 0; next < queue_.size(); ++next) {
      ListMarks marks = inside_.marks(queue_[next]);
      const uint32_t degree = inside_.lists().read(queue_[next], others.data());
      uint32_t forced = 0;
      for (uint32_t i = 0; i < degree; ++i) forced += marks.forced(i);
      for (uint32_t i = 0; i < degree && forced < NestedStore::kStay; ++i) {
        if (!reach(others[i])) continue;
        marks.set_forced(i, true);
        ++forced;
        follow();
      }
    }
  }
  NodeBits take() { return std::move(tree_); }

 private:
  bool reach(Node node) {
    if (node >= tree_.size() || tree_.has(node)) return false;
    tree_.set(node);
    queue_.push_back(node);
    return true;
  }
  void follow() {
    for (; followed_ < queue_.size(); ++followed_) {
      const ListMarks marks = inside_.marks(queue_[followed_]);
      const uint32_t degree = inside_.lists().read(queue_[followed_], neighbors_.data());
      for (uint32_t i = 0; i < degree; ++i)
        if (marks.forced(i)) reach(neighbors_[i]);
    }
  }

  const MarkedLists& inside_;
  NodeBits tree_;
  std::vector<Node> queue_;  // the tree, in the order in which it grows
  size_t followed_ = 0;      // of the queue
  std::vector<Node> neighbors_;
};

}  // namespace

bool nested_whole(const GraphStore& graph, const NodeBits& members) {
  NodeBits reached(members.size());
  std::unordered_set<LabelSetNumber> loose;
  for (const LabelGroups::Group& group : graph.nested()->groups.all()) {
    reach(graph, group.entries.front(), reached);
    if (group.loose > 0) loose.insert(group.set);
  }
  for (Node node = 0; node < members.size(); ++node)
    if (members.has(node) && !reached.has(node) && !loose.contains(graph.labels()->walk_set(node)))
      return false;
  return true;
}

void restore_nested(GraphStore& graph, LinkScratch& scratch, Node nodes) {
  NestedStore& nested = *graph.nested();
  NodeBits linked(nodes);
  for (Node node = 0; node < nodes; ++node)
    if (graph.linked(node)) linked.set(node);
  std::vector<std::pair<Node, Node>> equals;
  graph.for_each_equal(
      [&](Node representative, Node member) { equals.emplace_back(representative, member); });
  const NodeBits members = nested_nodes(std::move(linked), equals, *graph.labels());
  GroupTrees trees(graph, nodes);
  for (const LabelGroups::Group& group : nested.groups.all()) trees.begin(group.entries.front());
  trees.keep_others();
  NodeBits reached = trees.take();
  std::vector<Node> lost;
  for (Node node = 0; node < nodes; ++node)
    if (members.has(node) && !reached.has(node)) lost.push_back(node);
  for (const Node node : lost) nested.clear(node);
  for (const Node node : lost) {
    Linker(graph, scratch).link_nested_again(node, reached);
    reached.set(node);
  }
  nested.groups.forget_ways();
  SearchStats stats;
  const Measure measure = graph.measure();
  NestedLinker linker(graph, scratch, measure, stats, &reached);
  for (const LabelGroups::Group& group : nested.groups.all()) linker.lead_into(group.set);
}

}  // namespace kith

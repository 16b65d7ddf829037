#include "index/graph/label_tree.h"

#include <map>

#include "index/graph/nested_linker.h"

namespace kith {
namespace {

bool stays(const GraphStore& graph, Node node) {
  return graph.linked(node) && !graph.leaving(node);
}

/// The tree of one label after another.
class LabelTree {
 public:
  LabelTree(GraphStore& graph, LinkScratch& scratch, Node nodes)
      : graph_(graph), labels_(*graph.labels()), linker_(graph, scratch), nodes_(nodes) {}

  void grow(Label label, std::span<const Node> members) {
    begin(label, labels_.claim_start(label, members.front()));
    keep_others();
    join_all(members);
  }

  /// `orphans`: nodes to which edges of trees lead from such as leave.
  void mend(Label label, std::span<const Node> orphans, std::span<const Node> members) {
    const Node start = labels_.start(label);
    if (start == kNoNode) return;
    const uint32_t loose = labels_.loose(label);
    const bool moves = graph_.leaving(start);
    const Node root = !moves ? start : largest_of(label, orphans.empty() ? members : orphans);
    if (root == kNoNode) return labels_.move_start(label, kNoNode);
    begin(label, root);
    while (join_those_near(orphans)) {
    }
    join_all(orphans);
    join_all(members);
    if (moves) labels_.move_start(label, root);
    labels_.forget_loose(label, loose);
  }

 private:
  void begin(Label label, Node start) {
    label_ = label;
    start_ = start;
    reached_.reset(nodes_);
    forget();
    reach(start);
    follow();
  }
  void forget() {
    queue_.clear();
    next_ = 0;
  }
  LabelReach reached() const { return {start_, reached_}; }

  bool reach(Node node) {
    if (graph_.leaving(node) || !labels_.carries(node, label_) || !reached_.insert(node)) return false;
    queue_.push_back(node);
    return true;
  }

  /// The edges of trees that lead from a node.
  std::span<const Node> forced(Node node) {
    list_.resize(graph_.base().capacity());
    const auto guard = graph_.locks().lock(node);
    const uint32_t degree = graph_.base().read(node, list_.data());
    const ListMarks marks = graph_.marks(node);
    size_t count = 0;
    for (uint32_t i = 0; i < degree; ++i)
      if (marks.forced(i)) list_[count++] = list_[i];
    return std::span(list_).first(count);
  }

  void follow() {
    for (; next_ < queue_.size(); ++next_)
      for (const Node other : forced(queue_[next_])) reach(other);
  }

  /// Other edges lead to more: they are of the tree from now on, where a list has room for such.
  void keep_others() {
    std::vector<Node> others(graph_.base().capacity());
    for (size_t i = 0; i < queue_.size(); ++i) {
      const Node node = queue_[i];
      const uint32_t degree = graph_.base().read(node, others.data());
      for (const Node other : std::span(others).first(degree)) {
        if (other >= nodes_ || reached_.contains(other) || graph_.leaving(other) ||
            !labels_.carries(other, label_) || !linker_.force_edge(node, {0, other}))
          continue;
        reach(other);
        follow();
      }
    }
  }

  bool join_those_near(std::span<const Node> nodes) {
    bool joined = false;
    for (const Node node : nodes) {
      const LabelReach so_far = reached();
      if (reached_.contains(node) || !linker_.join_near(node, label_, &so_far)) continue;
      reach(node);
      follow();
      joined = true;
    }
    return joined;
  }

  void join_all(std::span<const Node> nodes) {
    for (const Node node : nodes) {
      if (reached_.contains(node)) continue;
      const LabelReach so_far = reached();
      linker_.join(node, label_, &so_far);
      reach(node);
      follow();
    }
  }

  /// Of some nodes the one that leads to most others; kNoNode of none.
  Node largest_of(Label label, std::span<const Node> nodes) {
    label_ = label;
    reached_.reset(nodes_);
    Node largest = kNoNode;
    size_t most = 0;
    for (const Node node : nodes) {
      forget();
      if (!reach(node)) continue;
      follow();
      if (queue_.size() <= most) continue;
      most = queue_.size();
      largest = node;
    }
    return largest;
  }

  GraphStore& graph_;
  LabelTable& labels_;
  Linker linker_;
  const Node nodes_;
  Label label_ = kNoLabel;
  Node start_ = kNoNode;
  VisitedSet reached_;
  std::vector<Node> queue_;  // the tree, in the order in which it is followed
  size_t next_ = 0;
  std::vector<Node> list_;
};

/// Nodes by label, of some labels alone.
class NodesByLabel {
 public:
  /// Ascending.
  explicit NodesByLabel(std::vector<Label> labels) : labels_(std::move(labels)), nodes_(labels_.size()) {}

  const std::vector<Label>& labels() const { return labels_; }
  std::span<const Node> operator[](size_t i) const { return nodes_[i]; }
  void add(Node node, std::span<const Label> labels) {
    for (const Label label : labels) {
      const auto at = std::ranges::lower_bound(labels_, label);
      if (at != labels_.end() && *at == label)
        nodes_[static_cast<size_t>(at - labels_.begin())].push_back(node);
    }
  }

  /// All nodes of the graph that stay, by the labels that they are walked by; where that is by every label by
  /// those of its chain.
  void add_all(const GraphStore& graph, Node nodes) {
    const LabelTable& table = *graph.labels();
    const auto add_one = [&](Node node, LabelSetNumber set) {
      if (set != LabelTable::kNoLabels && stays(graph, node) && graph.base().has_any(node))
        add(node, table.labels(set));
    };
    for (Node node = 0; node < nodes; ++node) {
      const LabelSetNumber set = table.walk_set(node);
      add_one(node, set == LabelTable::kEveryLabel ? table.set_of(node) : set);
    }
    if (graph.has_equals())
      graph.for_each_equal([&](Node representative, Node member) {
        if (table.walk_set(representative) == LabelTable::kEveryLabel && !graph.leaving(member))
          add_one(representative, table.set_of(member));
      });
  }

 private:
  std::vector<Label> labels_;
  std::vector<std::vector<Node>> nodes_;
};

/// What hangs at a node in trees of labels, with the labels of which it may.
struct Orphan {
  Node node;
  std::vector<Label> labels;
};

std::vector<Orphan> orphans_of(const GraphStore& graph, Node leaving) {
  const LabelTable& table = *graph.labels();
  std::vector<Node> list(graph.base().capacity());
  std::vector<Orphan> out;
  const auto guard = graph.locks().lock(leaving);
  const uint32_t degree = graph.base().read(leaving, list.data());
  for (uint32_t i = 0; i < degree; ++i) {
    if (!graph.marks(leaving).forced(i) || !stays(graph, list[i])) continue;
    Orphan orphan{list[i], {}};
    std::ranges::copy_if(table.labels(table.walk_set(list[i])), std::back_inserter(orphan.labels),
                         [&](Label label) { return table.carries(leaving, label); });
    out.push_back(std::move(orphan));
  }
  return out;
}

}  // namespace

void grow_label_trees(GraphStore& graph, LinkScratch& scratch, Node nodes) {
  if (graph.nested() != nullptr) return restore_nested(graph, scratch, nodes);
  const LabelTable& labels = *graph.labels();
  std::map<Label, std::vector<Node>> members;
  for (Node node = 0; node < nodes; ++node)
    if (graph.base().has_any(node))
      for (const Label label : labels.labels(labels.walk_set(node))) members[label].push_back(node);
  LabelTree tree(graph, scratch, nodes);
  for (const auto& [label, nodes_of_label] : members) tree.grow(label, nodes_of_label);
}

void end_label_trees(GraphStore& graph, Node nodes) {
  LabelTable& labels = *graph.labels();
  std::vector<Label> ended;
  for (const LabelStart& start : labels.starts()) {
    if (start.start == kNoNode || !graph.leaving(start.start)) continue;
    bool carried = false;
    for (const LabelSetNumber set : labels.sets_with(start.label))
      carried = carried || !labels.for_each_node(set, [&](Node node) { return !stays(graph, node); });
    if (!carried) ended.push_back(start.label);
  }
  if (ended.empty()) return;
  // Nodes may be walked by labels of rows that were in their chains.
  NodesByLabel carriers(std::move(ended));
  carriers.add_all(graph, nodes);
  for (size_t i = 0; i < carriers.labels().size(); ++i)
    if (carriers[i].empty()) labels.move_start(carriers.labels()[i], kNoNode);
}

void mend_label_trees(GraphStore& graph, LinkScratch& scratch, std::span<const Node> leaving, Node nodes) {
  LabelTable& table = *graph.labels();
  std::vector<Label> labels;
  std::vector<Orphan> found;
  for (const Node node : leaving) {
    std::ranges::copy(table.labels(table.walk_set(node)), std::back_inserter(labels));
    for (Orphan& orphan : orphans_of(graph, node)) {
      std::ranges::copy(orphan.labels, std::back_inserter(labels));
      found.push_back(std::move(orphan));
    }
  }
  for (const LabelStart& start : table.starts())
    if (start.loose > 0 || (start.start != kNoNode && graph.leaving(start.start)))
      labels.push_back(start.label);
  std::ranges::sort(labels);
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  NodesByLabel orphans(labels), members(labels);
  for (const Orphan& orphan : found) orphans.add(orphan.node, orphan.labels);
  members.add_all(graph, nodes);
  LabelTree tree(graph, scratch, nodes);
  for (size_t i = 0; i < labels.size(); ++i) tree.mend(labels[i], orphans[i], members[i]);
}

}  // namespace kith

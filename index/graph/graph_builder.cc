#include "index/graph/graph_builder.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "index/graph/batch_linker.h"
#include "index/graph/label_tree.h"
#include "index/graph/mean_vector.h"
#include "index/graph/stitched_builder.h"

namespace kith {
namespace {

/// What becomes nodes, and what hangs at them.
struct Members {
  std::vector<Node> nodes;
  std::vector<std::pair<Node, Node>> twins;  // representative, member
  std::vector<Node> removed;                 // neither: nobody will ever ask for them
};

Members members_of(const GraphStore& graph, const RowTable& rows, Node nodes) {
  Members out;
  std::unordered_map<std::string_view, Node> seen;
  seen.reserve(nodes);
  for (Node node = 0; node < nodes; ++node) {
    if (rows.removed(node)) {
      out.removed.push_back(node);
      continue;
    }
    const auto* bytes = reinterpret_cast<const char*>(graph.vectors()[node]);
    const auto [first, fresh] = seen.try_emplace({bytes, graph.space().bytes()}, node);
    if (fresh) {
      out.nodes.push_back(node);
    } else {
      out.twins.emplace_back(first->second, node);
    }
  }
  return out;
}

Result<Node> nearest_to_mean(const GraphStore& graph, const std::vector<Node>& nodes) {
  const std::vector<std::byte> mean =
      TRY(mean_of_sample(graph.vectors(), nodes.back() + 1, graph.seed(), [](Node) { return true; }));
  const RowScorer scorer = exact_scorer(graph.vectors(), mean.data());
  Candidate best{0, nodes[0]};
  for (const Node node : nodes) {
    const void* row = scorer.row(node);
    float distance = 0;
    scorer.score(&row, 1, &distance);
    if (node == nodes[0] || distance < best.distance) best = {distance, node};
  }
  return best.node;
}

/// Before anything is linked: what hangs at a node is to be found through it.
Result<void> hold_labels_together(GraphStore& graph, const std::vector<std::pair<Node, Node>>& twins,
                                  Node nodes, ScratchPool<LinkScratch>& scratch) {
  LabelTable& labels = *graph.labels();
  for (const auto& [representative, member] : twins) TRY(labels.widen(representative, labels.set_of(member)));
  const auto lease = scratch.borrow();
  grow_label_trees(graph, *lease, nodes);
  return {};
}

/// The spanning tree and its repair.
class Connector {
 public:
  Connector(GraphStore& graph, LinkScratch& scratch, Node nodes, Node entry)
      : graph_(graph), scratch_(scratch), entry_(entry), seen_(nodes), forced_(nodes) {
    reach(entry);
    list_.resize(graph.base().capacity());
  }

  uint64_t run(const std::vector<Node>& nodes) {
    spread();
    uint64_t unreached = 0;
    for (const Node node : nodes) {
      if (seen_[node]) continue;
      ++unreached;
      adopt(node);
      spread();
    }
    return unreached;
  }

 private:
  bool has_room(Node node) const { return forced_[node] < graph_.base().capacity() / 2; }

  void reach(Node node) {
    seen_[node] = true;
    queue_.push_back(node);
  }

  void spread() {
    for (; next_ < queue_.size(); ++next_) {
      const Node node = queue_[next_];
      const uint32_t degree = graph_.base().read(node, list_.data());
      ListMarks marks = graph_.marks(node);
      for (uint32_t i = 0; i < degree && has_room(node); ++i) {
        if (seen_[list_[i]]) continue;
        marks.set_forced(i, true);
        ++forced_[node];
        reach(list_[i]);
        force_back(list_[i], node);
      }
    }
  }

  /// The edge of a node that has been reached just now to its parent.
  void force_back(Node node, Node parent) {
    std::vector<Node>& list = scratch_.ids;
    list.resize(graph_.base().capacity());
    list.resize(graph_.base().read(node, list.data()));
    const auto at = std::find(list.begin(), list.end(), parent) - list.begin();
    if (static_cast<size_t>(at) == list.size()) return add_forced(node, parent);
    graph_.marks(node).set_forced(static_cast<uint32_t>(at), true);
    ++forced_[node];
  }

  /// Hangs `node` at the nearest of the tree that has room.
  void adopt(Node node) {
    LinkScratch& s = scratch_;
    const RowScorer scorer = Measure(graph_.vectors(), nullptr).between(node, s.query);
    Candidate from{0, entry_};
    const void* row = scorer.row(entry_);
    scorer.score(&row, 1, &from.distance);
    s.visited.reset(static_cast<Node>(seen_.size()));
    s.visited.insert(entry_);
    s.pool.reset(graph_.options().ef_construction);
    s.pool.insert(from.distance, entry_, true);
    SearchStats stats;
    CHECK(beam_search(BaseLayer{&graph_.base()}, scorer, AllNodes{}, s.pool, s.visited, s.step, Stop{}, stats)
              .ok());
    Node parent = kNoNode;
    for (size_t i = 0; i < s.pool.size() && parent == kNoNode; ++i)
      if (seen_[s.pool[i].node] && has_room(s.pool[i].node)) parent = s.pool[i].node;
    for (size_t i = queue_.size(); parent == kNoNode;)  // a tree of n edges has nodes with room
      if (has_room(queue_[--i])) parent = queue_[i];
    add_forced(parent, node);
    reach(node);
    force_back(node, parent);
  }

  /// At the end of the list, or in the place of the last edge that is not forced.
  void add_forced(Node parent, Node node) {
    std::vector<Node>& list = scratch_.ids;
    list.resize(graph_.base().capacity());
    const uint32_t degree = graph_.base().read(parent, list.data());
    ListMarks marks = graph_.marks(parent);
    uint32_t at = degree;
    if (degree == graph_.base().capacity())
      for (--at; marks.forced(at);) --at;
    graph_.base().set(parent, at, node);
    marks.set_forced(at, true);
    marks.set_checked(std::min(marks.checked(), at));
    ++forced_[parent];
  }

  GraphStore& graph_;
  LinkScratch& scratch_;
  Node entry_;
  std::vector<bool> seen_;
  std::vector<uint32_t> forced_;
  std::vector<Node> queue_;  // the tree, in the order in which it grew
  std::vector<Node> list_;
  size_t next_ = 0;
};

void clear_lists(GraphStore& graph, Node nodes) {
  for (Node node = 0; node < nodes; ++node) {
    graph.base().assign(node, {});
    ListMarks marks = graph.marks(node);
    marks.set_checked(0);
    for (uint32_t i = 0; i < graph.base().capacity(); ++i) marks.set_forced(i, false);
  }
}

bool is_zero(const std::byte* vector, size_t bytes) {
  return std::all_of(vector, vector + bytes, [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

GraphBuild builder_of(const GraphKind& kind, const GraphOptions& options) {
  return options.labels == LabelEdges::kStitched ? build_stitched : kind.build;
}

Result<BuildCounts> build_graph(GraphBuild build, GraphStore& graph, const RowTable& rows, Node nodes,
                                ScratchPool<LinkScratch>& scratch, ThreadPool* pool, const Stop& stop) {
  const Members members = members_of(graph, rows, nodes);
  BuildCounts counts;
  clear_lists(graph, nodes);  // of a build that was stopped
  if (!members.nodes.empty()) {
    const Node middle = TRY(nearest_to_mean(graph, members.nodes));
    TRY(stop.check());
    if (members.nodes.size() > 1) TRY(build({graph, members.nodes, middle, pool, stop}));
    const auto lease = scratch.borrow();
    counts.unreached = Connector(graph, *lease, nodes, middle).run(members.nodes);
    if (graph.codes() != nullptr) {
      for_all(pool, members.nodes.size(), [&](size_t i) { graph.encode(members.nodes[i]); });
      for (const auto& [representative, member] : members.twins) graph.encode(member);
    }
    graph.offer_entry(middle, 0);
  }
  for (const Node node : members.nodes)
    if (graph.space().metric == Metric::kCosine && is_zero(graph.vectors()[node], graph.space().bytes()))
      graph.set_zero_node(node);
  if (graph.labels() != nullptr) TRY(hold_labels_together(graph, members.twins, nodes, scratch));
  for (const auto& [representative, member] : members.twins) graph.add_equal(representative, member);
  for (Node node = 0; node < nodes; ++node) graph.set_linked(node);
  for (const Node node : members.removed) graph.set_left(node);
  const GraphOptions& options = graph.options();
  if (options.entry_moves && !options.levels && nodes > 0)
    graph.choose_landmarks(GraphStore::landmark_step(nodes - 1));
  return counts;
}

}  // namespace kith

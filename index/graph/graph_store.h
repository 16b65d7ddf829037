// GraphStore: what every graph kind stores: vectors, lists of layer 0 and, for kinds with levels, of the
// layers above, chains of equal vectors, entry. Two things in it hold any graph together, whatever the data:
//  - A vector equal to one already linked becomes no node of the graph: it hangs in a chain at that one
//    ("equals"). Runs of duplicates would otherwise fill each other's lists and cut the graph into islands.
//  - Layer 0 contains a spanning tree whose edges, both ways, pruning never drops ("forced"): each linked
//  node can
//    be reached from the entry. A node's parent is the nearest selected neighbour with room.
//
// A node's level is a function of seed and node, so no insertion order or thread changes it. Memory: vectors,
// 4 bytes a slot of layer 0 (two cache lines at degree 32), degree / 8 + 1 bytes of marks, and about 10 bytes
// a node for the rest.
//
// Threads: one writer grows; any number of linkers change lists under `locks`; readers take no lock
// (graph/adjacency.h).
#pragma once

#include <atomic>
#include <bit>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "base/random.h"
#include "index/graph/adjacency.h"
#include "index/graph/graph_codes.h"
#include "index/graph/graph_options.h"
#include "index/graph/label_table.h"
#include "index/graph/landmarks.h"
#include "index/graph/measure.h"
#include "index/graph/nested_store.h"
#include "index/graph/node_locks.h"
#include "index/node_bits.h"

namespace kith {

struct GraphEntry {
  Node node;
  uint32_t level;
};

class GraphStore {
 public:
  static constexpr uint32_t kLevelMax = 30;

  GraphStore(const VectorSpace& space, const GraphOptions& options, uint64_t seed);

  /// Memory for nodes [0, count). One writer.
  Result<void> grow(Node count);
  /// What it was grown to: above all nodes of all lists.
  Node grown() const { return grown_.load(std::memory_order_acquire); }

  const GraphOptions& options() const { return options_; }
  uint64_t seed() const { return seed_; }
  const VectorSpace& space() const { return vectors_.space(); }
  VectorStore& vectors() { return vectors_; }
  const VectorStore& vectors() const { return vectors_; }

  /// floor(-ln U / ln links), U uniform in (0, 1] from seed and node; 0 for kinds without levels.
  uint32_t level(Node node) const;

  /// Null until there are enough vectors to train on, or where none are wanted.
  const CodeStore* codes() const { return codes_.in_use(); }
  /// With those that come in or go.
  const GraphCodes& all_codes() const { return codes_; }
  GraphCodes& all_codes() { return codes_; }
  /// Before the node is linked.
  void encode(Node node) { codes_.encode(node, vectors_); }
  /// On codes where there are some.
  Measure measure() const { return {vectors_, codes()}; }

  std::optional<GraphEntry> entry() const;
  /// Makes `node` the entry if there is none or its level is higher.
  void offer_entry(Node node, uint32_t level);
  /// Makes `node`, of the graph and whole, the entry: kinds without levels only.
  void move_entry(Node node) { entry_.store(uint64_t{1} << 32 | node, std::memory_order_release); }
  /// Makes others ways in where `node` was one: `near`, of the graph and staying, and for kinds with levels
  /// the highest of those that stay. No linker is under way.
  void leave_entry(Node node, Node near);
  std::mutex& first_entry_mutex() { return entry_mutex_; }

  /// Where a walk may begin besides the entry: the node below `nodes` that hashes from `number`, or kNoNode
  /// when that one has no list.
  Node start(uint64_t number, Node nodes) const {
    const Node node = static_cast<Node>(mix64(seed_ ^ mix64(number)) % nodes);
    return linked(node) && !leaving(node) && base_.has_any(node) ? node : kNoNode;
  }

  const Landmarks& landmarks() const { return landmarks_; }
  /// Of the numbers of nodes at which kinds whose entry moves choose landmarks anew, four while the graph
  /// doubles, the last up to `nodes`; 0 when it is too small for any.
  static Node landmark_step(Node nodes) {
    constexpr Node kFirst = 1024;
    return nodes < kFirst ? 0 : nodes - nodes % (std::bit_floor(nodes) / 4);
  }
  /// Chooses them anew among nodes [0, nodes); none of 0.
  void choose_landmarks(Node nodes);

  AdjacencyStore& base() { return base_; }
  const AdjacencyStore& base() const { return base_; }
  /// Lists of the upper layers; list_of says which is a node's on layer ≥ 1.
  AdjacencyStore& upper() { return upper_; }
  const AdjacencyStore& upper() const { return upper_; }
  uint64_t upper_list(Node node, uint32_t layer) const { return uint64_t{upper_first_[node]} + layer - 1; }
  uint64_t upper_lists() const { return upper_used_.load(std::memory_order_relaxed); }

  ListMarks marks(Node node) const { return {marks_.at(node)}; }
  NodeLocks& locks() const { return locks_; }

  bool linked(Node node) const { return linked_[node].load(std::memory_order_acquire) != 0; }
  void set_linked(Node node) { linked_[node].store(kLinked, std::memory_order_release); }
  /// A node of the graph that is to leave it: no new edge leads there. False where it is none.
  bool set_leaving(Node node) {
    some_left_.store(true, std::memory_order_relaxed);
    uint8_t linked = kLinked;
    return linked_[node].compare_exchange_strong(linked, kLeaving, std::memory_order_acq_rel);
  }
  bool leaving(Node node) const { return linked_[node].load(std::memory_order_acquire) >= kLeaving; }
  /// It has left: it has no list, and is no way in.
  bool left(Node node) const { return linked_[node].load(std::memory_order_acquire) == kLeft; }
  void set_left(Node node) {
    some_left_.store(true, std::memory_order_relaxed);
    linked_[node].store(kLeft, std::memory_order_release);
  }
  /// A node that has left, and that nothing leads to any more, is as one that is new.
  void come_back(Node node) {
    equals_[node].store(0, std::memory_order_relaxed);
    linked_[node].store(0, std::memory_order_release);
  }
  /// Whether any node ever was to leave.
  bool some_left() const { return some_left_.load(std::memory_order_relaxed); }

  /// Whether there are chains.
  bool has_equals() const { return has_equals_.load(std::memory_order_acquire); }
  /// Appends `node` to the chain of vectors equal to `representative`, which is a node of the graph. With
  /// labels=nested: whether it is to have lists there, as the first of the chain with its set of labels.
  bool add_equal(Node representative, Node node);
  /// Takes those for which `gone` out of their chains: returns them. Who stands on one finds its way on.
  template <typename Gone>
  std::vector<Node> drop_equals(Gone gone) {
    std::vector<Node> out;
    const std::lock_guard lock(equals_mutex_);
    for (auto chain = chain_ends_.begin(); chain != chain_ends_.end();) {
      Node before = chain->first;
      for (Node node = next_equal(before), next = kNoNode; node != kNoNode; node = next) {
        next = next_equal(node);
        if (gone(node)) {
          equals_[before].store(next + 1, std::memory_order_release);  // kNoNode + 1 ends the chain
          out.push_back(node);
        } else {
          before = node;
        }
      }
      chain->second = before;
      chain = before == chain->first ? chain_ends_.erase(chain) : std::next(chain);
    }
    return out;
  }
  /// Visits (representative, member) of all chains, each chain in its order.
  template <typename Visit>
  void for_each_equal(Visit visit) const {
    std::lock_guard lock(equals_mutex_);
    for (const auto& [representative, end] : chain_ends_)
      for (Node node = next_equal(representative); node != kNoNode; node = next_equal(node))
        visit(representative, node);
  }
  /// The vector after `node` in its chain, or kNoNode.
  Node next_equal(Node node) const { return equals_[node].load(std::memory_order_acquire) - 1; }
  /// Which of nodes [0, nodes) layer 0 leads to from the entry, with the chains that hang at them.
  NodeBits reachable(Node nodes) const;
  /// Which of nodes [0, nodes) walks for a label reach from its start: nodes of the graph alone.
  NodeBits reachable_by(Label label, Node nodes) const;

  /// Null where rows carry none.
  const LabelTable* labels() const { return labels_.get(); }
  LabelTable* labels() { return labels_.get(); }
  /// The same where ordinary edges are chosen by labels.
  const LabelTable* edge_labels() const { return nested_ == nullptr ? labels_.get() : nullptr; }
  /// Whether each label has a tree of edges that no pruning drops (linker_labels.cc).
  bool has_label_trees() const { return edge_labels() != nullptr && !options_.fused(); }
  /// Null but with labels=nested.
  const NestedStore* nested() const { return nested_.get(); }
  NestedStore* nested() { return nested_.get(); }
  /// Distances that linkers took, ever: what building costs.
  uint64_t link_distances() const { return link_distances_.load(std::memory_order_relaxed); }
  void count_link_distances(uint64_t count) { link_distances_.fetch_add(count, std::memory_order_relaxed); }
  /// What labels take, a node and besides.
  uint64_t label_bytes_per_node() const {
    return (labels_ == nullptr ? 0 : LabelTable::kNodeBytes) +
           (nested_ == nullptr ? 0 : nested_->node_bytes());
  }
  uint64_t label_memory() const {
    return (labels_ == nullptr ? 0 : labels_->memory()) + (nested_ == nullptr ? 0 : nested_->memory());
  }

  /// Cosine only: the node that stands for zero vectors, equally far from everything and so not found by
  /// walking.
  Node zero_node() const { return zero_node_.load(std::memory_order_acquire); }
  void set_zero_node(Node node);

 private:
  // Of `linked_`.
  static constexpr uint8_t kLinked = 1, kLeaving = 2, kLeft = 3;

  GraphOptions options_;
  uint64_t seed_;
  double level_scale_;  // 1 / ln links, 0 without levels
  VectorStore vectors_;
  AdjacencyStore base_;
  AdjacencyStore upper_;
  ExtentStore marks_;
  ExtentArray<uint32_t> upper_first_;
  ExtentArray<std::atomic<uint8_t>> linked_;
  ExtentArray<std::atomic<uint32_t>> equals_;  // node + 1, 0 ends the chain
  std::atomic<bool> has_equals_{false};
  std::atomic<bool> some_left_{false};
  GraphCodes codes_;
  Landmarks landmarks_;
  std::mutex landmarks_mutex_;
  std::atomic<Node> grown_{0};
  std::atomic<uint64_t> upper_used_{0};  // lists given to nodes
  mutable NodeLocks locks_;
  std::mutex entry_mutex_;
  std::atomic<uint64_t> entry_{
      0};  // (level + 1) << 32 | node, 0 when there is none; written under entry_mutex_
  mutable std::mutex equals_mutex_;
  std::map<Node, Node> chain_ends_;  // representative → last of its chain; guarded by equals_mutex_
  std::atomic<Node> zero_node_{kNoNode};
  std::unique_ptr<LabelTable> labels_;
  std::unique_ptr<NestedStore> nested_;
  std::atomic<uint64_t> link_distances_{0};
};

/// One layer as beam_search sees it.
struct BaseLayer {
  const AdjacencyStore* lists;
  uint32_t degree_max() const { return lists->capacity(); }
  uint32_t read(Node node, Node* out) const { return lists->read(node, out); }
  void prefetch(Node node) const { lists->prefetch(node); }
};

struct UpperLayer {
  const GraphStore* graph;
  uint32_t layer;
  uint32_t degree_max() const { return graph->upper().capacity(); }
  uint32_t read(Node node, Node* out) const {
    return graph->upper().read(graph->upper_list(node, layer), out);
  }
  void prefetch(Node) const {}
};

}  // namespace kith

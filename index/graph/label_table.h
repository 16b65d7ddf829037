// LabelTable: which labels each node of a graph carries, and where a walk that keeps to a label begins.
//
// Rows that carry the same labels share one set, a number; set 0 is that of no labels. A node has two: its
// own, which says what may be returned, and the one by which it is walked, which is larger where a chain of
// equal vectors hangs at it that carry others (GraphStore): all of theirs, or every label where these are too
// many; it is not narrowed when some of these go. Per label there is a start, which is another node's before
// it leaves (label_tree.h). Counts of rows are of live ones: a removed row counts no more, though its node
// leads on until it leaves.
//
// Threads: one writer appends nodes; linkers claim starts and widen sets; any thread counts rows that are
// removed; whoever takes nodes out moves starts and drops nodes. Readers of nodes and sets take no lock, and
// a short one per label asked for. A set's labels are there before any node has its number, and a node that
// was dropped leads on to the others of its set until it is set again, a grace period later
// (grace_period.h).
#pragma once

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>

#include "index/extent_store.h"
#include "index/labels.h"
#include "index/node.h"

namespace kith {

using LabelSetNumber = uint32_t;

/// Where walks for a label begin, and how many rows they may not reach.
struct LabelStart {
  Label label;
  Node start;
  uint32_t loose;
};

class LabelTable {
 public:
  /// Rows with the label `universal` match whatever is asked for, but for kEqual; kNoLabel: none do.
  explicit LabelTable(Label universal) : universal_(universal) {}

  /// Memory for nodes [0, count). The writer's, as is `set`.
  Result<void> grow(Node count);
  /// The number of a set that check_labels has passed; a new one is made.
  Result<LabelSetNumber> intern(std::span<const Label> labels);
  /// Before the node is published. Of one that is used again after it was dropped.
  void set(Node node, LabelSetNumber set);
  /// Its row was removed.
  void count_removed(Node node);
  /// Takes nodes for which `gone` out of the list of a set (for_each_node).
  template <typename Gone>
  void drop_nodes(LabelSetNumber set, Gone gone);

  LabelSetNumber set_of(Node node) const { return own_[node].load(std::memory_order_relaxed); }
  LabelSetNumber walk_set(Node node) const { return walked_[node].load(std::memory_order_acquire); }
  std::span<const Label> labels(LabelSetNumber set) const {
    const SetRecord& record = sets_[set];
    if (record.count == 0) return {};
    return {&pool_[record.first], record.count};
  }
  bool universal(LabelSetNumber set) const { return sets_[set].universal; }
  Label universal_label() const { return universal_; }
  bool has(LabelSetNumber set, Label label) const;

  /// Whether it is walked by a label as one of its own or of its chain: the tree of the label may lead there.
  bool carries(Node node, Label label) const {
    const LabelSetNumber set = walk_set(node);
    return set == kEveryLabel || has(set, label);
  }
  /// Whether walks for a label go to a node: it has it, or every one.
  bool walked_by(Node node, Label label) const {
    const LabelSetNumber set = walk_set(node);
    return has(set, label) || universal(set);
  }

  /// One bit of 64 for each of some labels: of a subset, a subset.
  static uint64_t signature_of(std::span<const Label> labels) {
    uint64_t signature = 0;
    for (const Label label : labels) signature |= uint64_t{1} << (label % 64);
    return signature;
  }
  /// Whether a set with that signature has all of `wanted`, ascending.
  bool includes(LabelSetNumber set, std::span<const Label> wanted, uint64_t signature) const {
    if ((signature & ~sets_[set].signature) != 0) return false;
    return std::ranges::includes(labels(set), wanted);
  }
  /// Whether all labels of one set are in the other.
  bool within(LabelSetNumber inner, LabelSetNumber outer) const {
    return inner == outer || includes(outer, labels(inner), sets_[inner].signature);
  }

  /// Whether kept may occlude candidate in the list of centre (FilteredRobustPrune of Filtered-DiskANN,
  /// Gollapudi et al., WWW 2023): only if it carries all that candidate and centre share, so that a walk for
  /// any of their labels can go the other way.
  bool may_occlude(Node centre, Node candidate, Node kept) const;

  /// The start of a label, or kNoNode.
  Node start(Label label) const;
  /// Makes `node` the start if there is none; which one there is then.
  Node claim_start(Label label, Node node);
  /// Instead of one that is there and leaves; kNoNode where nothing carries the label any more.
  void move_start(Label label, Node node);
  /// False where it is another than `from` by now.
  bool move_start(Label label, Node from, Node to);
  /// By another set than its own: that of its group (label_groups.h).
  void walk_as(Node node, LabelSetNumber set) { walked_[node].store(set, std::memory_order_release); }
  /// Adds labels to those by which a node is walked.
  Result<void> widen(Node node, LabelSetNumber more);
  /// A node could not be joined to the others of a label: its walks are no longer complete.
  void count_loose(Label label, uint32_t rows = 1);
  /// Of those counted so many were joined after all.
  void forget_loose(Label label, uint32_t rows);

  /// Live rows with a label.
  uint64_t rows(Label label) const;
  /// Live rows whose own set it is.
  uint64_t rows_of(LabelSetNumber set) const { return sets_[set].rows.load(std::memory_order_acquire); }
  /// Rows that walks from its start may not reach: see count_loose.
  uint32_t loose(Label label) const;
  /// Sets with a label, as of now.
  std::vector<LabelSetNumber> sets_with(Label label) const;
  size_t count_sets_with(Label label) const;
  /// The set with these labels, or none: of no row.
  std::optional<LabelSetNumber> find(std::span<const Label> labels) const;
  /// Of all labels, ascending.
  std::vector<LabelStart> starts() const;
  LabelSetNumber sets() const { return set_count_.load(std::memory_order_acquire); }

  /// Visits the nodes whose own set it is, last to first, until `visit` returns false: all of live rows, and
  /// others that have not been dropped.
  template <typename Visit>
  bool for_each_node(LabelSetNumber set, Visit visit) const {
    for (uint32_t slot = sets_[set].last.load(std::memory_order_acquire); slot != 0; slot = before(slot - 1))
      if (!visit(slot - 1)) return false;
    return true;
  }

  static constexpr LabelSetNumber kNoLabels = 0;
  static constexpr LabelSetNumber kEveryLabel = 1;  // of no row: walks for any label pass
  static constexpr uint64_t kNodeBytes = 3 * sizeof(uint32_t);
  /// Besides kNodeBytes a node.
  uint64_t memory() const { return memory_.load(std::memory_order_relaxed); }

 private:
  struct SetRecord {
    uint32_t first;  // in pool_
    uint8_t count;
    bool universal;
    std::atomic<uint32_t> last;  // node + 1 of the last node with it, 0: none
    std::atomic<uint32_t> rows;  // live ones
    uint64_t signature;
  };
  struct Place {
    uint64_t rows = 0;
    uint32_t loose = 0;
    Node start = kNoNode;
    std::vector<LabelSetNumber> sets;
  };

  uint32_t before(Node node) const { return before_[node].load(std::memory_order_acquire); }
  std::optional<LabelSetNumber> find_locked(std::span<const Label> labels) const;
  Result<LabelSetNumber> append_set(std::span<const Label> labels);

  Label universal_;
  ExtentArray<std::atomic<LabelSetNumber>> own_;
  ExtentArray<std::atomic<LabelSetNumber>> walked_;
  // Node + 1 of the one before with the same own set, 0 ends; written under mutex_, as SetRecord::last is.
  ExtentArray<std::atomic<uint32_t>> before_;
  ExtentArray<SetRecord> sets_;
  ExtentArray<Label> pool_;  // labels of sets, each set's side by side
  std::atomic<LabelSetNumber> set_count_{0};
  std::atomic<uint64_t> memory_{0};
  mutable std::shared_mutex mutex_;
  uint64_t pool_used_ = 0;                                     // guarded by mutex_
  std::unordered_map<Label, Place> places_;                    // guarded by mutex_
  std::unordered_multimap<uint64_t, LabelSetNumber> by_hash_;  // guarded by mutex_
};

template <typename Gone>
void LabelTable::drop_nodes(LabelSetNumber set, Gone gone) {
  const std::unique_lock lock(mutex_);
  std::atomic<uint32_t>* to_next = &sets_[set].last;
  for (uint32_t slot = to_next->load(std::memory_order_relaxed), next = 0; slot != 0; slot = next) {
    next = before(slot - 1);
    if (gone(slot - 1)) {
      to_next->store(next, std::memory_order_release);
    } else {
      to_next = &before_[slot - 1];
    }
  }
}

}  // namespace kith

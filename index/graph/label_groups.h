// LabelGroups: the groups of a graph whose edges lead from rows to rows of the same labels or more (UNG: Cai
// et al., SIGMOD 2025), and its label navigating graph: from which groups of fewer labels edges that stay
// lead into each. So a walk for rows with all of some labels that begins in the groups of the least more
// labels, those that no other group asked for leads into, meets rows that carry them alone, and all of these.
//
// A set of labels becomes a group with its first row. Where there are as many groups as may be, rows of a new
// set join the group of the most of their labels ("merged"): who asks for labels of that group meets them,
// anybody else has to scan them.
//
// Threads: any number. One at a time begins a group, under begin_mutex.
#pragma once

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "index/graph/label_table.h"

namespace kith {

/// How a walk for some sets of labels goes.
struct LabelWays {
  std::vector<Node> starts;
  std::vector<LabelSetNumber> unmet;  // sets whose rows are in groups that are not asked for
  uint64_t unmet_rows = 0;
  bool complete = true;  // it reaches all rows of the others
};

class LabelGroups {
 public:
  static constexpr size_t kEntries = 16;  // of a walk, at least, where there are rows enough

  LabelGroups(const LabelTable& labels, uint32_t groups_max) : labels_(labels), groups_max_(groups_max) {}

  /// The group of rows with a set of labels: its own, or the one that it is merged into.
  LabelSetNumber place(LabelSetNumber set);
  void merge(LabelSetNumber set, LabelSetNumber into);

  /// That of no labels may come on top.
  uint32_t groups_max() const { return groups_max_; }

  std::mutex& begin_mutex() { return begin_mutex_; }
  /// Walks for the group begin at `start`. False where the set has been merged into another group meanwhile,
  /// or there have come to be as many groups as may be.
  bool begin(LabelSetNumber group, Node start);
  /// Edges that stay lead from a row of `below` into the group.
  void lead(LabelSetNumber below, LabelSetNumber group);
  /// The same of all groups from which any do, each once.
  void lead_from(std::vector<LabelSetNumber> below, LabelSetNumber group);
  /// Forgets from where edges lead into any.
  void forget_ways();
  /// A row has come to a group; of some of them walks begin, too.
  void count_row(LabelSetNumber group, Node node);
  /// Rows of a group cannot be reached from its start.
  void count_loose(LabelSetNumber group, uint32_t rows = 1);

  bool has(LabelSetNumber group) const;
  /// The first is its start; none of a group that has not begun.
  std::vector<Node> entries(LabelSetNumber group) const;
  /// Groups of fewer labels, all of them in the set, and none between.
  std::vector<LabelSetNumber> below(LabelSetNumber set) const;
  /// Groups of all labels in the set and more, and none between.
  std::vector<LabelSetNumber> above(LabelSetNumber set) const;

  /// For rows of these sets: all that include some labels, or have one of several (`closed`: with each set
  /// all larger ones), or one alone.
  LabelWays ways(std::span<const LabelSetNumber> sets, bool closed) const;

  struct Group {
    LabelSetNumber set = 0;
    uint32_t rows = 0;
    uint32_t loose = 0;
    bool mixed = false;         // rows of other sets are merged into it
    std::vector<Node> entries;  // the first reaches all rows that are not loose
    std::vector<LabelSetNumber> led_from;
  };
  struct Merged {
    LabelSetNumber set;
    LabelSetNumber into;
  };
  std::vector<Group> all() const;
  std::vector<Merged> merged() const;
  uint64_t memory() const { return memory_.load(std::memory_order_relaxed); }

 private:
  Group* find_locked(LabelSetNumber group);
  /// It has begun, or there is room for it.
  bool may_begin_locked(LabelSetNumber set) const;
  LabelSetNumber merge_locked(LabelSetNumber set, LabelSetNumber into);
  const Group* find_locked(LabelSetNumber group) const;
  std::vector<LabelSetNumber> nearest(std::vector<LabelSetNumber> sets, bool largest) const;

  void count_memory(uint64_t bytes) { memory_.fetch_add(bytes, std::memory_order_relaxed); }

  const LabelTable& labels_;
  const uint32_t groups_max_;
  std::atomic<uint64_t> memory_{0};
  std::mutex begin_mutex_;
  mutable std::shared_mutex mutex_;
  std::vector<Group> groups_;                                  // guarded by mutex_
  std::unordered_map<LabelSetNumber, size_t> by_set_;          // in groups_; guarded by mutex_
  std::unordered_map<LabelSetNumber, LabelSetNumber> merged_;  // guarded by mutex_
  std::unordered_set<LabelSetNumber> awaited_;  // merged into, not begun yet; guarded by mutex_
};

}  // namespace kith

// CorrelationMemory: what searches under a filter found out about its correlation κ with the queries that
// come with it: how many of the rows that their walks met passed, over how many of all rows do. The planner
// expects of the next search what it was of those before.
//
// A table of fixed size in which a filter has one slot, by its hash: another one that falls there takes it.
// Searches that scan teach nothing, so a filter that is asked for again and of which nothing is known is
// worth a walk that tries, and so is, now and then, one whose searches scan because of what was learnt long
// ago.
//
// Thread-safe; both calls take well below a microsecond.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "index/stats.h"

namespace kith {

/// What is known of a filter.
struct CorrelationGuess {
  std::optional<double> correlation;
  bool explore = false;  // see PlanQuestion
};

class CorrelationMemory {
 public:
  explicit CorrelationMemory(size_t slots = 1024) : slots_(slots == 0 ? 1 : slots) {}

  /// `filter`: a hash of the filter in canonical form.
  CorrelationGuess find(uint64_t filter);
  /// `share` of the live rows that the filter allows, `stats` of a search under it. Scans teach
  /// nothing, and a few rows too little.
  void learn(uint64_t filter, double share, const SearchStats& stats);

 private:
  struct Slot {
    uint64_t filter = 0;
    double met = 0, passed = 0;  // rows, of searches long ago less
    double share = 1;
    uint32_t asked = 0;  // since anything was learnt
    double correlation() const;
  };
  Slot& slot_of(uint64_t filter);

  std::mutex mutex_;
  std::vector<Slot> slots_;  // guarded by mutex_
};

}  // namespace kith

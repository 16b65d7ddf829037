#include "query/plan/correlation.h"

#include <algorithm>

#include "base/random.h"

namespace kith {
namespace {

constexpr double kEvaluationsMin = 64;   // fewer say little
constexpr uint32_t kDoubtedAfter = 256;  // searches that taught nothing
constexpr double kKept = 0.8;            // of what was met before, each time that a search adds to it

}  // namespace

CorrelationMemory::Slot& CorrelationMemory::slot_of(uint64_t filter) {
  return slots_[mix64(filter) % slots_.size()];
}

CorrelationGuess CorrelationMemory::find(uint64_t filter) {
  std::lock_guard lock(mutex_);
  Slot& slot = slot_of(filter);
  if (slot.filter != filter) slot = Slot{.filter = filter};
  ++slot.asked;
  CorrelationGuess guess;
  if (slot.met >= kEvaluationsMin) guess.correlation = slot.correlation();
  guess.explore = slot.asked % kDoubtedAfter == 0 || (slot.met == 0 && slot.asked == 2);
  return guess;
}

/// Half a row more of each sort, for where none passed.
double CorrelationMemory::Slot::correlation() const {
  return (passed + 0.5) / (met + 0.5 / share) / share;
}

void CorrelationMemory::learn(uint64_t filter, double share, const SearchStats& stats) {
  if (stats.walk_evaluations == 0 || !(share > 0)) return;
  std::lock_guard lock(mutex_);
  Slot& slot = slot_of(filter);
  if (slot.filter != filter) slot = Slot{.filter = filter};
  slot.asked = 0;
  slot.share = std::min(share, 1.0);
  slot.met = kKept * slot.met + static_cast<double>(stats.walk_evaluations);
  slot.passed = kKept * slot.passed + static_cast<double>(stats.walk_passes);
}

}  // namespace kith

// SearchCourse: which way one search, or one batch of them, goes: a plan that is decided once, when it is
// known how many rows may be returned, and what tells afterwards how the answer came about.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "index/index.h"
#include "query/explanation.h"
#include "query/plan/correlation.h"
#include "query/plan/planner.h"
#include "query/types.h"

namespace kith {

/// Adds the time until it goes; nothing to null.
class PhaseTimer {
 public:
  explicit PhaseTimer(uint64_t* nanoseconds) : to_(nanoseconds) {
    if (to_ != nullptr) start_ = Clock::now();
  }
  ~PhaseTimer() {
    if (to_ == nullptr) return;
    const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start_);
    *to_ += static_cast<uint64_t>(took.count());
  }
  PhaseTimer(const PhaseTimer&) = delete;
  PhaseTimer& operator=(const PhaseTimer&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  uint64_t* const to_;
  Clock::time_point start_;
};

/// Rows that a search may return.
struct Returnable {
  uint64_t rows = 0;                // live ones
  std::optional<uint64_t> allowed;  // by the filter, about; none: there is no filter
};

/// Labels by which a filter can be answered: every row that satisfies it carries one of them.
struct AskedLabels {
  LabelQuery query;
  std::optional<uint64_t> rows;  // that match it; none: just those that satisfy the filter
};

/// What is known of a field, to plan by.
struct PlanBasis {
  std::shared_ptr<const Calibration> calibration;  // null: nothing was measured yet
  CorrelationMemory* correlations = nullptr;       // of the field's filters; null where calibration is
  std::optional<AskedLabels> labels = {};          // of the query's filter
  bool scans = false;                              // every row is compared: there is nothing to plan
};

/// Used by one thread. The query outlives it.
class SearchCourse {
 public:
  /// Of `query` and those that share its filter, effort and target.
  SearchCourse(const Query& query, double recall_target, PlanBasis basis)
      : query_(query), recall_target_(recall_target), basis_(std::move(basis)) {}

  /// What of the answer is timed, where somebody asks; null else.
  uint64_t* time(uint64_t PhaseTimes::*phase) {
    return query_.explain == Explain::kNone ? nullptr : &(times_.*phase);
  }

  /// Once only, however often it is asked.
  void decide(Returnable returnable, size_t k);
  /// Sets how `request` is to be answered, whose `allowed` and `k` are set; one for more rows than was
  /// decided for takes as much more effort.
  void direct(SearchRequest& request) const;
  /// What the index did.
  void note(const SearchAnswer& answer);

  TakenPlan taken() const;
  /// Null where nobody asks.
  std::shared_ptr<const Explanation> explanation() const;

 private:
  /// What it will come to is known.
  bool measured() const { return basis_.scans || plan_.chosen.nanoseconds > 0; }

  const Query& query_;
  const double recall_target_;
  const PlanBasis basis_;
  bool decided_ = false;
  bool filtered_ = false;
  bool mostly_allowed_ = false;  // rows of the labels
  uint64_t filter_hash_ = 0;     // of its canonical form
  size_t k_ = 1;                 // that it was decided for
  Plan plan_;
  FilterPlan begun_ = FilterPlan::kAuto;
  FilterPlan done_ = FilterPlan::kAuto;
  PhaseTimes times_;
};

}  // namespace kith

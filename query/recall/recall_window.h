// RecallWindow: recall of the last queries that were answered again exactly, its mean, and how sure that is.
//
// Wilson's score interval (JASA 22, 1927), at Kish's effective number of trials: hits of one query depend on
// each other, queries do not, so that a query counts as p(1 - p) / s² trials, s² the variance of recall over
// queries. Never less than one, which is what it is where all queries found the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "query/types.h"

namespace kith {

struct Interval {
  double low = 0;
  double high = 1;
};

/// 95 %, of a share found in so many trials. Everything, where there are none.
Interval wilson_interval(double share, double trials);

/// Not synchronised.
class RecallWindow {
 public:
  /// Both within 0..1.
  void add(double recall, double target);
  void clear() { seen_.clear(); }
  RunningRecall running() const;
  /// Recall is surely below what was asked for, by more than the promise leaves open.
  bool drifted() const;

 private:
  struct Seen {
    double recall;
    double target;
  };
  std::deque<Seen> seen_;
};

}  // namespace kith

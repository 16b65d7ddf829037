// MissedLaw: the share that a walk misses falls as a power of its effort, about. Of a curve that was measured
// with a few hundred queries this tells what those can not: where one query in a hundred is answered badly,
// a hundred and fifty of them show none as often as not, and a curve that ends with nothing missed promises
// what will not be kept.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>

namespace kith {

class MissedLaw {
 public:
  /// Of the last few efforts at which enough was missed to tell.
  class Sample {
   public:
    /// By ascending log effort.
    void add(double log_effort, double missed, double queries) {
      if (missed * queries < kToldMisses) return;
      last_[count_++ % kPoints] = {log_effort, std::log(missed), missed * queries};
    }
    /// None where there are too few, or more effort does not find more.
    std::optional<MissedLaw> law() const;

   private:
    static constexpr size_t kPoints = 8;
    struct Point {
      double log_effort, log_missed, weight;
    };
    std::array<Point, kPoints> last_{};
    size_t count_ = 0;
  };

  double missed(double log_effort) const { return std::exp(std::min(0.0, level_ + slope_ * log_effort)); }
  double slope() const { return slope_; }
  /// What `queries` that missed `measured` make likely, beside the law: never less than they missed.
  double corrected(double log_effort, double measured, double queries) const {
    const double expected = missed(log_effort);
    const double known = queries * expected / (queries * expected + kBelievedMisses);
    return std::max(measured, known * measured + (1 - known) * expected);
  }

 private:
  static constexpr double kToldMisses = 2;      // of whole answers
  static constexpr double kBelievedMisses = 2;  // so many that were expected weigh as much as what was seen

  MissedLaw(double level, double slope) : level_(level), slope_(slope) {}

  double level_, slope_;
};

}  // namespace kith

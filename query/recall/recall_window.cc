#include "query/recall/recall_window.h"

#include <algorithm>
#include <cmath>

namespace kith {
namespace {

constexpr size_t kQueries = 500;
constexpr uint64_t kQueriesMin = 20;  // before anything is called drift
constexpr double kSlack = 0.01;

}  // namespace

Interval wilson_interval(double share, double trials) {
  if (trials <= 0) return {};
  constexpr double kZ = 1.959964;  // of 95 %
  const double shrink = 1 / (1 + kZ * kZ / trials);
  const double middle = (share + kZ * kZ / (2 * trials)) * shrink;
  const double spread = std::max(0.0, share * (1 - share)) / trials + kZ * kZ / (4 * trials * trials);
  const double half = kZ * std::sqrt(spread) * shrink;
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

void RecallWindow::add(double recall, double target) {
  seen_.push_back({recall, target});
  if (seen_.size() > kQueries) seen_.pop_front();
}

RunningRecall RecallWindow::running() const {
  RunningRecall running;
  running.queries = seen_.size();
  if (seen_.empty()) return running;
  const auto n = static_cast<double>(seen_.size());
  for (const Seen& each : seen_) {
    running.mean += each.recall;
    running.target += each.target;
  }
  running.mean = std::clamp(running.mean / n, 0.0, 1.0);
  running.target /= n;
  double variance = 0;
  for (const Seen& each : seen_) variance += (each.recall - running.mean) * (each.recall - running.mean) / n;
  const double of_a_trial = running.mean * (1 - running.mean);
  const double trials = variance > 0 ? std::max(n, n * of_a_trial / variance) : n;
  const Interval interval = wilson_interval(running.mean, trials);
  running.low = interval.low;
  running.high = interval.high;
  return running;
}

bool RecallWindow::drifted() const {
  const RunningRecall now = running();
  return now.queries >= kQueriesMin && now.high < now.target - kSlack;
}

}  // namespace kith

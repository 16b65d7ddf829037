#include "query/plan/missed_law.h"

namespace kith {
namespace {

constexpr size_t kPointsMin = 3;
constexpr double kSteepest = -1.5, kFlattest = -0.1;

}  // namespace

/// Least squares of log missed over log effort, weighted by how much was missed.
std::optional<MissedLaw> MissedLaw::Sample::law() const {
  const size_t points = std::min(count_, kPoints);
  if (points < kPointsMin) return std::nullopt;
  double weights = 0, mean_effort = 0, mean_missed = 0;
  for (size_t i = 0; i < points; ++i) {
    weights += last_[i].weight;
    mean_effort += last_[i].weight * last_[i].log_effort;
    mean_missed += last_[i].weight * last_[i].log_missed;
  }
  mean_effort /= weights;
  mean_missed /= weights;
  double both = 0, effort = 0;
  for (size_t i = 0; i < points; ++i) {
    const double from_mean = last_[i].log_effort - mean_effort;
    both += last_[i].weight * from_mean * (last_[i].log_missed - mean_missed);
    effort += last_[i].weight * from_mean * from_mean;
  }
  if (!(effort > 0)) return std::nullopt;
  const double slope = both / effort;
  if (!(slope < kFlattest)) return std::nullopt;
  const double believed = std::max(slope, kSteepest);
  return MissedLaw(mean_missed - believed * mean_effort, believed);
}

}  // namespace kith

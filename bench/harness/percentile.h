// Percentiles of measured latencies, by nearest rank: a value that was measured, never one between two.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace kith::bench {

/// The smallest value that at least `share` (0..1) of the values do not exceed; 0 for none. They need not be
/// sorted.
inline double percentile(std::span<const double> values, double share) {
  if (values.empty()) return 0;
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::clamp<size_t>(rank, 1, sorted.size()) - 1];
}

}  // namespace kith::bench

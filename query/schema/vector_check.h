// Whether the elements of a vector can be stored or asked with: finite, not too large, not zero where
// direction counts.
#pragma once

#include "base/result.h"
#include "base/vector_view.h"
#include "index/distance/distance.h"

namespace kith {

/// Squared lengths above this could overflow a float in a squared distance, and so sort a live row last.
inline constexpr double kSquaredLengthMax = 8e37;
/// Under cosine, squared lengths below this vanish in a float: the vector has no direction.
inline constexpr double kSquaredLengthMin = 1.2e-38;

/// InvalidArgument naming the element: NaN, infinite, so large that distances overflow, all zero under
/// cosine, or bits set past the last dimension.
Result<void> check_elements(VectorView vector, Metric metric);

}  // namespace kith

// Scales a vector to length 1, so that cosine distance becomes 1 minus an inner product.
#pragma once

#include <cstddef>

namespace kith {

/// Divides `vector` by its Euclidean length, summed in double. False, and nothing changed, when the length is
/// zero or not finite (a NaN or infinite element).
bool normalize(float* vector, size_t dim);

}  // namespace kith

#include "query/schema/vector_check.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace kith {
namespace {

constexpr size_t kLanes = 8;  // independent sums, so that they run side by side

/// In double no finite float overflows: the sum is finite if and only if all elements are.
double squared_length(const float* values, size_t count) {
  std::array<double, kLanes> sums{};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane)
      sums[lane] += static_cast<double>(values[i + lane]) * values[i + lane];
  for (; i < count; ++i) sums[0] += static_cast<double>(values[i]) * values[i];
  double sum = 0;
  for (const double lane : sums) sum += lane;
  return sum;
}

Error not_finite(const float* values, size_t count, size_t base) {
  for (size_t i = 0; i < count; ++i)
    if (!std::isfinite(values[i]))
      return invalid_argument("element {} is {}; only finite values can be compared", base + i, values[i]);
  return invalid_argument("an element is not finite");
}

Result<void> check_float_elements(VectorView vector, Metric metric) {
  constexpr size_t kChunk = 512;
  float chunk[kChunk];
  const size_t width = vector_bytes(vector.type, 1);
  double length = 0;
  for (size_t at = 0; at < vector.dim; at += kChunk) {
    const size_t count = std::min<size_t>(kChunk, vector.dim - at);
    to_f32(vector.data + at * width, count, vector.type, chunk);
    const double sum = squared_length(chunk, count);
    if (!std::isfinite(sum)) return not_finite(chunk, count, at);
    length += sum;
  }
  if (length > kSquaredLengthMax)
    return invalid_argument(
        "its squared length {:.3g} is above {:.3g}: distances would overflow; scale it down", length,
        kSquaredLengthMax);
  if (metric == Metric::kCosine && length < kSquaredLengthMin)
    return invalid_argument("its length is zero, so it has no direction to compare under cosine");
  return {};
}

Result<void> check_byte_elements(VectorView vector, Metric metric) {
  const bool zero = std::all_of(vector.data, vector.data + vector.bytes(),
                                [](std::byte value) { return value == std::byte{0}; });
  if (metric == Metric::kCosine && zero)
    return invalid_argument("its length is zero, so it has no direction to compare under cosine");
  return {};
}

Result<void> check_bits(VectorView vector) {
  const uint32_t used = vector.dim % 8;
  if (used == 0) return {};
  const auto last = static_cast<unsigned>(vector.data[vector.bytes() - 1]);
  if (last >> used != 0)
    return invalid_argument("bits past dimension {} are set in its last byte; they must be 0", vector.dim);
  return {};
}

}  // namespace

Result<void> check_elements(VectorView vector, Metric metric) {
  switch (vector.type) {
    case ScalarType::kF32:
    case ScalarType::kF16:
    case ScalarType::kBF16:
      return check_float_elements(vector, metric);
    case ScalarType::kI8:
    case ScalarType::kU8:
      return check_byte_elements(vector, metric);
    case ScalarType::kBit:
      return check_bits(vector);
  }
  return invalid_argument("unknown element type {}", static_cast<int>(vector.type));
}

}  // namespace kith

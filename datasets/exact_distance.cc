#include <bit>
#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "datasets/ground_truth.h"

namespace kith {
namespace {

struct Sums {
  double square = 0;  // of the differences
  double dot = 0;
  double a = 0;  // squared lengths
  double b = 0;
};

struct LoadF32 {
  static double at(const std::byte* data, uint32_t d) { return load_le<float>(data + size_t{4} * d); }
};
struct LoadU8 {
  static double at(const std::byte* data, uint32_t d) { return load_le<uint8_t>(data + d); }
};
struct LoadI8 {
  static double at(const std::byte* data, uint32_t d) { return load_le<int8_t>(data + d); }
};

template <typename LoadA, typename LoadB>
Sums sum(const std::byte* a, const std::byte* b, uint32_t dim) {
  Sums sums;
  for (uint32_t d = 0; d < dim; ++d) {
    const double x = LoadA::at(a, d);
    const double y = LoadB::at(b, d);
    sums.square += (x - y) * (x - y);
    sums.dot += x * y;
    sums.a += x * x;
    sums.b += y * y;
  }
  return sums;
}

double element(const VectorView& view, uint32_t d) {
  float value = 0;
  to_f32(view.data + size_t{d} * vector_bytes(view.type, 1), 1, view.type, &value);
  return value;
}

// Mixed types are rare and may be slow.
Sums sum_any(const VectorView& a, const VectorView& b) {
  Sums sums;
  for (uint32_t d = 0; d < a.dim; ++d) {
    const double x = element(a, d);
    const double y = element(b, d);
    sums.square += (x - y) * (x - y);
    sums.dot += x * y;
    sums.a += x * x;
    sums.b += y * y;
  }
  return sums;
}

Sums sums_of(const VectorView& a, const VectorView& b) {
  if (a.type == b.type) {
    if (a.type == ScalarType::kF32) return sum<LoadF32, LoadF32>(a.data, b.data, a.dim);
    if (a.type == ScalarType::kU8) return sum<LoadU8, LoadU8>(a.data, b.data, a.dim);
    if (a.type == ScalarType::kI8) return sum<LoadI8, LoadI8>(a.data, b.data, a.dim);
  }
  return sum_any(a, b);
}

double hamming(const VectorView& a, const VectorView& b) {
  int bits = 0;
  for (size_t i = 0; i < a.bytes(); ++i)
    bits += std::popcount(load_le<uint8_t>(a.data + i) ^ unsigned{load_le<uint8_t>(b.data + i)});
  return bits;
}

}  // namespace

double exact_distance(Metric metric, VectorView a, VectorView b) {
  CHECK(a.dim == b.dim && (a.type == ScalarType::kBit) == (b.type == ScalarType::kBit));
  if (a.type == ScalarType::kBit) return hamming(a, b);
  const Sums sums = sums_of(a, b);
  double distance = sums.square;
  if (metric == Metric::kInnerProduct) distance = -sums.dot;
  if (metric == Metric::kCosine)
    distance = sums.a == 0 || sums.b == 0 ? 1 : 1 - sums.dot / std::sqrt(sums.a * sums.b);
  return std::isnan(distance) ? std::numeric_limits<double>::infinity() : distance;
}

}  // namespace kith

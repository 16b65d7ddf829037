// What the tests of the kernels share: distances in double from the stored elements, the rounding error a
// kernel may have, and random vectors of every type.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "index/distance/distance.h"

namespace kith {

struct Pair {
  Metric metric;
  ScalarType type;
};

/// Every metric with every type it goes with.
inline std::vector<Pair> all_pairs() {
  std::vector<Pair> pairs;
  for (size_t m = 0; m < kMetrics; ++m)
    for (size_t t = 0; t < kScalarTypes; ++t)
      if (validate_metric(static_cast<Metric>(m), static_cast<ScalarType>(t)).ok())
        pairs.push_back({static_cast<Metric>(m), static_cast<ScalarType>(t)});
  return pairs;
}

/// The levels this machine can run.
inline std::vector<CpuLevel> runnable_levels() {
  std::vector<CpuLevel> levels;
  for (const CpuLevel level : {CpuLevel::kScalar, CpuLevel::kAvx2, CpuLevel::kAvx512, CpuLevel::kNeon})
    if (distance_kernel_at(level, Metric::kL2, ScalarType::kF32) != nullptr) levels.push_back(level);
  return levels;
}

inline std::string describe(CpuLevel level, Pair pair, uint32_t dim) {
  return std::string(cpu_level_name(level)) + "/" + std::string(metric_name(pair.metric)) + "/" +
         std::string(scalar_name(pair.type)) + "/dim " + std::to_string(dim);
}

inline std::vector<float> floats_of(const std::byte* data, ScalarType type, uint32_t dim) {
  std::vector<float> values(dim);
  to_f32(data, dim, type, values.data());
  return values;
}

struct Expected {
  double distance;
  double tolerance;
};

struct Sums {
  double qr = 0, qq = 0, rr = 0, squares = 0, magnitudes = 0;
};

inline Sums sums_of(const std::vector<float>& q, const std::vector<float>& r) {
  Sums sums;
  for (size_t i = 0; i < q.size(); ++i) {
    const double a = q[i], b = r[i];
    sums.qr += a * b;
    sums.qq += a * a;
    sums.rr += b * b;
    sums.squares += (a - b) * (a - b);
    sums.magnitudes += std::abs(a * b);
  }
  return sums;
}

inline bool is_integer(ScalarType type) {
  return type != ScalarType::kF32 && query_type(type) == type;
}

/// The distance from double sums and how far a kernel may be off: n roundings of at most eps / 2 each, n
/// being the longest chain (dim / 4 lanes and a few more), relative to the sum of magnitudes. Integer sums
/// are exact and rounded once.
inline Expected expected_distance(Pair pair, const std::vector<float>& q, const std::vector<float>& r) {
  const Sums sums = sums_of(q, r);
  const double eps = std::numeric_limits<float>::epsilon();
  const double chain = is_integer(pair.type) ? 0 : (static_cast<double>(q.size()) / 4 + 24) * eps / 2;
  // bf16 kernels may take the query with 16 significant bits (avx512_bf16.cc)
  const double split = pair.type == ScalarType::kBF16 ? 0x1p-16 : 0;
  const double tiny =
      is_integer(pair.type) ? 0 : static_cast<double>(q.size()) * std::numeric_limits<float>::min();
  switch (pair.metric) {
    case Metric::kL2:
      return {sums.squares, sums.squares * (2 * chain + eps / 2) + tiny};
    case Metric::kInnerProduct:
      return {-sums.qr, sums.magnitudes * (chain + split) + std::abs(sums.qr) * eps / 2 + tiny};
    case Metric::kCosine: {
      if (sums.qq == 0 || sums.rr == 0) return {1, 0};
      const double norms = std::sqrt(sums.qq) * std::sqrt(sums.rr);
      return {1 - sums.qr / norms, sums.magnitudes / norms * (2 * chain + split + 4 * eps) + eps};
    }
    case Metric::kHamming:
      break;
  }
  return {sums.squares, 0};
}

/// A vector of `dim` elements at the start of the returned bytes; integer types use their whole range.
inline std::vector<std::byte> random_vector(std::mt19937_64& random, ScalarType type, uint32_t dim) {
  std::vector<float> values(dim);
  std::normal_distribution<float> normal;
  for (float& value : values) {
    const int byte = static_cast<int>(random() & 0xff);
    value = type == ScalarType::kI8   ? static_cast<float>(byte - 128)
            : type == ScalarType::kU8 ? static_cast<float>(byte)
                                      : normal(random);
  }
  std::vector<std::byte> bytes(vector_bytes(type, dim));
  from_f32(values.data(), dim, type, bytes.data()).value();
  return bytes;
}

inline std::vector<std::byte> constant_vector(float value, ScalarType type, uint32_t dim) {
  std::vector<float> values(dim, value);
  std::vector<std::byte> bytes(vector_bytes(type, dim));
  from_f32(values.data(), dim, type, bytes.data()).value();
  return bytes;
}

}  // namespace kith

// Kernels in plain C++: the reference of the other levels and what runs where no other level can.
// Sixteen partial sums, so that the compiler may use the two- or four-lane registers every CPU has, and so
// that rounding errors grow with dim / 16 rather than dim.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "index/distance/cosine.h"
#include "index/distance/half.h"
#include "index/distance/kernels.h"

namespace kith::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr uint32_t kLanes = 16;

struct F32 {
  using Query = float;
  using Sum = float;
  static float load(const void* data, size_t i) {
    float value;
    std::memcpy(&value, static_cast<const char*>(data) + i * sizeof value, sizeof value);
    return value;
  }
  static constexpr auto kInDouble = cosine_in_double_f32;
};

inline uint16_t load_u16(const void* data, size_t i) {
  uint16_t value;
  std::memcpy(&value, static_cast<const char*>(data) + i * sizeof value, sizeof value);
  return value;
}

struct F16 {
  using Sum = float;
  static float load(const void* data, size_t i) { return f32_of_f16(load_u16(data, i)); }
  static constexpr auto kInDouble = cosine_in_double_f16;
};

struct BF16 {
  using Sum = float;
  static float load(const void* data, size_t i) { return f32_of_bf16(load_u16(data, i)); }
  static constexpr auto kInDouble = cosine_in_double_bf16;
};

// Integer sums wrap in 32 bits on purpose: the true results of up to 65,535 dimensions fit (65,535 × 255² <
// 2^32).
struct I8 {
  using Sum = uint32_t;
  static int32_t load(const void* data, size_t i) { return static_cast<const int8_t*>(data)[i]; }
};

struct U8 {
  using Sum = uint32_t;
  static int32_t load(const void* data, size_t i) { return static_cast<const uint8_t*>(data)[i]; }
};

/// Sum of term(i) for i < dim.
template <typename Sum, typename Term>
inline Sum sum_of(uint32_t dim, Term term) {
  Sum lanes[kLanes] = {};
  uint32_t i = 0;
  for (; i + kLanes <= dim; i += kLanes)
    for (uint32_t lane = 0; lane < kLanes; ++lane) lanes[lane] += static_cast<Sum>(term(i + lane));
  for (uint32_t lane = 0; i < dim; ++i, ++lane) lanes[lane] += static_cast<Sum>(term(i));
  for (uint32_t half = kLanes / 2; half > 0; half /= 2)
    for (uint32_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

template <typename Q, typename R>
inline auto dot(const void* query, const void* row, uint32_t dim) {
  return sum_of<typename R::Sum>(dim, [=](size_t i) { return Q::load(query, i) * R::load(row, i); });
}

inline float nan_to_infinity(float distance) {
  return distance == distance ? distance : kInfinity;
}

template <typename Q, typename R>
void l2(const void* query, const void* const* rows, size_t count, uint32_t dim, float* out) {
  for (size_t k = 0; k < count; ++k) {
    const void* row = rows[k];
    const auto sum = sum_of<typename R::Sum>(dim, [=](size_t i) {
      const auto difference = Q::load(query, i) - R::load(row, i);
      return difference * difference;
    });
    out[k] = nan_to_infinity(static_cast<float>(sum));
  }
}

/// The dot product of i8 vectors may be negative; that of u8 vectors may need all 32 bits.
template <typename R>
inline float signed_value(typename R::Sum sum) {
  if constexpr (std::is_same_v<R, I8>) return static_cast<float>(static_cast<int32_t>(sum));
  return static_cast<float>(sum);
}

template <typename Q, typename R>
void ip(const void* query, const void* const* rows, size_t count, uint32_t dim, float* out) {
  for (size_t k = 0; k < count; ++k)
    out[k] = nan_to_infinity(-signed_value<R>(dot<Q, R>(query, rows[k], dim)));
}

template <typename Q, typename R>
void cosine(const void* query, const void* const* rows, size_t count, uint32_t dim, float* out) {
  const float qq = static_cast<float>(dot<Q, Q>(query, query, dim));
  for (size_t k = 0; k < count; ++k) {
    const float rr = static_cast<float>(dot<R, R>(rows[k], rows[k], dim));
    if constexpr (std::is_same_v<typename R::Sum, float>) {
      if (!cosine_in_range(qq, rr)) {
        out[k] = R::kInDouble(query, rows[k], dim);
        continue;
      }
    }
    out[k] = cosine_distance(signed_value<R>(dot<Q, R>(query, rows[k], dim)), qq, rr);
  }
}

template <typename R>
float cosine_in_double(const void* query, const void* row, uint32_t dim) {
  double qr = 0, qq = 0, rr = 0;
  for (uint32_t i = 0; i < dim; ++i) {
    const double q = F32::load(query, i), r = R::load(row, i);
    qr += q * r;
    qq += q * q;
    rr += r * r;
  }
  if (qq != qq || rr != rr) return kInfinity;
  if (qq == 0 || rr == 0) return 1;
  return nan_to_infinity(static_cast<float>(1 - qr / (std::sqrt(qq) * std::sqrt(rr))));
}

inline uint64_t load_u64(const uint8_t* data) {
  uint64_t value;
  std::memcpy(&value, data, sizeof value);
  return value;
}

/// Bits beyond dim in the last byte are ignored.
void hamming(const void* query, const void* const* rows, size_t count, uint32_t dim, float* out) {
  const uint8_t* q = static_cast<const uint8_t*>(query);
  const uint32_t bytes = dim / 8;
  const uint8_t last_bits = static_cast<uint8_t>((1u << (dim % 8)) - 1);
  for (size_t k = 0; k < count; ++k) {
    const uint8_t* r = static_cast<const uint8_t*>(rows[k]);
    uint32_t differing = 0, i = 0;
    for (; i + 8 <= bytes; i += 8)
      differing += static_cast<uint32_t>(std::popcount(load_u64(q + i) ^ load_u64(r + i)));
    for (; i < bytes; ++i)
      differing += static_cast<uint32_t>(std::popcount(static_cast<uint8_t>(q[i] ^ r[i])));
    if (last_bits != 0)
      differing += static_cast<uint32_t>(std::popcount(static_cast<uint8_t>((q[i] ^ r[i]) & last_bits)));
    out[k] = static_cast<float>(differing);
  }
}

}  // namespace

float cosine_in_double_f32(const void* query, const void* row, uint32_t dim) {
  return cosine_in_double<F32>(query, row, dim);
}
float cosine_in_double_f16(const void* query, const void* row, uint32_t dim) {
  return cosine_in_double<F16>(query, row, dim);
}
float cosine_in_double_bf16(const void* query, const void* row, uint32_t dim) {
  return cosine_in_double<BF16>(query, row, dim);
}

const FloatTable kScalarFloat = {{l2<F32, F32>, ip<F32, F32>, cosine<F32, F32>},
                                 {l2<F32, F16>, ip<F32, F16>, cosine<F32, F16>},
                                 {l2<F32, BF16>, ip<F32, BF16>, cosine<F32, BF16>}};
const IntegerTable kScalarInteger = {{l2<I8, I8>, ip<I8, I8>, cosine<I8, I8>},
                                     {l2<U8, U8>, ip<U8, U8>, cosine<U8, U8>}};
const Kernel kScalarHamming = hamming;

}  // namespace kith::kernels

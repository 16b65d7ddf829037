// AVX512-BF16: inner product and cosine of bf16 rows by vdpbf16ps, which multiplies 32 pairs of bf16 a step.
//
// The query is f32. It is split into the bf16 nearest to it and the bf16 nearest to what is left, so that 16
// bits of each element take part: the error is below 2^-16 of |q||r|, less than a hundredth of what storing
// bf16 itself costs. The split is made while walking and shared by the rows of a group. vdpbf16ps takes
// denormals as zero; a squared norm too small for that to be harmless goes through cosine_in_double_bf16 like
// all others. L2 keeps the widening kernels: written as |q|^2 - 2 q.r + |r|^2 it would cancel.
#include <immintrin.h>

#include "index/distance/avx512_vector.h"
#include "index/distance/float_kernels.h"

namespace kith::kernels {
namespace {

struct SplitQuery {
  __m512bh high, low;
};

inline __m512 widen(__m256i halves) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}
inline __m512i bits_of(__m512bh halves) {
  return reinterpret_cast<__m512i&>(halves);
}
inline __m512bh halves_of(__m512i bits) {
  return reinterpret_cast<__m512bh&>(bits);
}

/// Elements 0..15 in `first`, 16..31 in `second`; an infinite element leaves NaN or infinity, never a finite
/// number.
inline SplitQuery split(__m512 first, __m512 second) {
  const __m512bh high = _mm512_cvtne2ps_pbh(second, first);
  const __m512i bits = bits_of(high);
  const __m512 rest_first = _mm512_sub_ps(first, widen(_mm512_castsi512_si256(bits)));
  const __m512 rest_second = _mm512_sub_ps(second, widen(_mm512_extracti64x4_epi64(bits, 1)));
  return {high, _mm512_cvtne2ps_pbh(rest_second, rest_first)};
}

template <typename Derived>
struct Bf16Base {
  using Sum = __m512;
  static constexpr size_t kElements = 32;
  static constexpr size_t kElementBits = 16;

  struct Query {
    const float* data;
    Query(const void* query, uint32_t) : data(static_cast<const float*>(query)) {}
  };

  static Sum zero() { return _mm512_setzero_ps(); }
  static Sum add(Sum a, Sum b) { return _mm512_add_ps(a, b); }
  static SplitQuery load_query(const Query& query, size_t i) {
    return split(_mm512_loadu_ps(query.data + i), _mm512_loadu_ps(query.data + i + 16));
  }
  static SplitQuery load_query_tail(const Query& query, size_t i, uint32_t n) {
    const __m512 first = _mm512_maskz_loadu_ps(first_16(n < 16 ? n : 16), query.data + i);
    const __m512 second = n > 16 ? _mm512_maskz_loadu_ps(first_16(n - 16), query.data + i + 16) : zero();
    return split(first, second);
  }
  static __m512bh load_row(const void* row, size_t i) {
    return halves_of(_mm512_loadu_si512(static_cast<const uint16_t*>(row) + i));
  }
  static __m512bh load_row_tail(const void* row, size_t i, uint32_t n) {
    return halves_of(_mm512_maskz_loadu_epi16(first_32(n), static_cast<const uint16_t*>(row) + i));
  }
  static Sum add_dot(Sum sum, const SplitQuery& q, __m512bh r) {
    return _mm512_dpbf16_ps(_mm512_dpbf16_ps(sum, q.high, r), q.low, r);
  }
  static void step_tail(Sum* sums, const SplitQuery& q, __m512bh r, uint32_t) { Derived::step(sums, q, r); }
};

struct Bf16Ip : Bf16Base<Bf16Ip> {
  static constexpr int kRows = 8;
  static constexpr int kSums = 1;
  static void step(Sum* sums, const SplitQuery& q, __m512bh r) { sums[0] = add_dot(sums[0], q, r); }
  template <int N>
  static void finish(const Query&, const void* const*, uint32_t, const Sum (&sums)[1][N], float* out) {
    Avx512::store_negated_sums<N>(sums[0], out);
  }
};

struct Bf16Cosine : Bf16Base<Bf16Cosine> {
  static constexpr int kRows = 8;
  static constexpr int kSums = 2;

  struct Query : Bf16Base<Bf16Cosine>::Query {
    float qq;
    Query(const void* query, uint32_t dim)
        : Bf16Base<Bf16Cosine>::Query(query, dim),
          qq(squared_norm<Avx512>(static_cast<const float*>(query), dim)) {}
  };

  static void step(Sum* sums, const SplitQuery& q, __m512bh r) {
    sums[0] = add_dot(sums[0], q, r);
    sums[1] = _mm512_dpbf16_ps(sums[1], r, r);
  }
  template <int N>
  static void finish(const Query& query, const void* const* rows, uint32_t dim, const Sum (&sums)[2][N],
                     float* out) {
    float dots[N], norms[N];
    Avx512::store_sums<N>(sums[0], dots);
    Avx512::store_sums<N>(sums[1], norms);
    finish_cosine<N>(dots, norms, query.qq, cosine_in_double_bf16, query.data, rows, dim, out);
  }
};

struct Bf16 {
  static constexpr size_t kBits = 16;
  static __m256i halves(const void* row, size_t i) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(static_cast<const uint16_t*>(row) + i));
  }
  static __m512 load(const void* row, size_t i) { return widen(halves(row, i)); }
  static __m512 load_tail(const void* row, size_t i, uint32_t n) {
    return widen(_mm256_maskz_loadu_epi16(first_16(n), static_cast<const uint16_t*>(row) + i));
  }
};

}  // namespace

const Metrics kAvx512Bf16 = {scan<FloatL2<Avx512, Bf16>>, scan<Bf16Ip>, scan<Bf16Cosine>};

}  // namespace kith::kernels

// AVX512-VNNI: i8 and u8 by vpdpbusd, which adds four products of an unsigned with a signed byte into each
// 32-bit lane.
//
// Both operands are of one type here, so one of them is moved by 128 (its top bit flipped) and the move is
// taken back from exact sums. Let s be a row's element and t the query's as signed bytes (of u8: value -
// 128), and u = s + 128 as unsigned byte (of u8: the value itself). What the instruction can sum directly: u
// t, u s and 64 s.
//   i8:  s.t = sum u t - 128 sum t                            s.s = sum u s - 2 sum 64 s
//   u8:  (s+128).(t+128) = sum u t + 128 sum u                 u.u = sum u s + 128 sum u
//   L2 of both, as it does not change when both move:  sum (t - s)^2 = sum t^2 + 256 sum t + sum u s - 2 sum
//   (u t + 64 s)
// All sums wrap in 32 bits and are exact: the true results fit (see integer_kernels.h).
#include <immintrin.h>

#include "index/distance/avx512_vector.h"
#include "index/distance/cosine.h"
#include "index/distance/kernels.h"
#include "index/distance/scan.h"

namespace kith::kernels {
namespace {

/// sum + products. As assembly because gcc 12 copies the sum around the intrinsic: two more instructions for
/// each.
inline __m512i dot_bytes(__m512i sum, __m512i as_unsigned, __m512i as_signed) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(as_unsigned), "v"(as_signed));
  return sum;
}

inline __m512i flip_top(__m512i bytes) {
  return _mm512_xor_si512(bytes, _mm512_set1_epi8(-128));
}
inline __m512i load_bytes(const void* data, size_t i) {
  return _mm512_loadu_si512(static_cast<const uint8_t*>(data) + i);
}
inline __m512i load_bytes_tail(const void* data, size_t i, uint32_t n) {
  return _mm512_maskz_loadu_epi8(first_64(n), static_cast<const uint8_t*>(data) + i);
}

/// A row's register in both forms; absent elements of a tail are 0 in both.
struct Bytes {
  __m512i as_unsigned, as_signed;
};

template <bool kSigned>
inline Bytes both_forms(__m512i bytes) {
  return kSigned ? Bytes{flip_top(bytes), bytes} : Bytes{bytes, flip_top(bytes)};
}

/// Sums over the query's elements as signed bytes.
struct QuerySums {
  uint32_t t = 0, tt = 0;
};

template <bool kSigned>
inline QuerySums query_sums(const void* query, uint32_t dim) {
  __m512i t_sum = _mm512_setzero_si512(), tt_sum = _mm512_setzero_si512();
  for (uint32_t i = 0; i < dim; i += 32) {
    const uint32_t left = dim - i;
    const __mmask32 mask = left >= 32 ? ~__mmask32{0} : first_32(left);
    const __m256i bytes = _mm256_maskz_loadu_epi8(mask, static_cast<const uint8_t*>(query) + i);
    const __m512i words =
        kSigned ? _mm512_cvtepi8_epi16(bytes)
                : _mm512_maskz_sub_epi16(mask, _mm512_cvtepu8_epi16(bytes), _mm512_set1_epi16(128));
    t_sum = _mm512_dpwssd_epi32(t_sum, words, _mm512_set1_epi16(1));
    tt_sum = _mm512_dpwssd_epi32(tt_sum, words, words);
  }
  return {static_cast<uint32_t>(_mm512_reduce_add_epi32(t_sum)),
          static_cast<uint32_t>(_mm512_reduce_add_epi32(tt_sum))};
}

template <bool kSigned>
struct VnniBase {
  using Sum = __m512i;
  static constexpr size_t kElements = 64;
  static constexpr size_t kElementBits = 8;

  struct Query {
    const void* data;
    uint32_t t, tt;
    Query(const void* query, uint32_t dim) : data(query) {
      const QuerySums sums = query_sums<kSigned>(query, dim);
      t = sums.t;
      tt = sums.tt;
    }
  };

  static Sum zero() { return _mm512_setzero_si512(); }
  static Sum add(Sum a, Sum b) { return _mm512_add_epi32(a, b); }
  static Sum load_query(const Query& query, size_t i) {
    return both_forms<kSigned>(load_bytes(query.data, i)).as_signed;
  }
  static Sum load_query_tail(const Query& query, size_t i, uint32_t n) {
    return _mm512_maskz_mov_epi8(first_64(n),
                                 both_forms<kSigned>(load_bytes_tail(query.data, i, n)).as_signed);
  }
  static Bytes load_row(const void* row, size_t i) { return both_forms<kSigned>(load_bytes(row, i)); }
  static Bytes load_row_tail(const void* row, size_t i, uint32_t n) {
    const Bytes both = both_forms<kSigned>(load_bytes_tail(row, i, n));
    return {_mm512_maskz_mov_epi8(first_64(n), both.as_unsigned),
            _mm512_maskz_mov_epi8(first_64(n), both.as_signed)};
  }
};

template <bool kSigned>
struct VnniL2 : VnniBase<kSigned> {
  using Sum = __m512i;
  using Query = typename VnniBase<kSigned>::Query;
  static constexpr int kRows = 8;
  static constexpr int kSums = 2;

  static void step(Sum* sums, Sum t, Bytes r) {
    sums[0] = dot_bytes(sums[0], r.as_unsigned, r.as_signed);
    sums[1] = dot_bytes(sums[1], r.as_unsigned, t);
    sums[1] = dot_bytes(sums[1], _mm512_set1_epi8(64), r.as_signed);
  }
  static void step_tail(Sum* sums, Sum t, Bytes r, uint32_t) { step(sums, t, r); }
  template <int N>
  static void finish(const Query& query, const void* const*, uint32_t, const Sum (&sums)[2][N], float* out) {
    Sum total[N];
    for (int n = 0; n < N; ++n)
      total[n] = _mm512_sub_epi32(_mm512_sub_epi32(sums[0][n], sums[1][n]), sums[1][n]);
    store_integer_sums<N, false>(total, query.tt + 256 * query.t, out);
  }
};

/// Dot products, before any sign change. i8 needs one sum, u8 also the sum of the row.
template <bool kSigned>
struct VnniDot : VnniBase<kSigned> {
  using Sum = __m512i;
  using Query = typename VnniBase<kSigned>::Query;
  static constexpr int kRows = 8;
  static constexpr int kSums = kSigned ? 1 : 2;

  static void step(Sum* sums, Sum t, Bytes r) {
    sums[0] = dot_bytes(sums[0], r.as_unsigned, t);
    if constexpr (!kSigned) sums[1] = dot_bytes(sums[1], r.as_unsigned, _mm512_set1_epi8(1));
  }
  static void step_tail(Sum* sums, Sum t, Bytes r, uint32_t) { step(sums, t, r); }
  template <int N>
  static void finish(const Query& query, const void* const*, uint32_t, const Sum (&sums)[kSums][N],
                     float* out) {
    if constexpr (kSigned) {
      store_integer_sums<N, true>(sums[0], 0u - 128 * query.t, out);
    } else {
      Sum total[N];
      for (int n = 0; n < N; ++n) total[n] = _mm512_add_epi32(sums[0][n], _mm512_slli_epi32(sums[1][n], 7));
      store_integer_sums<N, false>(total, 0, out);
    }
    for (int n = 0; n < N; ++n) out[n] = -out[n];
  }
};

template <bool kSigned>
struct VnniCosine : VnniBase<kSigned> {
  using Sum = __m512i;
  static constexpr int kRows = 8;
  static constexpr int kSums = 3;

  struct Query : VnniBase<kSigned>::Query {
    float qq;
    Query(const void* query, uint32_t dim) : VnniBase<kSigned>::Query(query, dim) {
      // of u8, sum (t + 128)^2 = sum t^2 + 256 sum t + dim 128^2
      qq = static_cast<float>(kSigned ? this->tt : this->tt + 256 * this->t + dim * 16384u);
    }
  };

  static void step(Sum* sums, Sum t, Bytes r) {
    sums[0] = dot_bytes(sums[0], r.as_unsigned, t);
    sums[1] = dot_bytes(sums[1], r.as_unsigned, r.as_signed);
    sums[2] = kSigned ? dot_bytes(sums[2], _mm512_set1_epi8(64), r.as_signed)
                      : dot_bytes(sums[2], r.as_unsigned, _mm512_set1_epi8(64));
  }
  static void step_tail(Sum* sums, Sum t, Bytes r, uint32_t) { step(sums, t, r); }
  template <int N>
  static void finish(const Query& query, const void* const*, uint32_t, const Sum (&sums)[3][N], float* out) {
    Sum dots[N], norms[N];
    for (int n = 0; n < N; ++n) {
      const __m512i twice = _mm512_add_epi32(sums[2][n], sums[2][n]);
      dots[n] = kSigned ? sums[0][n] : _mm512_add_epi32(sums[0][n], twice);
      norms[n] = kSigned ? _mm512_sub_epi32(sums[1][n], twice) : _mm512_add_epi32(sums[1][n], twice);
    }
    float dot[N], norm[N];
    store_integer_sums<N, kSigned>(dots, kSigned ? 0u - 128 * query.t : 0, dot);
    store_integer_sums<N, false>(norms, 0, norm);
    cosine_distances<N>(dot, query.qq, norm, out);
  }
};

template <bool kSigned>
constexpr Metrics vnni_metrics() {
  return {scan<VnniL2<kSigned>>, scan<VnniDot<kSigned>>, scan<VnniCosine<kSigned>>};
}

}  // namespace

const IntegerTable kAvx512Vnni = {vnni_metrics<true>(), vnni_metrics<false>()};

}  // namespace kith::kernels

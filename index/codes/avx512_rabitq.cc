// RaBitQ by AVX512-VNNI: codes are spread to one unsigned byte a dimension in registers, and vpdpbusd
// multiplies them with the query's signed bytes.
#include <immintrin.h>

#include "index/codes/avx512_floats.h"
#include "index/codes/rabitq_loops.h"
#include "index/distance/avx512_vector.h"
#include "index/distance/scan.h"

namespace kith::kernels {
namespace {

/// As assembly for the reason given in index/distance/avx512_vnni.cc.
inline __m512i dot_bytes(__m512i sum, __m512i as_unsigned, __m512i as_signed) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(as_unsigned), "v"(as_signed));
  return sum;
}

/// The bytes of 128 dimensions.
struct Bytes {
  __m512i first, second;
};

template <int kBits>
struct Estimate {
  using Sum = __m512i;
  static constexpr int kRows = 8;
  static constexpr int kSums = 1;
  static constexpr size_t kElements = kRabitqBlock;
  static constexpr size_t kElementBits = kBits;
  static constexpr int kPlanesFrom = kBits >= 4 ? 4 : kBits >= 2 ? 2 : 0;  // the first bit in a plane

  struct Query {
    const RabitqQuery* header;
    const int8_t* bytes;
    Query(const void* prepared, uint32_t)
        : header(static_cast<const RabitqQuery*>(prepared)),
          bytes(reinterpret_cast<const int8_t*>(header + 1)) {}
  };

  static Sum zero() { return _mm512_setzero_si512(); }
  static Sum add(Sum a, Sum b) { return _mm512_add_epi32(a, b); }

  static Bytes load_query(const Query& query, size_t i) {
    return {_mm512_loadu_si512(query.bytes + i), _mm512_loadu_si512(query.bytes + i + 64)};
  }
  static __m512i load_query_tail(const Query& query, size_t i, uint32_t) {
    return _mm512_loadu_si512(query.bytes + i);
  }

  static const uint8_t* code_at(const void* row, size_t i) {
    return static_cast<const uint8_t*>(row) + sizeof(RabitqFactors) + i / 8 * kBits;
  }
  static __m512i add_bit(__m512i codes, const uint8_t* plane, int bit) {
    __mmask64 mask;
    memcpy(&mask, plane, 8);
    return _mm512_mask_add_epi8(codes, mask, codes, _mm512_set1_epi8(static_cast<char>(1 << bit)));
  }
  static Bytes load_row(const void* row, size_t i) {
    const uint8_t* code = code_at(row, i);
    if constexpr (kBits == 8) return {_mm512_loadu_si512(code), _mm512_loadu_si512(code + 64)};
    Bytes codes = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    if constexpr (kBits >= 4) {
      const __m512i low = _mm512_set1_epi8(15), both = _mm512_loadu_si512(code);
      codes = {_mm512_and_si512(both, low), _mm512_and_si512(_mm512_srli_epi16(both, 4), low)};
      code += 64;
    } else if constexpr (kBits >= 2) {
      const __m512i twice =
          _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(code)));
      const __m512i low = _mm512_set1_epi8(3), low_two = _mm512_set_epi64(2, 2, 2, 2, 0, 0, 0, 0);
      const __m512i high_two = _mm512_set_epi64(6, 6, 6, 6, 4, 4, 4, 4);
      codes = {_mm512_and_si512(_mm512_srlv_epi64(twice, low_two), low),
               _mm512_and_si512(_mm512_srlv_epi64(twice, high_two), low)};
      code += 32;
    }
    for (int bit = kPlanesFrom; bit < kBits; ++bit, code += 16)
      codes = {add_bit(codes.first, code, bit), add_bit(codes.second, code + 8, bit)};
    return codes;
  }
  /// The last 64 dimensions.
  static __m512i load_row_tail(const void* row, size_t i, uint32_t) {
    const uint8_t* code = code_at(row, i);
    if constexpr (kBits == 8) return _mm512_loadu_si512(code);
    __m512i codes = _mm512_setzero_si512();
    if constexpr (kBits >= 4) {
      const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(code));
      codes = _mm512_inserti64x4(_mm512_castsi256_si512(both), _mm256_srli_epi16(both, 4), 1);
      codes = _mm512_and_si512(codes, _mm512_set1_epi8(15));
      code += 32;
    } else if constexpr (kBits >= 2) {
      const __m128i quarter = _mm_loadu_si128(reinterpret_cast<const __m128i*>(code));
      const __m512i shifts = _mm512_set_epi64(6, 6, 4, 4, 2, 2, 0, 0);
      codes =
          _mm512_and_si512(_mm512_srlv_epi64(_mm512_broadcast_i64x2(quarter), shifts), _mm512_set1_epi8(3));
      code += 16;
    }
    for (int bit = kPlanesFrom; bit < kBits; ++bit, code += 8) codes = add_bit(codes, code, bit);
    return codes;
  }

  static void step(Sum* sums, const Bytes& q, const Bytes& r) {
    sums[0] = dot_bytes(dot_bytes(sums[0], r.first, q.first), r.second, q.second);
  }
  static void step_tail(Sum* sums, __m512i q, __m512i r, uint32_t) { sums[0] = dot_bytes(sums[0], r, q); }

  /// (add, scale) of two rows.
  static __m128 factors_of_2(const void* const* rows) {
    const __m128 one = _mm_castpd_ps(_mm_load_sd(static_cast<const double*>(rows[0])));
    return _mm_loadh_pi(one, static_cast<const __m64*>(rows[1]));
  }
  static __m128 distances_of_4(const Query& query, const void* const* rows, __m128i sums) {
    const __m128 first = factors_of_2(rows), second = factors_of_2(rows + 2);
    const __m128 adds = _mm_shuffle_ps(first, second, 0x88), scales = _mm_shuffle_ps(first, second, 0xdd);
    const __m128i twice = _mm_sub_epi32(_mm_add_epi32(sums, sums), _mm_set1_epi32(query.header->offset));
    const __m128 fixed =
        _mm_add_ps(_mm_mul_ps(_mm_set1_ps(query.header->weight), adds), _mm_set1_ps(query.header->add));
    const __m128 factors = _mm_mul_ps(_mm_set1_ps(query.header->factor), scales);
    return nan_to_infinity(_mm_add_ps(_mm_mul_ps(factors, _mm_cvtepi32_ps(twice)), fixed));
  }
  template <int N>
  static void finish(const Query& query, const void* const* rows, uint32_t, const Sum (&sums)[1][N],
                     float* out) {
    if constexpr (N == 8) {
      const __m256i eight = sums_of_8(sums[0]);
      _mm_storeu_ps(out, distances_of_4(query, rows, low_half(eight)));
      _mm_storeu_ps(out + 4, distances_of_4(query, rows + 4, high_half(eight)));
    } else if constexpr (N == 4) {
      _mm_storeu_ps(out, distances_of_4(query, rows, sums_of_4(sums[0])));
    } else {
      for (int n = 0; n < N; ++n) {
        const void* const same[4] = {rows[n], rows[n], rows[n], rows[n]};
        const __m128i sum = _mm_cvtsi32_si128(_mm512_reduce_add_epi32(sums[0][n]));
        _mm_store_ss(out + n, distances_of_4(query, same, sum));
      }
    }
  }
};

template <int kBits>
void estimate(const void* prepared, const void* const* rows, size_t count, uint32_t dim, float* out) {
  scan<Estimate<kBits>>(prepared, rows, count, (dim + 63) / 64 * 64, out);
}

constexpr RabitqTable avx512_table() {
  RabitqTable table = rabitq_loops<Avx512Floats>();
  const Kernel kernels[] = {nullptr,     estimate<1>, estimate<2>, estimate<3>, estimate<4>,
                            estimate<5>, estimate<6>, estimate<7>, estimate<8>};
  for (int bits = 1; bits <= 8; ++bits) table.estimate[bits] = kernels[bits];
  return table;
}

}  // namespace

constinit const RabitqTable kAvx512Rabitq = avx512_table();

}  // namespace kith::kernels

// RaBitQ by AVX2: codes are spread to one unsigned byte a dimension in registers; vpmaddubsw multiplies them
// with the query's signed bytes and adds pairs in 16 bits. Codes below 128 cannot overflow those; 8-bit codes
// go as two halves.
#include <immintrin.h>

#include "index/codes/avx2_floats.h"
#include "index/codes/rabitq_loops.h"
#include "index/distance/scan.h"

namespace kith::kernels {
namespace {

inline __m256i load_32(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

template <int kBits>
struct Estimate {
  using Sum = __m256i;
  static constexpr int kRows = 4;
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
  struct Bytes {
    __m256i part[4];  // 32 dimensions each; of a tail the first two
  };

  static Sum zero() { return _mm256_setzero_si256(); }
  static Sum add(Sum a, Sum b) { return _mm256_add_epi32(a, b); }

  static const int8_t* load_query(const Query& query, size_t i) { return query.bytes + i; }
  static const int8_t* load_query_tail(const Query& query, size_t i, uint32_t) { return query.bytes + i; }

  static __m256i add_bit(__m256i codes, const uint8_t* plane, int bit) {
    int32_t word;
    memcpy(&word, plane, 4);
    const __m256i spread = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i own = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201));
    const __m256i bits = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(word), spread), own);
    return _mm256_or_si256(
        codes, _mm256_and_si256(_mm256_cmpeq_epi8(bits, own), _mm256_set1_epi8(static_cast<char>(1 << bit))));
  }
  /// A block of kParts times 32 dimensions.
  template <int kParts>
  static Bytes unpack(const void* row, size_t i) {
    const uint8_t* code = static_cast<const uint8_t*>(row) + sizeof(RabitqFactors) + i / 8 * kBits;
    Bytes bytes;
    for (int p = 0; p < kParts; ++p)
      bytes.part[p] = kBits == 8 ? load_32(code + 32 * p) : _mm256_setzero_si256();
    if constexpr (kBits == 8) return bytes;
    if constexpr (kBits >= 4) {
      const __m256i low = _mm256_set1_epi8(15);
      for (int p = 0; p < kParts / 2; ++p, code += 32) {
        const __m256i both = load_32(code);
        bytes.part[p] = _mm256_and_si256(both, low);
        bytes.part[kParts / 2 + p] = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
      }
    }
    if constexpr (kBits == 2 || kBits == 3) {
      const __m256i low = _mm256_set1_epi8(3);
      if constexpr (kParts == 4) {
        const __m256i all = load_32(code);
        for (int p = 0; p < 4; ++p) bytes.part[p] = _mm256_and_si256(_mm256_srli_epi16(all, 2 * p), low);
      } else {
        const __m256i both =
            _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(code)));
        for (int p = 0; p < 2; ++p) {
          const __m256i shifts = _mm256_set_epi64x(4 * p + 2, 4 * p + 2, 4 * p, 4 * p);
          bytes.part[p] = _mm256_and_si256(_mm256_srlv_epi64(both, shifts), low);
        }
      }
      code += 8 * kParts;
    }
    for (int bit = kPlanesFrom; bit < kBits; ++bit)
      for (int p = 0; p < kParts; ++p, code += 4) bytes.part[p] = add_bit(bytes.part[p], code, bit);
    return bytes;
  }
  static Bytes load_row(const void* row, size_t i) { return unpack<4>(row, i); }
  static Bytes load_row_tail(const void* row, size_t i, uint32_t) { return unpack<2>(row, i); }

  static __m256i dot(__m256i codes, const int8_t* q) {
    const __m256i query = load_32(q), ones = _mm256_set1_epi16(1);
    if constexpr (kBits < 8) return _mm256_madd_epi16(_mm256_maddubs_epi16(codes, query), ones);
    const __m256i half = _mm256_set1_epi8(15);
    const __m256i low = _mm256_and_si256(codes, half),
                  high = _mm256_and_si256(_mm256_srli_epi16(codes, 4), half);
    return _mm256_add_epi32(_mm256_madd_epi16(_mm256_maddubs_epi16(low, query), ones),
                            _mm256_madd_epi16(_mm256_maddubs_epi16(high, query), _mm256_set1_epi16(16)));
  }
  static void step(Sum* sums, const int8_t* q, const Bytes& r) {
    for (int p = 0; p < 4; ++p) sums[0] = _mm256_add_epi32(sums[0], dot(r.part[p], q + 32 * p));
  }
  static void step_tail(Sum* sums, const int8_t* q, const Bytes& r, uint32_t) {
    for (int p = 0; p < 2; ++p) sums[0] = _mm256_add_epi32(sums[0], dot(r.part[p], q + 32 * p));
  }

  static int32_t sum_of_lanes(__m256i s) {
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
    const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_srli_epi64(two, 32)));
  }
  template <int N>
  static void finish(const Query& query, const void* const* rows, uint32_t, const Sum (&sums)[1][N],
                     float* out) {
    const RabitqQuery& header = *query.header;
    for (int n = 0; n < N; ++n) {
      RabitqFactors factors;
      memcpy(&factors, rows[n], sizeof(factors));
      const uint32_t dot = static_cast<uint32_t>(sum_of_lanes(sums[0][n]));
      const int32_t twice = static_cast<int32_t>(2 * dot - static_cast<uint32_t>(header.offset));
      const float fixed = header.weight * factors.add + header.add;
      const float distance = header.factor * factors.scale * static_cast<float>(twice) + fixed;
      out[n] = distance < __builtin_inff() ? distance : __builtin_inff();  // NaN as well
    }
  }
};

template <int kBits>
void estimate(const void* prepared, const void* const* rows, size_t count, uint32_t dim, float* out) {
  scan<Estimate<kBits>>(prepared, rows, count, (dim + 63) / 64 * 64, out);
}

constexpr RabitqTable avx2_table() {
  RabitqTable table = rabitq_loops<Avx2Floats>();
  const Kernel kernels[] = {nullptr,     estimate<1>, estimate<2>, estimate<3>, estimate<4>,
                            estimate<5>, estimate<6>, estimate<7>, estimate<8>};
  for (int bits = 1; bits <= 8; ++bits) table.estimate[bits] = kernels[bits];
  return table;
}

}  // namespace

constinit const RabitqTable kAvx2Rabitq = avx2_table();

}  // namespace kith::kernels

// The scalar quantisers by AVX2: vpmaddubsw adds pairs of products in 16 bits, 2 * 255 * 64 at most.
#include <immintrin.h>

#include "index/codes/avx2_floats.h"
#include "index/codes/sq_loops.h"

namespace kith::kernels {
namespace {

struct Avx2Bytes {
  using Vec = __m256i;
  static constexpr uint32_t kBytes = 32;

  static Vec zero() { return _mm256_setzero_si256(); }
  static Vec add(Vec a, Vec b) { return _mm256_add_epi32(a, b); }
  static Vec load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static Vec load_tail(const void* p, uint32_t n) {
    alignas(32) uint8_t padded[32] = {};
    memcpy(padded, p, n);
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(padded));
  }
  static Vec low_halves(Vec v) { return _mm256_and_si256(v, _mm256_set1_epi8(15)); }
  static Vec high_halves(Vec v) { return low_halves(_mm256_srli_epi16(v, 4)); }
  static Vec dot(Vec sum, Vec codes, Vec query) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(codes, query), _mm256_set1_epi16(1)));
  }
  template <int N>
  static void sums(const Vec* s, uint32_t* out) {
    for (int n = 0; n < N; ++n) {
      const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(s[n]), _mm256_extracti128_si256(s[n], 1));
      const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
      out[n] = static_cast<uint32_t>(_mm_cvtsi128_si32(_mm_add_epi32(two, _mm_srli_epi64(two, 32))));
    }
  }
};

}  // namespace

constinit const SqTable kAvx2Sq = sq_loops<Avx2Floats, Avx2Bytes>();

}  // namespace kith::kernels

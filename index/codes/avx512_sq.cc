// The scalar quantisers by AVX512-VNNI.
#include <immintrin.h>

#include "index/codes/avx512_floats.h"
#include "index/codes/sq_loops.h"
#include "index/distance/avx512_vector.h"

namespace kith::kernels {
namespace {

struct Avx512Bytes {
  using Vec = __m512i;
  static constexpr uint32_t kBytes = 64;

  static Vec zero() { return _mm512_setzero_si512(); }
  static Vec add(Vec a, Vec b) { return _mm512_add_epi32(a, b); }
  static Vec load(const void* p) { return _mm512_loadu_si512(p); }
  static Vec load_tail(const void* p, uint32_t n) { return _mm512_maskz_loadu_epi8(first_64(n), p); }
  static Vec low_halves(Vec v) { return _mm512_and_si512(v, _mm512_set1_epi8(15)); }
  static Vec high_halves(Vec v) { return low_halves(_mm512_srli_epi16(v, 4)); }
  /// As assembly for the reason given in index/distance/avx512_vnni.cc.
  static Vec dot(Vec sum, Vec codes, Vec query) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(codes), "v"(query));
    return sum;
  }
  template <int N>
  static void sums(const Vec* s, uint32_t* out) {
    if constexpr (N == 8) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), sums_of_8(s));
    } else if constexpr (N == 4) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), sums_of_4(s));
    } else {
      for (int n = 0; n < N; ++n) out[n] = static_cast<uint32_t>(_mm512_reduce_add_epi32(s[n]));
    }
  }
};

}  // namespace

constinit const SqTable kAvx512Sq = sq_loops<Avx512Floats, Avx512Bytes>();

}  // namespace kith::kernels

// FastScan with AVX-512: two bytes of 32 codes per load, four tables per pair of shuffles.
#include "index/codes/avx_fastscan.h"

namespace kith::kernels {
namespace {

struct Avx512 {
  static constexpr size_t kBlocks = 4;
  using Sums = SumsOf32;

  template <size_t N>
  [[gnu::always_inline]] static void sums(const FastScanWork& work, const uint8_t* block, Sums (&sums)[N]) {
    const __m512i low_half = _mm512_set1_epi8(15);
    __m512i both[N], second[N];
    for (size_t n = 0; n < N; ++n) both[n] = second[n] = _mm512_setzero_si512();
    for (uint32_t b = 0; b < work.code_bytes; b += 2, block += 2 * kFastScanBlock) {
      const __m512i tables = _mm512_load_si512(work.tables + size_t{b} * 32);
      const __m512i even = _mm512_shuffle_i32x4(tables, tables, 0xa0);  // tables 0, 0, 2, 2
      const __m512i odd = _mm512_shuffle_i32x4(tables, tables, 0xf5);   // tables 1, 1, 3, 3
      const __mmask8 there = b + 1 < work.code_bytes ? 0xff : 0x0f;     // the last byte may have no partner
      for (size_t n = 0; n < N; ++n) {
        const __m512i codes = _mm512_maskz_loadu_epi64(there, block + n * kFastScanBlock * work.code_bytes);
        const __m512i x = _mm512_shuffle_epi8(even, _mm512_and_si512(codes, low_half));
        const __m512i y = _mm512_shuffle_epi8(odd, _mm512_and_si512(_mm512_srli_epi16(codes, 4), low_half));
        both[n] = _mm512_add_epi16(both[n], _mm512_add_epi16(x, y));
        second[n] =
            _mm512_add_epi16(second[n], _mm512_add_epi16(_mm512_srli_epi16(x, 8), _mm512_srli_epi16(y, 8)));
      }
    }
    for (size_t n = 0; n < N; ++n) sums[n] = ordered(halves_added(both[n]), halves_added(second[n]));
  }

  static __m256i halves_added(__m512i x) {
    return _mm256_add_epi16(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
  }

  static void store_16(__m256i sums, const FastScanWork& work, float* out) {
    const __m512 values = _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(sums));
    _mm512_storeu_ps(
        out, _mm512_add_ps(_mm512_set1_ps(work.bias), _mm512_mul_ps(_mm512_set1_ps(work.step), values)));
  }
  static void store(const Sums& sums, const FastScanWork& work, float* out) {
    store_16(sums.low, work, out);
    store_16(sums.high, work, out + 16);
  }
  static void store(const Sums& sums, uint16_t* out) { store_sums(sums, out); }

  static uint32_t at_most(const Sums& sums, uint16_t limit) {
    const __m256i limits = _mm256_set1_epi16(static_cast<int16_t>(limit));
    return _mm256_cmple_epu16_mask(sums.low, limits) |
           static_cast<uint32_t>(_mm256_cmple_epu16_mask(sums.high, limits)) << 16;
  }
};

}  // namespace

const FastScanTable kAvx512FastScan = FastScanLoops<Avx512>::table();

}  // namespace kith::kernels

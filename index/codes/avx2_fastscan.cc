// FastScan with AVX2: a byte of 32 codes per load, two shuffles look their halves up.
#include "index/codes/avx_fastscan.h"

namespace kith::kernels {
namespace {

struct Avx2 {
  static constexpr size_t kBlocks = 2;
  using Sums = SumsOf32;

  template <size_t N>
  [[gnu::always_inline]] static void sums(const FastScanWork& work, const uint8_t* block, Sums (&sums)[N]) {
    const __m256i low_half = _mm256_set1_epi8(15);
    __m256i both[N], second[N];
    for (size_t n = 0; n < N; ++n) both[n] = second[n] = _mm256_setzero_si256();
    const auto* table = reinterpret_cast<const __m128i*>(work.tables);
    for (uint32_t b = 0; b < work.code_bytes; ++b, block += kFastScanBlock, table += 2) {
      const __m256i even = _mm256_broadcastsi128_si256(_mm_load_si128(table));
      const __m256i odd = _mm256_broadcastsi128_si256(_mm_load_si128(table + 1));
      for (size_t n = 0; n < N; ++n) {
        const uint8_t* at = block + n * kFastScanBlock * work.code_bytes;
        const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
        const __m256i x = _mm256_shuffle_epi8(even, _mm256_and_si256(codes, low_half));
        const __m256i y = _mm256_shuffle_epi8(odd, _mm256_and_si256(_mm256_srli_epi16(codes, 4), low_half));
        both[n] = _mm256_add_epi16(both[n], _mm256_add_epi16(x, y));
        second[n] =
            _mm256_add_epi16(second[n], _mm256_add_epi16(_mm256_srli_epi16(x, 8), _mm256_srli_epi16(y, 8)));
      }
    }
    for (size_t n = 0; n < N; ++n) sums[n] = ordered(both[n], second[n]);
  }

  static void store_8(__m128i sums, const FastScanWork& work, float* out) {
    const __m256 values = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(sums));
    _mm256_storeu_ps(
        out, _mm256_add_ps(_mm256_set1_ps(work.bias), _mm256_mul_ps(_mm256_set1_ps(work.step), values)));
  }
  static void store(const Sums& sums, const FastScanWork& work, float* out) {
    store_8(_mm256_castsi256_si128(sums.low), work, out);
    store_8(_mm256_extracti128_si256(sums.low, 1), work, out + 8);
    store_8(_mm256_castsi256_si128(sums.high), work, out + 16);
    store_8(_mm256_extracti128_si256(sums.high, 1), work, out + 24);
  }
  static void store(const Sums& sums, uint16_t* out) { store_sums(sums, out); }

  static uint32_t at_most(const Sums& sums, uint16_t limit) {
    const __m256i limits = _mm256_set1_epi16(static_cast<int16_t>(limit));
    const __m256i low = _mm256_cmpeq_epi16(_mm256_min_epu16(sums.low, limits), sums.low);
    const __m256i high = _mm256_cmpeq_epi16(_mm256_min_epu16(sums.high, limits), sums.high);
    const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
    return static_cast<uint32_t>(_mm256_movemask_epi8(bytes));
  }
};

}  // namespace

const FastScanTable kAvx2FastScan = FastScanLoops<Avx2>::table();

}  // namespace kith::kernels

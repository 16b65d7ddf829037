// AVX-512 (F, BW, VL, DQ) without the extensions: i8 and u8 by 16-bit products, bits by table look-up.
#include <immintrin.h>

#include "index/distance/avx512_vector.h"
#include "index/distance/integer_kernels.h"

namespace kith::kernels {
namespace {

struct Avx512Words {
  using Vec = __m512i;
  static constexpr size_t kLanes = 32;
  static Vec zero() { return _mm512_setzero_si512(); }
  static Vec add(Vec a, Vec b) { return _mm512_add_epi32(a, b); }
  static Vec sub_words(Vec a, Vec b) { return _mm512_sub_epi16(a, b); }
  static Vec add_products(Vec sum, Vec a, Vec b) { return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b)); }
  template <bool kSigned>
  static Vec widen(__m256i bytes) {
    return kSigned ? _mm512_cvtepi8_epi16(bytes) : _mm512_cvtepu8_epi16(bytes);
  }
  template <bool kSigned>
  static Vec load(const void* data, size_t i) {
    return widen<kSigned>(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(static_cast<const uint8_t*>(data) + i)));
  }
  template <bool kSigned>
  static Vec load_tail(const void* data, size_t i, uint32_t n) {
    return widen<kSigned>(_mm256_maskz_loadu_epi8(first_32(n), static_cast<const uint8_t*>(data) + i));
  }
  template <int N, bool kSigned>
  static void store_sums(const Vec* s, float* out) {
    store_integer_sums<N, kSigned>(s, 0, out);
  }
};

/// Counts bits by looking up half bytes (Muła, "SSSE3: fast popcount", 2008).
struct Avx512Bits {
  using Vec = __m512i;
  static constexpr size_t kBytes = 64;
  static Vec zero() { return _mm512_setzero_si512(); }
  static Vec add(Vec a, Vec b) { return _mm512_add_epi64(a, b); }
  static Vec load(const uint8_t* data) { return _mm512_loadu_si512(data); }
  static Vec load_tail(const uint8_t* data, uint32_t n) { return _mm512_maskz_loadu_epi8(first_64(n), data); }
  static Vec add_differing(Vec sum, Vec a, Vec b) {
    const Vec table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const Vec half_byte = _mm512_set1_epi8(15);
    const Vec x = _mm512_xor_si512(a, b);
    const Vec low = _mm512_shuffle_epi8(table, _mm512_and_si512(x, half_byte));
    const Vec high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(x, 4), half_byte));
    return _mm512_add_epi64(sum, _mm512_sad_epu8(_mm512_add_epi8(low, high), zero()));
  }
  template <int N>
  static void store_sums(const Vec* s, float* out) {
    store_integer_sums<N, true>(s, 0, out);  // the high halves of the 64-bit sums are zero
  }
};

}  // namespace

const IntegerTable kAvx512Integer = {integer_metrics<Avx512Words, true>(),
                                     integer_metrics<Avx512Words, false>()};
const Kernel kAvx512Hamming = scan_bits<Avx512Bits>;

}  // namespace kith::kernels

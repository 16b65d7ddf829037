// AVX512-VPOPCNTDQ: Hamming distance with one count instruction for 512 bits.
#include <immintrin.h>

#include "index/distance/avx512_vector.h"
#include "index/distance/integer_kernels.h"

namespace kith::kernels {
namespace {

struct Avx512Popcnt {
  using Vec = __m512i;
  static constexpr size_t kBytes = 64;
  static Vec zero() { return _mm512_setzero_si512(); }
  static Vec add(Vec a, Vec b) { return _mm512_add_epi32(a, b); }
  static Vec load(const uint8_t* data) { return _mm512_loadu_si512(data); }
  static Vec load_tail(const uint8_t* data, uint32_t n) { return _mm512_maskz_loadu_epi8(first_64(n), data); }
  static Vec add_differing(Vec sum, Vec a, Vec b) {
    return _mm512_add_epi32(sum, _mm512_popcnt_epi32(_mm512_xor_si512(a, b)));
  }
  template <int N>
  static void store_sums(const Vec* s, float* out) {
    store_integer_sums<N, true>(s, 0, out);
  }
};

}  // namespace

const Kernel kAvx512Popcnt = scan_bits<Avx512Popcnt>;

}  // namespace kith::kernels

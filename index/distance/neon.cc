// NEON (AArch64, every such CPU): 4 floats, 8 bytes or 128 bits a step, tails copied into a zeroed register.
#include <arm_neon.h>
#include <string.h>

#include "index/distance/float_kernels.h"
#include "index/distance/integer_kernels.h"

namespace kith::kernels {
namespace {

/// n elements of `data` from i on, the rest 0. Unaligned pointers are allowed, hence the bytes.
template <typename Element, int kCount>
struct Padded {
  Element elements[kCount] = {};
  Padded(const void* data, size_t i, size_t n) {
    memcpy(elements, static_cast<const char*>(data) + i * sizeof(Element), n * sizeof(Element));
  }
};

template <typename Element>
inline const Element* at(const void* data, size_t i) {
  return reinterpret_cast<const Element*>(static_cast<const char*>(data) + i * sizeof(Element));
}

struct Neon {
  using Vec = float32x4_t;
  static constexpr size_t kLanes = 4;
  static constexpr int kRegisters = 32;
  static Vec zero() { return vdupq_n_f32(0); }
  static Vec add(Vec a, Vec b) { return vaddq_f32(a, b); }
  static Vec sub(Vec a, Vec b) { return vsubq_f32(a, b); }
  static Vec fma(Vec a, Vec b, Vec c) { return vfmaq_f32(c, a, b); }
  static Vec load(const float* p) { return vld1q_f32(p); }
  static Vec load_tail(const float* p, uint32_t n) { return vld1q_f32(Padded<float, 4>(p, 0, n).elements); }

  /// minnm returns the number where the other argument is NaN.
  template <int N>
  static void store_sums(const Vec* s, float* out) {
    for (int n = 0; n < N; ++n) out[n] = or_infinity(vaddvq_f32(s[n]));
  }
  template <int N>
  static void store_negated_sums(const Vec* s, float* out) {
    for (int n = 0; n < N; ++n) out[n] = or_infinity(-vaddvq_f32(s[n]));
  }
  static float or_infinity(float sum) {
    return vget_lane_f32(vminnm_f32(vdup_n_f32(sum), vdup_n_f32(__builtin_inff())), 0);
  }
};

struct F32 {
  static constexpr size_t kBits = 32;
  static constexpr CosineInDouble kInDouble = cosine_in_double_f32;
  static float32x4_t load(const void* row, size_t i) { return vld1q_f32(at<float>(row, i)); }
  static float32x4_t load_tail(const void* row, size_t i, uint32_t n) {
    return vld1q_f32(Padded<float, 4>(row, i, n).elements);
  }
};

struct F16 {
  static constexpr size_t kBits = 16;
  static constexpr CosineInDouble kInDouble = cosine_in_double_f16;
  static float32x4_t widen(uint16x4_t halves) { return vcvt_f32_f16(vreinterpret_f16_u16(halves)); }
  static float32x4_t load(const void* row, size_t i) { return widen(vld1_u16(at<uint16_t>(row, i))); }
  static float32x4_t load_tail(const void* row, size_t i, uint32_t n) {
    return widen(vld1_u16(Padded<uint16_t, 4>(row, i, n).elements));
  }
};

struct BF16 {
  static constexpr size_t kBits = 16;
  static constexpr CosineInDouble kInDouble = cosine_in_double_bf16;
  static float32x4_t widen(uint16x4_t halves) { return vreinterpretq_f32_u32(vshll_n_u16(halves, 16)); }
  static float32x4_t load(const void* row, size_t i) { return widen(vld1_u16(at<uint16_t>(row, i))); }
  static float32x4_t load_tail(const void* row, size_t i, uint32_t n) {
    return widen(vld1_u16(Padded<uint16_t, 4>(row, i, n).elements));
  }
};

/// Eight elements as 16-bit words; sums in 32-bit lanes. Both are held as the same register type.
struct NeonWords {
  using Vec = int32x4_t;
  static constexpr size_t kLanes = 8;
  static Vec zero() { return vdupq_n_s32(0); }
  static Vec add(Vec a, Vec b) { return vaddq_s32(a, b); }
  static int16x8_t words(Vec v) { return vreinterpretq_s16_s32(v); }
  static Vec sub_words(Vec a, Vec b) { return vreinterpretq_s32_s16(vsubq_s16(words(a), words(b))); }
  static Vec add_products(Vec sum, Vec a, Vec b) {
    const Vec low = vmlal_s16(sum, vget_low_s16(words(a)), vget_low_s16(words(b)));
    return vmlal_high_s16(low, words(a), words(b));
  }
  template <bool kSigned>
  static Vec widen(uint8x8_t bytes) {
    if constexpr (kSigned) return vreinterpretq_s32_s16(vmovl_s8(vreinterpret_s8_u8(bytes)));
    return vreinterpretq_s32_u16(vmovl_u8(bytes));
  }
  template <bool kSigned>
  static Vec load(const void* data, size_t i) {
    return widen<kSigned>(vld1_u8(at<uint8_t>(data, i)));
  }
  template <bool kSigned>
  static Vec load_tail(const void* data, size_t i, uint32_t n) {
    return widen<kSigned>(vld1_u8(Padded<uint8_t, 8>(data, i, n).elements));
  }
  template <int N, bool kSigned>
  static void store_sums(const Vec* s, float* out) {
    for (int n = 0; n < N; ++n) {
      const uint32_t sum = vaddvq_u32(vreinterpretq_u32_s32(s[n]));
      out[n] = kSigned ? static_cast<float>(static_cast<int32_t>(sum)) : static_cast<float>(sum);
    }
  }
};

struct NeonBits {
  using Vec = uint32x4_t;
  static constexpr size_t kBytes = 16;
  static Vec zero() { return vdupq_n_u32(0); }
  static Vec add(Vec a, Vec b) { return vaddq_u32(a, b); }
  static Vec load(const uint8_t* data) { return vreinterpretq_u32_u8(vld1q_u8(data)); }
  static Vec load_tail(const uint8_t* data, uint32_t n) {
    return load(Padded<uint8_t, 16>(data, 0, n).elements);
  }
  static Vec add_differing(Vec sum, Vec a, Vec b) {
    const uint8x16_t counts = vcntq_u8(vreinterpretq_u8_u32(veorq_u32(a, b)));
    return vpadalq_u16(sum, vpaddlq_u8(counts));
  }
  template <int N>
  static void store_sums(const Vec* s, float* out) {
    for (int n = 0; n < N; ++n) out[n] = static_cast<float>(vaddvq_u32(s[n]));
  }
};

}  // namespace

const FloatTable kNeonFloat = {float_metrics<Neon, F32>(), float_metrics<Neon, F16>(),
                               float_metrics<Neon, BF16>()};
const IntegerTable kNeonInteger = {integer_metrics<NeonWords, true>(), integer_metrics<NeonWords, false>()};
const Kernel kNeonHamming = scan_bits<NeonBits>;

}  // namespace kith::kernels

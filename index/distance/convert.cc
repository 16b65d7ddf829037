// Vectors between f32, as users give and see them, and the type they are stored in.
#include <cmath>
#include <cstring>

#include "index/distance/distance.h"
#include "index/distance/half.h"

namespace kith {
namespace {

struct IntegerRange {
  float least, greatest;
};

template <typename Stored>
Result<void> to_integers(const float* in, size_t count, ScalarType type, IntegerRange range, std::byte* out) {
  for (size_t i = 0; i < count; ++i) {
    const float value = in[i];
    if (!(value >= range.least && value <= range.greatest) || value != std::nearbyint(value))
      return invalid_argument("element {} is {}: vectors of type {} hold whole numbers from {} to {}", i,
                              value, scalar_name(type), range.least, range.greatest);
    out[i] = static_cast<std::byte>(static_cast<Stored>(value));
  }
  return {};
}

void to_bits(const float* in, size_t count, std::byte* out) {
  std::memset(out, 0, (count + 7) / 8);
  for (size_t i = 0; i < count; ++i)
    if (in[i] > 0) out[i / 8] |= std::byte{1} << (i % 8);
}

template <uint16_t (*Narrow)(float)>
void to_halves(const float* in, size_t count, std::byte* out) {
  for (size_t i = 0; i < count; ++i) {
    const uint16_t half = Narrow(in[i]);
    std::memcpy(out + i * sizeof half, &half, sizeof half);
  }
}

template <float (*Widen)(uint16_t)>
void from_halves(const std::byte* in, size_t count, float* out) {
  for (size_t i = 0; i < count; ++i) {
    uint16_t half;
    std::memcpy(&half, in + i * sizeof half, sizeof half);
    out[i] = Widen(half);
  }
}

}  // namespace

Result<void> from_f32(const float* in, size_t count, ScalarType type, std::byte* out) {
  switch (type) {
    case ScalarType::kF32:
      std::memcpy(out, in, count * sizeof(float));
      return {};
    case ScalarType::kF16:
      to_halves<f16_of_f32>(in, count, out);
      return {};
    case ScalarType::kBF16:
      to_halves<bf16_of_f32>(in, count, out);
      return {};
    case ScalarType::kI8:
      return to_integers<int8_t>(in, count, type, {-128, 127}, out);
    case ScalarType::kU8:
      return to_integers<uint8_t>(in, count, type, {0, 255}, out);
    case ScalarType::kBit:
      to_bits(in, count, out);
      return {};
  }
  return invalid_argument("unknown vector type number {}", static_cast<int>(type));
}

void to_f32(const std::byte* in, size_t count, ScalarType type, float* out) {
  switch (type) {
    case ScalarType::kF32:
      std::memcpy(out, in, count * sizeof(float));
      return;
    case ScalarType::kF16:
      return from_halves<f32_of_f16>(in, count, out);
    case ScalarType::kBF16:
      return from_halves<f32_of_bf16>(in, count, out);
    case ScalarType::kI8:
      for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(static_cast<int8_t>(in[i]));
      return;
    case ScalarType::kU8:
      for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(static_cast<uint8_t>(in[i]));
      return;
    case ScalarType::kBit:
      for (size_t i = 0; i < count; ++i)
        out[i] = (in[i / 8] & (std::byte{1} << (i % 8))) != std::byte{0} ? 1.0f : 0.0f;
      return;
  }
}

}  // namespace kith

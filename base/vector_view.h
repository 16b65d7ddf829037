// Vectors as the rest of Kith passes them: raw little-endian elements of a named type, never owned here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kith {

/// A collection's own dense row number. Not the user's id, not a slot in a page.
using Row = uint32_t;
inline constexpr Row kNoRow = 0xffffffffu;

/// How the elements of a stored vector are kept. kBit packs 8 dimensions a byte, lowest bit first.
enum class ScalarType : uint8_t { kF32 = 0, kF16 = 1, kBF16 = 2, kI8 = 3, kU8 = 4, kBit = 5 };
inline constexpr size_t kScalarTypes = 6;

constexpr std::string_view scalar_name(ScalarType type) {
  constexpr std::string_view kNames[kScalarTypes] = {"f32", "f16", "bf16", "i8", "u8", "bit"};
  return kNames[static_cast<size_t>(type)];
}

/// Bytes of one vector of `dim` dimensions.
constexpr size_t vector_bytes(ScalarType type, uint32_t dim) {
  constexpr size_t kBits[kScalarTypes] = {32, 16, 16, 8, 8, 1};
  return (static_cast<size_t>(dim) * kBits[static_cast<size_t>(type)] + 7) / 8;
}

/// One vector: `vector_bytes(type, dim)` bytes at `data`, no alignment promised.
struct VectorView {
  const std::byte* data = nullptr;
  ScalarType type = ScalarType::kF32;
  uint32_t dim = 0;

  size_t bytes() const { return vector_bytes(type, dim); }
};

/// `count` vectors of one type and dimension, packed one after another.
struct VectorBlock {
  const std::byte* data = nullptr;
  ScalarType type = ScalarType::kF32;
  uint32_t dim = 0;
  size_t count = 0;

  VectorView operator[](size_t i) const { return {data + i * vector_bytes(type, dim), type, dim}; }
};

}  // namespace kith

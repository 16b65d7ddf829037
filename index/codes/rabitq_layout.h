// What a RaBitQ row and a prepared query look like in memory. Only plain arithmetic: included by the sources
// of every CPU level (index/distance/kernels.h).
//
//   row      f32 add, f32 scale, then the code in blocks of 128 dimensions; the last block may have 64
//   block    of n dimensions and B bits, n B / 8 bytes:
//            8 bits: one byte a dimension
//            4 to 7: n/2 bytes; byte j has dimension j in its low, dimension n/2 + j in its high half; then a
//                    plane for each bit from 4 on
//            2, 3:   n/4 bytes; byte j has dimensions j, n/4 + j, n/2 + j and 3n/4 + j from its lowest bits
//            up;
//                    then a plane for bit 2
//            1:      a plane
//   plane    n/8 bytes; bit j of byte i belongs to dimension 8 i + j
//
// So a kernel needs one pointer per row and touches its bytes in order.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace kith::kernels {

/// Distance = add + weight * row.add + factor * row.scale * (2 dot - offset), where dot is the exact sum of
/// query byte times code over the dimensions; offset takes out that codes count from 0.
struct RabitqQuery {
  float add;
  float weight;
  float factor;
  int32_t offset;
  float norm;      // squared, of the vector that the bytes stand for
  float rounding;  // variance of the error of one of its elements from rounding to a byte
  uint32_t unused[10];
};  // then one signed byte a dimension
static_assert(sizeof(RabitqQuery) == 64, "the bytes start on a cache line");

struct RabitqFactors {
  float add;
  float scale;
};

namespace {

constexpr uint32_t kRabitqBlock = 128;

/// Bit j to byte j, and back: the lowest bit of each byte. Each bit is isolated in a copy of the byte and
/// moved up to the top of that copy, or all are moved into one byte by a product that adds without carries.
inline uint64_t bytes_of_bits(uint8_t bits) {
  const uint64_t isolated = (bits * 0x0101010101010101u) & 0x8040201008040201u;
  return ((isolated + 0x7f7f7f7f7f7f7f7fu) >> 7) & 0x0101010101010101u;
}
inline uint8_t bits_of_bytes(uint64_t bytes) {
  return static_cast<uint8_t>(((bytes & 0x0101010101010101u) * 0x0102040810204080u) >> 56);
}

template <uint32_t n>
inline const uint8_t* unpack_block(const uint8_t* code, uint32_t bits, uint8_t* out) {
  uint32_t bit = 0;
  if (bits == 8) {
    memcpy(out, code, n);
    return code + n;
  }
  if (bits >= 4) {
    for (uint32_t j = 0; j < n / 2; ++j) out[j] = code[j] & 15;
    for (uint32_t j = 0; j < n / 2; ++j) out[n / 2 + j] = code[j] >> 4;
    code += n / 2;
    bit = 4;
  } else if (bits >= 2) {
    for (uint32_t part = 0; part < 4; ++part)
      for (uint32_t j = 0; j < n / 4; ++j) out[part * (n / 4) + j] = code[j] >> (2 * part) & 3;
    code += n / 4;
    bit = 2;
  } else {
    memset(out, 0, n);
  }
  for (; bit < bits; ++bit, code += n / 8) {
    for (uint32_t j = 0; j < n / 8; ++j) {
      uint64_t eight;
      memcpy(&eight, out + 8 * j, 8);
      eight |= bytes_of_bits(code[j]) << bit;
      memcpy(out + 8 * j, &eight, 8);
    }
  }
  return code;
}

/// `dim` codes, a multiple of 64, one a byte.
inline void unpack_codes(const uint8_t* code, uint32_t bits, uint32_t dim, uint8_t* out) {
  uint32_t i = 0;
  for (; i + kRabitqBlock <= dim; i += kRabitqBlock) code = unpack_block<kRabitqBlock>(code, bits, out + i);
  if (i < dim) unpack_block<kRabitqBlock / 2>(code, bits, out + i);
}

/// The inverse.
[[maybe_unused]] inline void pack_codes(const uint8_t* codes, uint32_t bits, uint32_t dim, uint8_t* out) {
  for (uint32_t i = 0; i < dim; i += kRabitqBlock) {
    const uint32_t n = dim - i < kRabitqBlock ? dim - i : kRabitqBlock;
    const uint8_t* in = codes + i;
    uint32_t bit = 0;
    if (bits == 8) {
      memcpy(out, in, n);
      out += n;
      continue;
    }
    if (bits >= 4) {
      for (uint32_t j = 0; j < n / 2; ++j)
        out[j] = static_cast<uint8_t>((in[j] & 15) | ((in[n / 2 + j] & 15) << 4));
      out += n / 2;
      bit = 4;
    } else if (bits >= 2) {
      const uint32_t quarter = n / 4;
      for (uint32_t j = 0; j < quarter; ++j)
        out[j] = static_cast<uint8_t>((in[j] & 3) | (in[quarter + j] & 3) << 2 |
                                      (in[2 * quarter + j] & 3) << 4 | (in[3 * quarter + j] & 3) << 6);
      out += n / 4;
      bit = 2;
    }
    for (; bit < bits; ++bit, out += n / 8) {
      for (uint32_t j = 0; j < n / 8; ++j) {
        uint64_t eight;
        memcpy(&eight, in + 8 * j, 8);
        out[j] = bits_of_bytes(eight >> bit);
      }
    }
  }
}

}  // namespace
}  // namespace kith::kernels

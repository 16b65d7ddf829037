// What rows and prepared queries of the scalar quantisers look like in memory (sq_code.h). Only plain
// arithmetic: included by the sources of every CPU level (index/distance/kernels.h).
//
//   row of sq8      f32 add, f32 middle, f32 half, then one byte a dimension
//   row of sq4      the same, then two dimensions a byte in blocks of 128 dimensions; byte j of a block of n
//   has
//                   dimension j in its low, dimension h + j in its high half, h = (n + 1) / 2, which is 64
//                   but in the last block
//   row of lvq4x8   a row of sq4, f32 add of both levels, then one byte a dimension: the residual
//   query           SqQuery, then its whole numbers split as 128 high + low, each a signed byte of 64 at
//   most: all
//                   high ones padded with zeros to a multiple of 128, all low ones, then high ones and low
//                   ones of the last block again, its second half moved to byte 64
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace kith::kernels {

/// With values 2 code - top of a row, and dot their product with the query's whole numbers:
/// distance = add + weight * row.add + middle * row.middle + factor * row.half * dot.
struct SqQuery {
  float add;
  float weight;
  float middle;
  float factor;
  int32_t high_sum, low_sum;
  float norm;  // squared, of the query
  float step;  // what the whole numbers are multiples of
  uint32_t unused[8];
};
static_assert(sizeof(SqQuery) == 64, "the bytes start on a cache line");

struct SqFactors {
  float add;     // squared norm of the vector that the code stands for, without the mean
  float middle;  // of the vector's bounds
  float half;    // of a step
};

constexpr uint32_t kSqBlock = 128;

constexpr uint32_t sq_padded(uint32_t dim) {
  return (dim + kSqBlock - 1) / kSqBlock * kSqBlock;
}
constexpr uint32_t sq4_code_bytes(uint32_t dim) {
  return dim / kSqBlock * (kSqBlock / 2) + (dim % kSqBlock + 1) / 2;
}
constexpr size_t sq_query_bytes(uint32_t dim) {
  return sizeof(SqQuery) + 2 * sq_padded(dim) + 2 * kSqBlock;
}

namespace {

[[maybe_unused]] inline void sq4_unpack(const uint8_t* code, uint32_t dim, uint8_t* out) {
  for (uint32_t i = 0; i < dim; i += kSqBlock) {
    const uint32_t n = dim - i < kSqBlock ? dim - i : kSqBlock, h = (n + 1) / 2;
    for (uint32_t j = 0; j < h; ++j) out[i + j] = code[j] & 15;
    for (uint32_t j = h; j < n; ++j) out[i + j] = code[j - h] >> 4;
    code += h;
  }
}

[[maybe_unused]] inline void sq4_pack(const uint8_t* codes, uint32_t dim, uint8_t* out) {
  for (uint32_t i = 0; i < dim; i += kSqBlock) {
    const uint32_t n = dim - i < kSqBlock ? dim - i : kSqBlock, h = (n + 1) / 2;
    for (uint32_t j = 0; j < h; ++j) {
      const uint32_t high = h + j < n ? codes[i + h + j] : 0;
      out[j] = static_cast<uint8_t>(codes[i + j] | high << 4);
    }
    out += h;
  }
}

/// The dot product with values 2 code - top from those with codes; sums that wrapped come right in the
/// difference.
inline float sq_dot(const SqQuery& query, uint32_t high, uint32_t low, uint32_t top) {
  const auto high_value = static_cast<int32_t>(2 * high - top * static_cast<uint32_t>(query.high_sum));
  const auto low_value = static_cast<int32_t>(2 * low - top * static_cast<uint32_t>(query.low_sum));
  return 128 * static_cast<float>(high_value) + static_cast<float>(low_value);
}

inline float sq_distance(const SqQuery& query, const SqFactors& row, float dot) {
  const float fixed = query.add + query.middle * row.middle + query.weight * row.add;
  const float distance = query.factor * row.half * dot + fixed;
  return distance < __builtin_inff() ? distance : __builtin_inff();  // NaN as well
}

}  // namespace
}  // namespace kith::kernels

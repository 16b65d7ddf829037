// The kernels that add up a prepared query's table along codes (ADC), the same on every level: on Zen 4
// gathers of 8 or 16 entries take 1.35 to 1.5 times as long as plain loads into eight sums for codes of 16
// and 32 bytes, and are level within 6 % for 96 bytes. Where many codes are scanned in order, FastScan takes
// a tenth.
#pragma once

#include "index/distance/distance.h"

namespace kith {

/// What a prepared query starts with; its table of floats follows kPqTableOffset bytes behind.
struct PqQueryHeader {
  uint32_t subvectors = 0;
};
inline constexpr size_t kPqTableOffset = 64;

/// Of 8-bit and 4-bit codes, as a DistanceFn: query is a prepared one, dim is not looked at.
void pq_distances_8(const void* query, const void* const* rows, size_t count, uint32_t dim, float* out);
void pq_distances_4(const void* query, const void* const* rows, size_t count, uint32_t dim, float* out);

}  // namespace kith

// The kernels that add up a prepared query's table along codes (ADC). Plain loads on every level: measured,
// the gathers of AVX2 and AVX-512 are slower (docs/benchmarks.md). Where many codes are scanned in order,
// FastScan is the fast way.
#pragma once

#include "index/distance/distance.h"

namespace kith {

/// What a prepared query starts with; its table follows 64 bytes behind.
struct PqQueryHeader {
  uint32_t subvectors = 0;
};
inline constexpr size_t kPqTableOffset = 64;

/// Of 8-bit and 4-bit codes, as a DistanceFn: query is a prepared one, dim is not looked at.
void pq_distances_8(const void* query, const void* const* rows, size_t count, uint32_t dim, float* out);
void pq_distances_4(const void* query, const void* const* rows, size_t count, uint32_t dim, float* out);

}  // namespace kith

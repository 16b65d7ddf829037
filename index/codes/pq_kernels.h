// The loops of product quantisation as a plain table per CPU level; pq_dispatch.cc chooses. What kernels.h
// says of a level's sources holds here too.
//
// Every level adds in the same order and without fused multiply-adds, so codebooks, codes and estimates are
// the same bits on every CPU.
#pragma once

#include "index/distance/distance.h"
#include "index/distance/kernels.h"

namespace kith::kernels {

/// Columns of a table of sums come in multiples of this.
inline constexpr uint32_t kPqLanes = 16;

/// sums[j] += distance of x and centroid j over `dims` dimensions, for j < columns (a multiple of kPqLanes);
/// centroids lie dimension by dimension: element d of centroid j at centroids[d * columns + j].
using PartialDistances = void (*)(const float* x, const float* centroids, uint32_t dims, uint32_t columns,
                                  float* sums);
/// The place of the least of `count` sums, the first of equals; NaN is never the least.
using Least = uint32_t (*)(const float* sums, uint32_t count);

/// FastScan over blocks of 32 codes, see fastscan.h for the layout: sums[r] of the bytes that `tables` (16
/// for each of `subvectors`) holds for code r, below 2^16.
using BlockSums = void (*)(const uint8_t* tables, const uint8_t* block, uint32_t subvectors, uint16_t* sums);

struct PqTable {
  PartialDistances l2, ip;
  Least least;
};

extern const PqTable kScalarPq, kAvx2Pq, kAvx512Pq;

}  // namespace kith::kernels

namespace kith {

/// The table of the level in use, and of a given level (tests, benchmarks): null where this CPU lacks it.
const kernels::PqTable& pq_kernels();
const kernels::PqTable* pq_kernels_at(CpuLevel level);

}  // namespace kith

// The loops of product quantisation at one CPU level. Rules for the sources of a level:
// index/distance/kernels.h.
//
// Every level adds in the same order and without fused multiply-adds, so codebooks, codes and estimates are
// the same bits on every CPU.
#pragma once

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

/// A prepared query and blocks of codes of FastScan (fastscan.h draws them).
struct FastScanWork {
  const uint8_t* tables;  // 16 bytes for each half of a code byte, whole 64 bytes
  const uint8_t* blocks;
  uint32_t code_bytes;
  float bias, step;
  size_t count;  // of codes; the last block may be partly filled
};
/// out[i] = bias + step * sum of code i's table entries.
using FastScanAll = void (*)(const FastScanWork& work, float* out);
/// The same for codes whose sum is at most `limit`: their positions, rising, and estimates; how many.
using FastScanBelow = size_t (*)(const FastScanWork& work, uint16_t limit, uint32_t* positions,
                                 float* estimates);

struct FastScanTable {
  FastScanAll all;
  FastScanBelow below;
};

struct PqTable {
  PartialDistances l2, ip;
  Least least;
};

extern const PqTable kScalarPq, kAvx2Pq, kAvx512Pq;
extern const FastScanTable kScalarFastScan, kAvx2FastScan, kAvx512FastScan;

}  // namespace kith::kernels

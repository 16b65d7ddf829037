// What the machine allows a kernel: loops that only read the same rows in the same order, and loops that only
// do the same arithmetic on registers. A kernel's figure is the larger of the two times over its own.
//
// Reading: sums of whole registers over each row, several variants (no prefetch, prefetch some bytes ahead);
// the fastest counts as the limit. Arithmetic: the instructions a kernel's formula needs for one register of
// elements, on independent chains without loads; null where none is written for the pair.
#pragma once

#include <cstddef>
#include <cstdint>

#include "index/distance/distance.h"

namespace kith::bench {

struct RowList {
  const void* const* rows;
  size_t count;
  size_t row_bytes;
};

/// Reads every byte of every row; the result only keeps the loads alive.
using ReadFn = uint64_t (*)(const RowList& list);

/// Does the arithmetic of `steps` registers; the result only keeps it alive.
using ArithmeticFn = uint64_t (*)(size_t steps);

struct Arithmetic {
  ArithmeticFn run = nullptr;
  size_t bytes_per_step = 0;  // of row
};

struct LevelLimits {
  const ReadFn* reads;
  size_t read_count;
  Arithmetic (*arithmetic)(Metric metric, ScalarType type);
};

LevelLimits limits_of(CpuLevel level);

extern const LevelLimits kBaselineLimits;
extern const LevelLimits kAvx2Limits;
extern const LevelLimits kAvx512Limits;

/// Inner product and cosine over bf16 by vdpbf16ps. Only where the CPU has it.
Arithmetic avx512_bf16_arithmetic(Metric metric);

}  // namespace kith::bench

// The walk over FastScan's blocks that every level shares. A level gives `L`:
//   kBlocks        blocks it takes at a time; fewer serve the remainder
//   Sums           the 32 sums of a block, in their order
//   sums<N>(work, block, Sums (&)[N]) of N blocks one after another
//   store(sums, work, float*)         32 estimates
//   at_most(sums, limit)              bit i: sum i is at most `limit`
//   store(sums, uint16_t*)            the 32 sums
// Internal linkage, see kernels.h.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "index/codes/pq_kernels.h"

namespace kith::kernels {
namespace {

constexpr size_t kFastScanBlock = 32;

template <typename L>
struct FastScanLoops {
  using Sums = typename L::Sums;

  static size_t block_bytes(const FastScanWork& work) { return kFastScanBlock * work.code_bytes; }

  /// Calls use(sums, first code of the block) for every block.
  template <typename Use>
  [[gnu::always_inline]] static void each_block(const FastScanWork& work, Use use) {
    const size_t blocks = (work.count + kFastScanBlock - 1) / kFastScanBlock;
    size_t b = 0;
    for (; b + L::kBlocks <= blocks; b += L::kBlocks) {
      Sums sums[L::kBlocks];
      L::template sums<L::kBlocks>(work, work.blocks + b * block_bytes(work), sums);
      for (size_t n = 0; n < L::kBlocks; ++n) use(sums[n], (b + n) * kFastScanBlock);
    }
    for (; b < blocks; ++b) {
      Sums sums[1];
      L::template sums<1>(work, work.blocks + b * block_bytes(work), sums);
      use(sums[0], b * kFastScanBlock);
    }
  }

  static void all(const FastScanWork& work, float* out) {
    each_block(work, [&](const Sums& sums, size_t first) {
      if (first + kFastScanBlock <= work.count) {
        L::store(sums, work, out + first);
        return;
      }
      float last[kFastScanBlock];
      L::store(sums, work, last);
      for (size_t i = 0; first + i < work.count; ++i) out[first + i] = last[i];
    });
  }

  static size_t below(const FastScanWork& work, uint16_t limit, uint32_t* positions, float* estimates) {
    size_t found = 0;
    each_block(work, [&](const Sums& sums, size_t first) {
      uint32_t mask = L::at_most(sums, limit);
      if (work.count - first < kFastScanBlock) mask &= (1u << (work.count - first)) - 1;
      if (mask == 0) return;
      uint16_t values[kFastScanBlock];
      L::store(sums, values);
      for (; mask != 0; mask &= mask - 1) {
        const auto i = static_cast<uint32_t>(__builtin_ctz(mask));
        positions[found] = static_cast<uint32_t>(first) + i;
        estimates[found++] = work.bias + work.step * static_cast<float>(values[i]);
      }
    });
    return found;
  }

  static constexpr FastScanTable table() { return {all, below}; }
};

}  // namespace
}  // namespace kith::kernels

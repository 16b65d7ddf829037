// FastScan one byte after another: the reference of the other levels.
#include <string.h>

#include "index/codes/fastscan_loops.h"

namespace kith::kernels {
namespace {

struct Scalar {
  static constexpr size_t kBlocks = 1;
  struct Sums {
    uint16_t of[kFastScanBlock];
  };

  template <size_t N>
  static void sums(const FastScanWork& work, const uint8_t* block, Sums (&sums)[N]) {
    sums[0] = {};
    const uint8_t* table = work.tables;
    for (uint32_t b = 0; b < work.code_bytes; ++b, table += 32)
      for (size_t i = 0; i < kFastScanBlock; ++i, ++block)
        sums[0].of[i] = static_cast<uint16_t>(sums[0].of[i] + table[*block & 15] + table[16 + (*block >> 4)]);
  }

  static void store(const Sums& sums, const FastScanWork& work, float* out) {
    for (size_t i = 0; i < kFastScanBlock; ++i)
      out[i] = work.bias + work.step * static_cast<float>(sums.of[i]);
  }
  static void store(const Sums& sums, uint16_t* out) { memcpy(out, sums.of, sizeof sums.of); }

  static uint32_t at_most(const Sums& sums, uint16_t limit) {
    uint32_t mask = 0;
    for (size_t i = 0; i < kFastScanBlock; ++i) mask |= uint32_t{sums.of[i] <= limit} << i;
    return mask;
  }
};

}  // namespace

const FastScanTable kScalarFastScan = FastScanLoops<Scalar>::table();

}  // namespace kith::kernels

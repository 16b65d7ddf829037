// The loops of product quantisation for the level that distance.h chose. AArch64 runs the baseline: its
// compiler makes NEON of the tables, but FastScan has no NEON source yet.
#include "index/codes/pq_kernels.h"

namespace kith {
namespace {

struct Tables {
  const kernels::PqTable& pq;
  const kernels::FastScanTable& fastscan;
};

Tables tables_of(CpuLevel level) {
  switch (level) {
#if defined(__x86_64__)
    case CpuLevel::kAvx2:
      return {kernels::kAvx2Pq, kernels::kAvx2FastScan};
    case CpuLevel::kAvx512:
      return {kernels::kAvx512Pq, kernels::kAvx512FastScan};
#endif
    default:
      return {kernels::kScalarPq, kernels::kScalarFastScan};
  }
}

bool runs(CpuLevel level) {
  return distance_kernel_at(level, Metric::kL2, ScalarType::kF32) != nullptr;
}

}  // namespace

const kernels::PqTable& pq_kernels() {
  static const kernels::PqTable& table = tables_of(cpu_level()).pq;
  return table;
}

const kernels::PqTable* pq_kernels_at(CpuLevel level) {
  return runs(level) ? &tables_of(level).pq : nullptr;
}

const kernels::FastScanTable& fastscan_kernels() {
  static const kernels::FastScanTable& table = tables_of(cpu_level()).fastscan;
  return table;
}

const kernels::FastScanTable* fastscan_kernels_at(CpuLevel level) {
  return runs(level) ? &tables_of(level).fastscan : nullptr;
}

}  // namespace kith

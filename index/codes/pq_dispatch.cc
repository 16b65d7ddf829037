// The loops of product quantisation for the level that distance.h chose. AArch64 runs the baseline's: its
// compiler makes NEON of them.
#include "index/codes/pq_kernels.h"

namespace kith {
namespace {

const kernels::PqTable& table_of(CpuLevel level) {
  switch (level) {
#if defined(__x86_64__)
    case CpuLevel::kAvx2:
      return kernels::kAvx2Pq;
    case CpuLevel::kAvx512:
      return kernels::kAvx512Pq;
#endif
    default:
      return kernels::kScalarPq;
  }
}

}  // namespace

const kernels::PqTable& pq_kernels() {
  static const kernels::PqTable& table = table_of(cpu_level());
  return table;
}

const kernels::PqTable* pq_kernels_at(CpuLevel level) {
  return distance_kernel_at(level, Metric::kL2, ScalarType::kF32) == nullptr ? nullptr : &table_of(level);
}

}  // namespace kith

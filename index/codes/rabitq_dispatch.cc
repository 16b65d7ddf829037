// Chooses the loops of RaBitQ once. AVX-512 without VNNI runs those of AVX2.
#include "index/codes/rabitq_dispatch.h"

#include "base/cpu.h"

namespace kith::kernels {

const RabitqTable* rabitq_table_at(CpuLevel level) {
  if (distance_kernel_at(level, Metric::kL2, ScalarType::kF32) == nullptr) return nullptr;
#if defined(__x86_64__)
  if (level == CpuLevel::kAvx512 && cpu_features().avx512vnni) return &kAvx512Rabitq;
  if (level == CpuLevel::kAvx512 || level == CpuLevel::kAvx2) return &kAvx2Rabitq;
#endif
  return &kScalarRabitq;
}

const RabitqTable& rabitq_table() {
  static const RabitqTable* const table = rabitq_table_at(cpu_level());
  return *table;
}

}  // namespace kith::kernels

#include "index/codes/code_dispatch.h"

#include "base/cpu.h"

namespace kith::kernels {
namespace {

struct Tables {
  const RabitqTable* rabitq = nullptr;
  const SqTable* sq = nullptr;
};

/// AVX-512 without VNNI runs what AVX2 runs.
Tables tables_at(CpuLevel level) {
  if (distance_kernel_at(level, Metric::kL2, ScalarType::kF32) == nullptr) return {};
#if defined(__x86_64__)
  if (level == CpuLevel::kAvx512 && cpu_features().avx512vnni) return {&kAvx512Rabitq, &kAvx512Sq};
  if (level == CpuLevel::kAvx512 || level == CpuLevel::kAvx2) return {&kAvx2Rabitq, &kAvx2Sq};
#endif
  return {&kScalarRabitq, &kScalarSq};
}

const Tables& tables() {
  static const Tables tables = tables_at(cpu_level());
  return tables;
}

}  // namespace

const RabitqTable& rabitq_table() {
  return *tables().rabitq;
}
const SqTable& sq_table() {
  return *tables().sq;
}
const RabitqTable* rabitq_table_at(CpuLevel level) {
  return tables_at(level).rabitq;
}
const SqTable* sq_table_at(CpuLevel level) {
  return tables_at(level).sq;
}

}  // namespace kith::kernels

#include "index/codes/code_dispatch.h"

#include "base/cpu.h"

namespace kith::kernels {
namespace {

struct Tables {
  const RabitqTable* rabitq = nullptr;
  const SqTable* sq = nullptr;
  const PqTable* pq = nullptr;
  const FastScanTable* fastscan = nullptr;
};

/// AVX-512 without VNNI runs what AVX2 runs.
Tables tables_at(CpuLevel level) {
  if (distance_kernel_at(level, Metric::kL2, ScalarType::kF32) == nullptr) return {};
#if defined(__x86_64__)
  if (level == CpuLevel::kAvx512 && cpu_features().avx512vnni)
    return {&kAvx512Rabitq, &kAvx512Sq, &kAvx512Pq, &kAvx512FastScan};
  if (level == CpuLevel::kAvx512 || level == CpuLevel::kAvx2)
    return {&kAvx2Rabitq, &kAvx2Sq, &kAvx2Pq, &kAvx2FastScan};
#endif
  return {&kScalarRabitq, &kScalarSq, &kScalarPq, &kScalarFastScan};
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
const PqTable& pq_table() {
  return *tables().pq;
}
const FastScanTable& fastscan_table() {
  return *tables().fastscan;
}
const RabitqTable* rabitq_table_at(CpuLevel level) {
  return tables_at(level).rabitq;
}
const SqTable* sq_table_at(CpuLevel level) {
  return tables_at(level).sq;
}
const PqTable* pq_table_at(CpuLevel level) {
  return tables_at(level).pq;
}
const FastScanTable* fastscan_table_at(CpuLevel level) {
  return tables_at(level).fastscan;
}

}  // namespace kith::kernels

// Chooses the kernels once: the level from the CPU's features and KITH_CPU, then for each metric and type the
// fastest kernel of that level this CPU has (AVX-512 has three optional extensions that replace single
// entries).
#include <cstdio>
#include <cstdlib>

#include "base/cpu.h"
#include "index/distance/distance.h"
#include "index/distance/kernels.h"

namespace kith {
namespace {

struct Table {
  kernels::FloatTable floats;
  kernels::IntegerTable integers;
  kernels::Kernel hamming;
};

Table scalar_table() {
  return {kernels::kScalarFloat, kernels::kScalarInteger, kernels::kScalarHamming};
}

#if defined(__x86_64__)
Table avx2_table() {
  return {kernels::kAvx2Float, kernels::kAvx2Integer, kernels::kAvx2Hamming};
}

Table avx512_table() {
  const CpuFeatures& cpu = cpu_features();
  Table table = {kernels::kAvx512Float, kernels::kAvx512Integer, kernels::kAvx512Hamming};
  if (cpu.avx512vnni) table.integers = kernels::kAvx512Vnni;
  if (cpu.avx512bf16) table.floats.bf16 = kernels::kAvx512Bf16;
  if (cpu.avx512vpopcntdq) table.hamming = kernels::kAvx512Popcnt;
  return table;
}
#endif

bool has_level(CpuLevel level) {
  [[maybe_unused]] const CpuFeatures& cpu = cpu_features();
  switch (level) {
    case CpuLevel::kScalar:
      return true;
#if defined(__x86_64__)
    case CpuLevel::kAvx2:
      return cpu.avx2 && cpu.fma && cpu.f16c;
    case CpuLevel::kAvx512:
      return has_level(CpuLevel::kAvx2) && cpu.avx512f && cpu.avx512bw && cpu.avx512vl && cpu.avx512dq;
#elif defined(__aarch64__)
    case CpuLevel::kNeon:
      return cpu.neon;
#endif
    default:
      return false;
  }
}

Table table_of(CpuLevel level) {
  switch (level) {
#if defined(__x86_64__)
    case CpuLevel::kAvx2:
      return avx2_table();
    case CpuLevel::kAvx512:
      return avx512_table();
#elif defined(__aarch64__)
    case CpuLevel::kNeon:
      return {kernels::kNeonFloat, kernels::kNeonInteger, kernels::kNeonHamming};
#endif
    default:
      return scalar_table();
  }
}

constexpr CpuLevel kBestFirst[] = {CpuLevel::kAvx512, CpuLevel::kNeon, CpuLevel::kAvx2, CpuLevel::kScalar};

CpuLevel best_level() {
  for (const CpuLevel level : kBestFirst)
    if (has_level(level)) return level;
  return CpuLevel::kScalar;
}

/// The level named by KITH_CPU, or the best one. A wrong name ends the process: silently running something
/// else than was asked for would falsify a measurement or hide a typing error.
CpuLevel chosen_level() {
  const char* name = std::getenv("KITH_CPU");
  if (name == nullptr || *name == '\0') return best_level();
  for (const CpuLevel level : kBestFirst)
    if (cpu_level_name(level) == name && has_level(level)) return level;
  std::fprintf(stderr,
               "kith: KITH_CPU is '%s', which this CPU or build cannot run; unset it or use one of:", name);
  for (const CpuLevel level : kBestFirst)
    if (has_level(level)) std::fprintf(stderr, " %s", cpu_level_name(level).data());
  std::fprintf(stderr, "\n");
  std::_Exit(2);
}

const kernels::Metrics* metrics_of(const Table& table, ScalarType type) {
  switch (type) {
    case ScalarType::kF32:
      return &table.floats.f32;
    case ScalarType::kF16:
      return &table.floats.f16;
    case ScalarType::kBF16:
      return &table.floats.bf16;
    case ScalarType::kI8:
      return &table.integers.i8;
    case ScalarType::kU8:
      return &table.integers.u8;
    default:
      return nullptr;
  }
}

DistanceFn kernel_of(const Table& table, Metric metric, ScalarType type) {
  if (metric == Metric::kHamming) return type == ScalarType::kBit ? table.hamming : nullptr;
  const kernels::Metrics* metrics = metrics_of(table, type);
  if (metrics == nullptr) return nullptr;
  switch (metric) {
    case Metric::kL2:
      return metrics->l2;
    case Metric::kInnerProduct:
      return metrics->ip;
    case Metric::kCosine:
      return metrics->cosine;
    default:
      return nullptr;
  }
}

}  // namespace

std::string_view cpu_level_name(CpuLevel level) {
  constexpr std::string_view kNames[] = {"scalar", "avx2", "avx512", "neon"};
  return kNames[static_cast<size_t>(level)];
}

CpuLevel cpu_level() {
  static const CpuLevel level = chosen_level();
  return level;
}

DistanceFn distance_kernel(Metric metric, ScalarType type) {
  static const Table table = table_of(cpu_level());
  return kernel_of(table, metric, type);
}

DistanceFn distance_kernel_at(CpuLevel level, Metric metric, ScalarType type) {
  return has_level(level) ? kernel_of(table_of(level), metric, type) : nullptr;
}

}  // namespace kith

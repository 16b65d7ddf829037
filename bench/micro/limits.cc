#include "bench/micro/limits.h"

namespace kith::bench {

LevelLimits limits_of(CpuLevel level) {
#if defined(__x86_64__)
  if (level == CpuLevel::kAvx512) return kAvx512Limits;
  if (level == CpuLevel::kAvx2) return kAvx2Limits;
#endif
  (void)level;
  return kBaselineLimits;
}

}  // namespace kith::bench

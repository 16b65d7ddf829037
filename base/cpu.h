// What this CPU and this operating system can run: found once by cpuid + xgetbv (x86-64) or the auxiliary
// vector (ARM). A vector feature is true only when the kernel also saves its registers. Kernels are chosen
// from this table once, at start; see index/distance.
#pragma once

#include <string>

namespace kith {

struct CpuFeatures {
  bool sse42 = false;
  bool avx2 = false;
  bool fma = false;
  bool f16c = false;
  bool avx512f = false;
  bool avx512bw = false;
  bool avx512vl = false;
  bool avx512dq = false;
  bool avx512vnni = false;
  bool avx512bf16 = false;
  bool avx512vpopcntdq = false;
  bool avx512fp16 = false;
  bool avxvnni = false;
  bool popcnt = false;
  bool neon = false;  // always on AArch64
  bool arm_crc32 = false;
  bool arm_dotprod = false;
  bool arm_fp16 = false;
  bool arm_bf16 = false;
};

/// Thread-safe, never changes.
const CpuFeatures& cpu_features();

/// The features that are there, space-separated, e.g. "sse42 popcnt avx2 fma f16c"; for `kith info` and
/// benchmark files.
std::string cpu_feature_names();

/// The CPU's own name, e.g. "AMD EPYC 9R14"; "unknown CPU" where it does not tell.
std::string cpu_name();

}  // namespace kith

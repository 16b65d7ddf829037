#include "base/cpu.h"

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace kith {
namespace {

#if defined(__x86_64__)

struct CpuidLeaf {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuidLeaf cpuid(uint32_t leaf, uint32_t subleaf) {
  CpuidLeaf out;
  if (static_cast<uint32_t>(__get_cpuid_max(leaf & 0x80000000u, nullptr)) < leaf) return {};
  __cpuid_count(leaf, subleaf, out.eax, out.ebx, out.ecx, out.edx);
  return out;
}

/// XCR0: the register sets which the kernel saves on a context switch.
uint64_t saved_register_sets(const CpuidLeaf& leaf1) {
  if (((leaf1.ecx >> 27) & 1) == 0) return 0;  // OSXSAVE
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32) | low;
}

CpuFeatures detect() {
  auto bit = [](uint32_t word, int index) { return ((word >> index) & 1) != 0; };
  const CpuidLeaf leaf1 = cpuid(1, 0), leaf7 = cpuid(7, 0), leaf7_1 = cpuid(7, 1);
  const uint64_t saved = saved_register_sets(leaf1);
  const bool ymm = (saved & 0x06) == 0x06;         // SSE and AVX state
  const bool zmm = ymm && (saved & 0xe0) == 0xe0;  // opmask, upper halves, zmm16..31

  CpuFeatures f;
  f.sse42 = bit(leaf1.ecx, 20);
  f.popcnt = bit(leaf1.ecx, 23);
  f.fma = ymm && bit(leaf1.ecx, 12);
  f.f16c = ymm && bit(leaf1.ecx, 29);
  f.avx2 = ymm && bit(leaf1.ecx, 28) && bit(leaf7.ebx, 5);
  f.avxvnni = ymm && bit(leaf7_1.eax, 4);
  f.avx512f = zmm && bit(leaf7.ebx, 16);
  f.avx512dq = f.avx512f && bit(leaf7.ebx, 17);
  f.avx512bw = f.avx512f && bit(leaf7.ebx, 30);
  f.avx512vl = f.avx512f && bit(leaf7.ebx, 31);
  f.avx512vnni = f.avx512f && bit(leaf7.ecx, 11);
  f.avx512vpopcntdq = f.avx512f && bit(leaf7.ecx, 14);
  f.avx512fp16 = f.avx512f && bit(leaf7.edx, 23);
  f.avx512bf16 = f.avx512f && bit(leaf7_1.eax, 5);
  return f;
}

std::string detect_name() {
  char name[49] = {};
  for (size_t i = 0; i < 3; ++i) {
    const CpuidLeaf leaf = cpuid(0x80000002u + static_cast<uint32_t>(i), 0);
    std::memcpy(name + 16 * i, &leaf, sizeof(leaf));
  }
  return name;
}

#elif defined(__aarch64__)

// Bits of AT_HWCAP and AT_HWCAP2 in the Linux AArch64 ABI (Documentation/arch/arm64/elf_hwcaps.rst).
CpuFeatures detect() {
  const unsigned long caps = getauxval(AT_HWCAP), caps2 = getauxval(AT_HWCAP2);
  CpuFeatures f;
  f.neon = true;
  f.arm_crc32 = ((caps >> 7) & 1) != 0;
  f.arm_fp16 = ((caps >> 10) & 1) != 0;  // ASIMDHP: arithmetic on half floats in vectors
  f.arm_dotprod = ((caps >> 20) & 1) != 0;
  f.arm_bf16 = ((caps2 >> 14) & 1) != 0;
  return f;
}

std::string detect_name() {
  return "";
}

#else

CpuFeatures detect() {
  return {};
}
std::string detect_name() {
  return "";
}

#endif

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

std::string cpu_feature_names() {
  const CpuFeatures& f = cpu_features();
  const std::pair<bool, const char*> all[] = {
      {f.sse42, "sse42"},
      {f.popcnt, "popcnt"},
      {f.avx2, "avx2"},
      {f.fma, "fma"},
      {f.f16c, "f16c"},
      {f.avxvnni, "avxvnni"},
      {f.avx512f, "avx512f"},
      {f.avx512bw, "avx512bw"},
      {f.avx512vl, "avx512vl"},
      {f.avx512dq, "avx512dq"},
      {f.avx512vnni, "avx512vnni"},
      {f.avx512bf16, "avx512bf16"},
      {f.avx512vpopcntdq, "avx512vpopcntdq"},
      {f.avx512fp16, "avx512fp16"},
      {f.neon, "neon"},
      {f.arm_crc32, "crc32"},
      {f.arm_dotprod, "dotprod"},
      {f.arm_fp16, "fp16"},
      {f.arm_bf16, "bf16"},
  };
  std::string out;
  for (const auto& [there, name] : all) {
    if (!there) continue;
    if (!out.empty()) out += ' ';
    out += name;
  }
  return out;
}

std::string cpu_name() {
  std::string name = detect_name();
  const size_t first = name.find_first_not_of(' ');
  if (first == std::string::npos) return "unknown CPU";
  return name.substr(first, name.find_last_not_of(' ') - first + 1);
}

}  // namespace kith

// Goal: buffers are aligned, zeroed, writable to their last byte and refused when absurd. Method: sizes
// around each boundary of the implementation.
#include "base/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "base/cpu.h"
#include "tests/support/memory.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

TEST(AlignedBuffer, IsAlignedZeroedAndWritable) {
  constexpr size_t kHuge = AlignedBuffer::kHugePage;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{4095},
                            size_t{4096}, size_t{4097}, kHuge - 1, kHuge, kHuge + 1, 3 * kHuge}) {
    ASSERT_VALUE(buffer, AlignedBuffer::allocate(size));
    ASSERT_EQ(buffer.size(), size);
    ASSERT_NE(buffer.data(), nullptr);
    const size_t alignment = size >= kHuge ? kHuge : size >= 4096 ? 4096 : 64;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % alignment, 0u) << size;
    EXPECT_TRUE(std::ranges::all_of(buffer.span(), [](std::byte b) { return b == std::byte{0}; })) << size;
    std::ranges::fill(buffer.span(), std::byte{0xab});
  }
}

TEST(AlignedBuffer, ReservedMemoryCostsWhatIsTouched) {
  constexpr size_t kBytes = size_t{256} << 20;
  const uint64_t before = test::resident_bytes();
  ASSERT_VALUE(buffer, AlignedBuffer::reserve(kBytes));
  ASSERT_EQ(buffer.size(), kBytes);
  for (size_t at = 0; at < kBytes; at += AlignedBuffer::kHugePage) buffer.data()[at] = std::byte{1};
  if (!test::kSanitized) {
    EXPECT_LT(test::resident_bytes() - before, size_t{16} << 20) << "128 pages were touched";
  }
  buffer.offer_huge_pages(AlignedBuffer::kHugePage);
  EXPECT_EQ(buffer.data()[AlignedBuffer::kHugePage], std::byte{1});
  EXPECT_EQ(buffer.data()[kBytes - 1], std::byte{0});
  AlignedBuffer moved(std::move(buffer));
  moved.data()[kBytes - 1] = std::byte{2};
  EXPECT_ERROR(AlignedBuffer::reserve(SIZE_MAX), Code::kResourceExhausted, "18446744073709551615 bytes");
}

TEST(AlignedBuffer, DiscardedPagesCostNothingAndReadAsZeros) {
  constexpr size_t kBytes = size_t{64} << 20, kKept = 1000;
  ASSERT_VALUE(buffer, AlignedBuffer::reserve(kBytes));
  const uint64_t before = test::resident_bytes();
  std::ranges::fill(buffer.span(), std::byte{7});
  std::byte* const data = buffer.data();
  AlignedBuffer::discard(data, data + kBytes - kKept);
  if (!test::kSanitized) {
    EXPECT_LT(test::resident_bytes(), before + (size_t{4} << 20));
  }
  EXPECT_EQ(data[0], std::byte{0});
  EXPECT_EQ(data[kBytes - AlignedBuffer::kPage - 1], std::byte{0});
  EXPECT_EQ(data[kBytes - AlignedBuffer::kPage], std::byte{7}) << "of the last page a part is to stay";
  EXPECT_EQ(data[kBytes - 1], std::byte{7});
  data[0] = std::byte{9};
  AlignedBuffer::discard(data + 1, data + AlignedBuffer::kPage - 1);
  EXPECT_EQ(data[0], std::byte{9}) << "less than a page";
  AlignedBuffer::discard(data + kBytes - 10, data + kBytes);
  EXPECT_EQ(data[kBytes - AlignedBuffer::kPage], std::byte{0}) << "the rest of the last page";
}

TEST(AlignedBuffer, MovesItsMemory) {
  ASSERT_VALUE(first, AlignedBuffer::allocate(100));
  first.data()[99] = std::byte{9};
  AlignedBuffer second(std::move(first));
  EXPECT_EQ(first.size(), 0u);
  EXPECT_EQ(second.data()[99], std::byte{9});
  AlignedBuffer third;
  third = std::move(second);
  EXPECT_EQ(third.size(), 100u);
  EXPECT_EQ(third.data()[99], std::byte{9});
}

TEST(AlignedBuffer, RefusesWhatNoMachineHas) {
  EXPECT_ERROR(AlignedBuffer::allocate(SIZE_MAX), Code::kResourceExhausted, "18446744073709551615 bytes");
  EXPECT_ERROR(AlignedBuffer::allocate(size_t{1} << 46), Code::kResourceExhausted, "70368744177664 bytes");
}

TEST(Cpu, AgreesWithTheCompilersOwnDetection) {
#if defined(__x86_64__)
  const CpuFeatures& f = cpu_features();
  EXPECT_EQ(f.sse42, __builtin_cpu_supports("sse4.2") != 0);
  EXPECT_EQ(f.popcnt, __builtin_cpu_supports("popcnt") != 0);
  EXPECT_EQ(f.avx2, __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(f.fma, __builtin_cpu_supports("fma") != 0);
  EXPECT_EQ(f.avx512f, __builtin_cpu_supports("avx512f") != 0);
  EXPECT_EQ(f.avx512bw, __builtin_cpu_supports("avx512bw") != 0);
  EXPECT_EQ(f.avx512vl, __builtin_cpu_supports("avx512vl") != 0);
  EXPECT_EQ(f.avx512dq, __builtin_cpu_supports("avx512dq") != 0);
  EXPECT_EQ(f.avx512vnni, __builtin_cpu_supports("avx512vnni") != 0);
  EXPECT_EQ(f.avx512bf16, __builtin_cpu_supports("avx512bf16") != 0);
  EXPECT_EQ(f.avx512vpopcntdq, __builtin_cpu_supports("avx512vpopcntdq") != 0);
  EXPECT_FALSE(f.neon);
  EXPECT_EQ(cpu_feature_names().find("avx2") != std::string::npos, f.avx2);
#endif
  EXPECT_FALSE(cpu_name().empty());
}

}  // namespace
}  // namespace kith

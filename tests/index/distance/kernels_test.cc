// Goal: every kernel of every level this machine runs gives the distance within its rounding error, whatever
// the tail, the number of rows and the alignment, and reads not one byte beyond a vector. Method: compare
// with sums in double over dimensions 1..130 and large ones; vectors that end at an unreadable page.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/index/distance/reference.h"

namespace kith {
namespace {

constexpr uint64_t kSeed = 20240611;
constexpr float kUntouched = -12345.5f;

std::vector<uint32_t> dims_under_test() {
  std::vector<uint32_t> dims;
  for (uint32_t dim = 1; dim <= 130; ++dim) dims.push_back(dim);
  for (const uint32_t dim : {255u, 256u, 257u, 511u, 784u, 1031u, 1536u, 4096u}) dims.push_back(dim);
  return dims;
}

/// Runs a kernel over all rows and compares each distance.
void expect_distances(CpuLevel level, Pair pair, const std::byte* query, const std::vector<const void*>& rows,
                      uint32_t dim) {
  const DistanceFn kernel = distance_kernel_at(level, pair.metric, pair.type);
  ASSERT_NE(kernel, nullptr);
  std::vector<float> out(rows.size() + 1, kUntouched);
  kernel(query, rows.data(), rows.size(), dim, out.data());
  EXPECT_EQ(out.back(), kUntouched) << "wrote past the last row";
  const std::vector<float> q = floats_of(query, query_type(pair.type), dim);
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::vector<float> r = floats_of(static_cast<const std::byte*>(rows[i]), pair.type, dim);
    const Expected expected = expected_distance(pair, q, r);
    const double error = std::abs(static_cast<double>(out[i]) - expected.distance);
    if (pair.metric != Metric::kCosine && is_integer(pair.type)) {
      EXPECT_EQ(out[i], static_cast<float>(expected.distance)) << "row " << i << ", seed " << kSeed;
    } else {
      EXPECT_LE(error, expected.tolerance)
          << "row " << i << ": " << out[i] << " for " << expected.distance << ", seed " << kSeed;
    }
  }
}

/// Vectors at chosen offsets from an allocation, so at any alignment.
struct OffsetVectors {
  std::vector<std::vector<std::byte>> storage;
  std::vector<const void*> pointers;

  OffsetVectors(std::mt19937_64& random, ScalarType type, uint32_t dim, size_t count, size_t stride) {
    for (size_t i = 0; i < count; ++i) {
      const std::vector<std::byte> vector = random_vector(random, type, dim);
      const size_t offset = (i * stride) % 67;
      storage.emplace_back(offset + vector.size());
      std::copy(vector.begin(), vector.end(), storage.back().begin() + static_cast<ptrdiff_t>(offset));
      pointers.push_back(storage.back().data() + offset);
    }
  }
};

TEST(Kernels, MatchDoubleAtEveryTail) {
  std::mt19937_64 random(kSeed);
  for (const Pair pair : all_pairs()) {
    for (const uint32_t dim : dims_under_test()) {
      const OffsetVectors queries(random, query_type(pair.type), dim, 2, 5);
      const OffsetVectors rows(random, pair.type, dim, 15, 7);
      for (const CpuLevel level : runnable_levels()) {
        SCOPED_TRACE(describe(level, pair, dim));
        expect_distances(level, pair, static_cast<const std::byte*>(queries.pointers[1]), rows.pointers, dim);
        if (HasFailure()) return;
      }
    }
  }
}

TEST(Kernels, MatchDoubleAtTheGreatestDimension) {
  std::mt19937_64 random(kSeed + 1);
  const uint32_t dim = 65535;
  for (const Pair pair : all_pairs()) {
    const OffsetVectors query(random, query_type(pair.type), dim, 1, 0);
    const OffsetVectors rows(random, pair.type, dim, 9, 3);
    for (const CpuLevel level : runnable_levels()) {
      SCOPED_TRACE(describe(level, pair, dim));
      expect_distances(level, pair, static_cast<const std::byte*>(query.pointers[0]), rows.pointers, dim);
    }
  }
}

TEST(Kernels, AnyNumberOfRowsIncludingNone) {
  std::mt19937_64 random(kSeed + 2);
  const uint32_t dim = 100;
  for (const Pair pair : all_pairs()) {
    const OffsetVectors query(random, query_type(pair.type), dim, 1, 0);
    const OffsetVectors rows(random, pair.type, dim, 35, 1);
    for (const CpuLevel level : runnable_levels()) {
      SCOPED_TRACE(describe(level, pair, dim));
      for (size_t count = 0; count <= rows.pointers.size(); ++count) {
        const std::vector<const void*> some(rows.pointers.begin(),
                                            rows.pointers.begin() + static_cast<ptrdiff_t>(count));
        expect_distances(level, pair, static_cast<const std::byte*>(query.pointers[0]), some, dim);
      }
    }
  }
}

/// Memory whose last byte lies before a page that cannot be read.
class Guarded {
 public:
  Guarded() : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
    memory_ = static_cast<std::byte*>(
        mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(memory_, MAP_FAILED);
    EXPECT_EQ(mprotect(memory_ + page_, page_, PROT_NONE), 0);
  }
  ~Guarded() { munmap(memory_, 2 * page_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  const std::byte* place(const std::vector<std::byte>& vector) {
    std::byte* start = memory_ + page_ - vector.size();
    std::copy(vector.begin(), vector.end(), start);
    return start;
  }

 private:
  size_t page_;
  std::byte* memory_;
};

TEST(Kernels, ReadNothingBeyondAVector) {
  std::mt19937_64 random(kSeed + 3);
  Guarded query_memory, row_memory;
  for (const Pair pair : all_pairs()) {
    for (uint32_t dim = 1; dim <= 130; ++dim) {
      const std::byte* query = query_memory.place(random_vector(random, query_type(pair.type), dim));
      const std::vector<const void*> rows(15, row_memory.place(random_vector(random, pair.type, dim)));
      for (const CpuLevel level : runnable_levels()) {
        SCOPED_TRACE(describe(level, pair, dim));
        expect_distances(level, pair, query, rows, dim);
        if (HasFailure()) return;
      }
    }
  }
}

// Integer sums that need all 32 bits, and the operands for which vpdpbusd and maddubs are usually got wrong.
TEST(Kernels, ExtremeIntegersAreExact) {
  struct Extreme {
    ScalarType type;
    float query, row;
  };
  const Extreme extremes[] = {
      {ScalarType::kU8, 255, 255},  {ScalarType::kU8, 255, 0},     {ScalarType::kU8, 0, 255},
      {ScalarType::kU8, 128, 127},  {ScalarType::kI8, -128, -128}, {ScalarType::kI8, -128, 127},
      {ScalarType::kI8, 127, -128}, {ScalarType::kI8, 127, 127},   {ScalarType::kI8, 0, -128}};
  for (const Extreme& extreme : extremes) {
    for (const uint32_t dim : {1u, 31u, 64u, 100u, 4096u, 65535u}) {
      const std::vector<std::byte> query = constant_vector(extreme.query, extreme.type, dim);
      const std::vector<std::byte> row = constant_vector(extreme.row, extreme.type, dim);
      for (const CpuLevel level : runnable_levels()) {
        for (const Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kCosine}) {
          SCOPED_TRACE(describe(level, {metric, extreme.type}, dim) + " of " + std::to_string(extreme.query) +
                       ", " + std::to_string(extreme.row));
          expect_distances(level, {metric, extreme.type}, query.data(),
                           std::vector<const void*>(11, row.data()), dim);
        }
      }
    }
  }
}

TEST(Kernels, BitsBeyondTheDimensionAreIgnored) {
  std::mt19937_64 random(kSeed + 4);
  for (uint32_t dim = 1; dim <= 1030; dim += dim < 140 ? 1 : 89) {
    std::vector<std::byte> query = random_vector(random, ScalarType::kBit, dim);
    std::vector<std::byte> row = random_vector(random, ScalarType::kBit, dim);
    const double expected = expected_distance({Metric::kHamming, ScalarType::kBit},
                                              floats_of(query.data(), ScalarType::kBit, dim),
                                              floats_of(row.data(), ScalarType::kBit, dim))
                                .distance;
    if (dim % 8 != 0) {
      query.back() |= std::byte{0xff} << (dim % 8);
      row.back() &= ~(std::byte{0xff} << (dim % 8));
    }
    for (const CpuLevel level : runnable_levels()) {
      const std::vector<const void*> rows(9, row.data());
      float out[9];
      distance_kernel_at(level, Metric::kHamming, ScalarType::kBit)(query.data(), rows.data(), 9, dim, out);
      for (const float distance : out)
        ASSERT_EQ(distance, expected) << cpu_level_name(level) << ", dim " << dim;
    }
  }
}

}  // namespace
}  // namespace kith

// Goal: a part of a set holds rows of the set, evenly spread, and their own exact neighbours. Method: the
// synthetic set, whole and in part, against a plain scan.
#include "bench/harness/sets/bench_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace kith::bench {
namespace {

float squared(const float* a, const float* b, uint32_t dim) {
  float sum = 0;
  for (uint32_t d = 0; d < dim; ++d) sum += (a[d] - b[d]) * (a[d] - b[d]);
  return sum;
}

TEST(BenchSet, PartOfASet) {
  Result<BenchSet> whole = load_bench_set("synthetic", 20), part = load_bench_set("synthetic@300", 20);
  ASSERT_TRUE(whole.ok() && part.ok());
  EXPECT_EQ(part->name, "synthetic@300");
  ASSERT_EQ(part->base.rows, 300u);
  ASSERT_EQ(part->base.data.size(), 300 * vector_bytes(ScalarType::kF32, part->base.dim));
  const VectorBlock all = whole->base.block(), some = part->base.block();
  for (size_t i = 0; i < 300; ++i)
    ASSERT_EQ(std::memcmp(some[i].data, all[i * whole->base.rows / 300].data, some[i].bytes()), 0) << i;
  for (size_t q = 0; q < 20; ++q) {
    std::vector<float> distances;
    for (size_t i = 0; i < 300; ++i)
      distances.push_back(
          squared(part->query(q), reinterpret_cast<const float*>(some[i].data), part->base.dim));
    const auto nearest = std::min_element(distances.begin(), distances.end()) - distances.begin();
    EXPECT_EQ(part->truth[q][0], nearest);
  }
}

TEST(BenchSet, RefusesPartsThatAreNone) {
  for (const char* name : {"synthetic@", "synthetic@0", "synthetic@4001", "synthetic@10k"}) {
    const Result<BenchSet> set = load_bench_set(name, 1);
    ASSERT_FALSE(set.ok()) << name;
    EXPECT_NE(set.error().message.find("4000 rows"), std::string::npos) << set.error().message;
  }
}

}  // namespace
}  // namespace kith::bench

// Goal: index files of a checkpoint that today's version wrote are read by every later one, and the same
// state gives the same files. Method: small indexes of each kind of file against tests/golden; what those
// hold is asked for; with another version in a file's head the open is refused, so that the field is built
// anew.
#include "tests/support/golden.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/bytes.h"
#include "index/registry.h"
#include "tests/support/checkpoint_directory.h"
#include "tests/support/result_matchers.h"
#include "tests/support/vectors.h"

namespace kith::test {
namespace {

struct Case {
  const char* name;
  const char* kind;
  IndexOptions options;
  ScalarType type = ScalarType::kF32;
};

class GoldenIndex : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Kinds, GoldenIndex,
                         testing::Values(Case{"flat", "flat", {}}, Case{"hnsw", "hnsw", {{"m", "4"}}},
                                         Case{"vamana", "vamana", {{"degree", "8"}}}),
                         [](const auto& test) { return std::string(test.param.name); });

constexpr size_t kRows = 40;
constexpr uint32_t kDim = 4;
constexpr Row kFirst = 5, kRemoved = 7;

Vectors golden_vectors() {
  return normal_vectors(kRows, kDim, 11);
}

/// All rows but the removed one are found by their vectors.
void expect_whole(const Index& index) {
  const Vectors vectors = golden_vectors();
  EXPECT_EQ(index.stats().rows, kRows - 1);
  for (size_t i = 0; i < kRows; ++i) {
    SearchRequest request;
    request.query = vectors[i];
    request.k = 1;
    ASSERT_VALUE(answer, index.search(request));
    ASSERT_EQ(answer.neighbors.size(), 1u);
    EXPECT_EQ(answer.neighbors[0].row == kFirst + i, kFirst + i != kRemoved);
  }
}

TEST_P(GoldenIndex, IsReadAndWrittenAlike) {
  const Case& golden = GetParam();
  const Vectors vectors = golden_vectors();
  std::vector<Row> rows(kRows);
  std::iota(rows.begin(), rows.end(), kFirst);
  IndexSpec spec;
  spec.kind = golden.kind;
  spec.dim = kDim;
  spec.options = golden.options;
  ASSERT_VALUE(index, create_index(spec));
  ASSERT_OK(index->add(rows, vectors.block()));
  ASSERT_OK(index->remove(kRemoved));
  const IndexKind& kind = *find_index_kind(golden.kind).value();
  if (kind.settle != nullptr) {
    ASSERT_OK(kind.settle(*index, {}));
  }

  const GoldenFiles files =
      expect_golden(std::string(KITH_GOLDEN) + "/index-" + golden.name + ".txt", checkpoint_files(*index));
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.put(files));
  ASSERT_VALUE(opened, kind.open(directory, {}));
  expect_whole(*opened);

  for (const auto& [name, bytes] : files) {
    GoldenFiles later = files;
    later[name][8] = std::byte{99};  // the version, behind eight bytes of magic
    ASSERT_OK(directory.put(later));
    EXPECT_FALSE(kind.open(directory, {}).ok()) << name;
  }
}

/// What is written otherwise today.
TEST(GoldenIndexes, OfEarlierVersionsAreRead) {
  const std::pair<const char*, const char*> earlier[] = {
      {"hnsw", "index-hnsw-removed-row-in-graph"},
      {"vamana", "index-vamana-removed-row-in-graph"},
  };
  for (const auto& [kind, name] : earlier) {
    SCOPED_TRACE(name);
    std::ifstream text(std::string(KITH_GOLDEN) + "/earlier/" + name + ".txt");
    ASSERT_TRUE(text.good());
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs);
    ASSERT_OK(directory.put(golden_files(text)));
    ASSERT_VALUE(opened, find_index_kind(kind).value()->open(directory, {}));
    expect_whole(*opened);
    ASSERT_OK(find_index_kind(kind).value()->settle(*opened, {}));
    expect_whole(*opened);
  }
}

}  // namespace
}  // namespace kith::test

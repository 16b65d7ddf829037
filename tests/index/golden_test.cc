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

TEST_P(GoldenIndex, IsReadAndWrittenAlike) {
  constexpr size_t kRows = 40;
  constexpr uint32_t kDim = 4;
  const Case& golden = GetParam();
  const Vectors vectors = normal_vectors(kRows, kDim, 11);
  std::vector<Row> rows(kRows);
  std::iota(rows.begin(), rows.end(), Row{5});
  IndexSpec spec;
  spec.kind = golden.kind;
  spec.dim = kDim;
  spec.options = golden.options;
  ASSERT_VALUE(index, create_index(spec));
  ASSERT_OK(index->add(rows, vectors.block()));
  ASSERT_OK(index->remove(Row{7}));
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
  EXPECT_EQ(opened->stats().rows, kRows - 1);
  for (size_t i = 0; i < kRows; ++i) {
    SearchRequest request;
    request.query = vectors[i];
    request.k = 1;
    ASSERT_VALUE(answer, opened->search(request));
    ASSERT_EQ(answer.neighbors.size(), 1u);
    EXPECT_EQ(answer.neighbors[0].row == rows[i], rows[i] != 7);
  }

  for (const auto& [name, bytes] : files) {
    GoldenFiles later = files;
    later[name][8] = std::byte{99};  // the version, behind eight bytes of magic
    ASSERT_OK(directory.put(later));
    EXPECT_FALSE(kind.open(directory, {}).ok()) << name;
  }
}

}  // namespace
}  // namespace kith::test

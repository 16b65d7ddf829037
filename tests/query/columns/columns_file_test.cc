// Goal: a file of columns opens as what was written or not at all. Method: the same columns give the same
// bytes; every cut, many flips, forged heads with right checksums, failing writes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/io/memory_file_system.h"
#include "query/columns/column_store.h"
#include "tests/support/checkpoint_directory.h"
#include "tests/support/random_filter.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

class ColumnsFile : public testing::Test {
 protected:
  ColumnsFile() {
    for (Row row = 0; row < 120; ++row) store_.add(row * 1'000, PayloadValues::of(draw_.payload()).value());
    for (Row row = 0; row < 20; ++row) store_.remove(row * 3'000);
    directory_.write_with([&](CheckpointOutput& out) { return store_.write(out); }).value();
    bytes_ = directory_.files().at(ColumnStore::kFile);
  }

  Result<std::unique_ptr<ColumnStore>> open(std::vector<std::byte> bytes) {
    TRY(directory_.put({{ColumnStore::kFile, std::move(bytes)}}));
    return ColumnStore::open(directory_);
  }

  const uint64_t seed_ = test::test_seed();
  test::RandomFilters draw_{seed_};
  ColumnStore store_;
  MemoryFileSystem fs_;
  test::CheckpointDirectory directory_{fs_};
  std::vector<std::byte> bytes_;
};

TEST_F(ColumnsFile, OpensAsWhatWasWritten) {
  ASSERT_VALUE(opened, open(bytes_));
  EXPECT_EQ(opened->rows(), store_.rows());
  EXPECT_EQ(opened->dead(), store_.dead());
  EXPECT_EQ(opened->paths(), store_.paths());
  ASSERT_OK(directory_.write_with([&](CheckpointOutput& out) { return opened->write(out); }));
  EXPECT_EQ(directory_.files().at(ColumnStore::kFile), bytes_) << "seed " << seed_;
}

TEST_F(ColumnsFile, OfNothingOpens) {
  const ColumnStore nothing;
  ASSERT_OK(directory_.write_with([&](CheckpointOutput& out) { return nothing.write(out); }));
  ASSERT_VALUE(opened, ColumnStore::open(directory_));
  EXPECT_EQ(opened->rows(), 0u);
  ASSERT_OK(directory_.put({}));
  EXPECT_ERROR(ColumnStore::open(directory_), Code::kCorruption, ColumnStore::kFile);
}

TEST_F(ColumnsFile, CutAnywhereIsCorruption) {
  Random& random = draw_.random();
  for (size_t length = 0; length < bytes_.size(); length += 1 + random.below(150)) {
    const std::vector<std::byte> cut(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(length));
    ASSERT_ERROR(open(cut), Code::kCorruption, "") << length << ", seed " << seed_;
  }
  bytes_.push_back(std::byte{0});
  EXPECT_ERROR(open(bytes_), Code::kCorruption, "after the last block");
}

TEST_F(ColumnsFile, EveryFlipIsCorruption) {
  Random& random = draw_.random();
  for (int i = 0; i < 1'000; ++i) {
    auto flipped = bytes_;
    const size_t at = i < 64 ? static_cast<size_t>(i) : random.below(bytes_.size());
    flipped[at] ^= static_cast<std::byte>(1u << random.below(8));
    const auto opened = open(flipped);
    ASSERT_ERROR(opened, Code::kCorruption, "columns") << "byte " << at << ", seed " << seed_;
    if (at < 16) continue;
    ASSERT_ERROR(opened, Code::kCorruption, "offset") << at;
  }
}

/// Wrong bytes whose checksum is right, as a wrong program would write them: refused, or read as some columns
/// that can be asked.
TEST_F(ColumnsFile, ForgedBlocksDoNoHarm) {
  Random& random = draw_.random();
  std::vector<size_t> blocks;
  for (size_t at = 16; at < bytes_.size(); at += 12 + load_le<uint64_t>(bytes_.data() + at))
    blocks.push_back(at);
  int refused = 0;
  for (int i = 0; i < 700; ++i) {
    auto forged = bytes_;
    const size_t block = blocks[random.below(blocks.size())];
    const auto length = load_le<uint64_t>(forged.data() + block);
    for (uint64_t edits = 1 + random.below(3); edits > 0; --edits)
      forged[block + 12 + random.below(length)] =
          static_cast<std::byte>(random.below(4) == 0 ? 0xff : random.below(256));
    const auto sum =
        crc32c(std::span(forged).subspan(block + 12, length), crc32c(std::span(forged).subspan(block, 8)));
    store_le(forged.data() + block + 8, sum);
    const auto opened = open(forged);
    if (!opened.ok()) {
      ASSERT_ERROR(opened, Code::kCorruption, "offset") << "seed " << seed_;
      ++refused;
      continue;
    }
    (void)opened.value()->select(draw_.filter(), [](const std::vector<Id>&) { return RowSet(); });
  }
  EXPECT_GT(refused, 150) << "seed " << seed_;
}

TEST_F(ColumnsFile, AnotherVersionIsSaid) {
  store_le(bytes_.data() + 8, uint32_t{2});
  EXPECT_ERROR(open(bytes_), Code::kCorruption, "version 2 is unknown");
  bytes_[0] = std::byte{'X'};
  EXPECT_ERROR(open(bytes_), Code::kCorruption, "no file of columns");
}

}  // namespace
}  // namespace kith

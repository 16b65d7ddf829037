// Goal: postings give exactly the rows that have a key in a range, however rows and keys come. Method: random
// entries against a set of (key, row), rows with one key and with several, few keys and many, before and
// after rows are swept out and pages are written and read; forged pages.
#include "query/columns/postings.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

using Model = std::set<std::pair<uint64_t, Row>>;

RowSet expected(const Model& model, const std::vector<KeySpan>& ranges) {
  RowSet rows;
  for (const KeySpan& range : ranges)
    for (auto at = model.lower_bound({range.first, 0}); at != model.end() && at->first <= range.last; ++at)
      rows.add(at->second);
  return rows;
}

/// Ascending, without overlap.
std::vector<KeySpan> random_ranges(Random& random, uint64_t keys) {
  std::vector<KeySpan> ranges;
  const uint64_t count = random.below(3) == 0 ? random.below(keys) : 1;
  uint64_t next = random.below(keys);
  for (uint64_t i = 0; i <= count && next < keys; ++i) {
    const uint64_t last = next + (random.below(4) == 0 ? random.below(keys) : random.below(3));
    ranges.push_back({next, last});
    next = last + 1 + random.below(1 + keys / (count + 1));
  }
  if (random.below(10) == 0) ranges.back().last = UINT64_MAX;
  return ranges;
}

Postings reopened(const Postings& postings) {
  Postings out;
  for (const Postings::PageView& view : postings.pages()) {
    ByteWriter bytes;
    view.merged().save(bytes);
    ByteReader in(bytes.view());
    PostingPage page = PostingPage::parse(in).value();
    in.finish().value();
    out.restore(view.number, std::move(page)).value();
  }
  return out;
}

struct Shape {
  uint64_t rows;
  uint64_t keys;
  uint64_t keys_per_row;
};

class PostingsTest : public testing::TestWithParam<Shape> {};

TEST_P(PostingsTest, SelectsTheRowsOfARange) {
  const uint64_t seed = test::test_seed();
  Random random(seed);
  const Shape shape = GetParam();
  Postings postings;
  Model model;
  const auto check = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) {
      const auto ranges = random_ranges(random, shape.keys);
      const RowSet found = postings.select(ranges);
      const RowSet wanted = expected(model, ranges);
      ASSERT_TRUE(found == wanted) << "seed " << seed << ": " << found.size() << " rows, not "
                                   << wanted.size() << ", of keys from " << ranges[0].first << " to "
                                   << ranges[0].last << " and " << ranges.size() - 1 << " ranges more";
    }
  };
  for (uint64_t i = 0; i < shape.rows; ++i) {
    const auto row = static_cast<Row>(random.below(8) == 0 ? random.below(3 * shape.rows) : i);
    for (uint64_t k = 0; k < shape.keys_per_row; ++k) {
      const uint64_t key = random.below(3) == 0 ? random.below(2) : random.below(shape.keys);
      if (shape.keys_per_row == 1 && random.below(1000) != 0 && row != i) continue;  // few rows with two
      postings.add(row, key);
      model.emplace(key, row);
    }
    if (i == shape.rows / 3) check(5);
  }
  check(40);
  if (HasFatalFailure()) return;

  const uint64_t before = postings.memory_bytes();
  postings = reopened(postings);
  check(20);
  if (HasFatalFailure()) return;

  RowSet live;
  for (uint64_t i = 0; i < shape.rows; ++i)
    if (random.below(3) == 0) live.add(static_cast<Row>(i));
  postings.retain(live);
  std::erase_if(model, [&](const auto& entry) { return !live.contains(entry.second); });
  check(20);
  EXPECT_LT(postings.memory_bytes(), before) << "seed " << seed;
  postings.retain({});
  EXPECT_TRUE(postings.empty());
  EXPECT_EQ(postings.memory_bytes(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Shapes, PostingsTest,
                         testing::Values(Shape{150'000, 100'000, 1}, Shape{80'000, 7, 1}, Shape{3'000, 50, 1},
                                         Shape{30'000, 2'000, 3}, Shape{20'000, 5, 2}));

/// One key a row, as wide ranges over them are answered by sets of ranks.
TEST(PostingPage, MarksTheRowsOfEveryRangeOfRanks) {
  const uint64_t seed = test::test_seed();
  Random random(seed);
  for (const uint32_t rows : {100u, 8'191u, 8'192u, 10'400u, 65'536u}) {
    std::vector<Posting> entries;
    for (uint32_t low = 0; low < rows; ++low)
      entries.push_back({random.below(rows), static_cast<uint16_t>(low)});
    std::sort(entries.begin(), entries.end());
    const PostingPage page = PostingPage::merge({}, entries);
    for (int i = 0; i < 200; ++i) {
      PostingPage::Ranks ranks = {static_cast<uint32_t>(random.below(rows + 1)),
                                  static_cast<uint32_t>(random.below(rows + 1))};
      if (ranks.begin > ranks.end) std::swap(ranks.begin, ranks.end);
      if (random.below(5) == 0) ranks.begin = 0;
      if (random.below(5) == 0) ranks.end = rows;
      PostingPage::Bits bits{}, wanted{};
      page.mark(ranks, bits);
      for (uint32_t rank = ranks.begin; rank < ranks.end; ++rank)
        wanted[entries[rank].low / 64] |= uint64_t{1} << (entries[rank].low % 64);
      ASSERT_EQ(bits, wanted) << "seed " << seed << ", ranks " << ranks.begin << ".." << ranks.end << " of "
                              << rows;
    }
  }
}

TEST(PostingPage, ForgedPagesAreCorruption) {
  const std::vector<Posting> entries = {{5, 1}, {5, 9}, {7, 3}};
  ByteWriter bytes;
  PostingPage::merge({}, entries).save(bytes);
  // u32 keys, u32 rows, 2 × u64 keys, 2 × u32 starts, 3 × u16 rows
  ASSERT_EQ(bytes.size(), 8u + 16 + 8 + 6);
  const auto forged = [&](size_t offset, auto value) {
    ByteWriter copy = bytes;
    copy.patch(offset, value);
    ByteReader in(copy.view());
    return PostingPage::parse(in);
  };
  EXPECT_OK(forged(8, uint64_t{6}));
  EXPECT_ERROR(forged(0, UINT32_MAX), Code::kCorruption, "wanted");
  EXPECT_ERROR(forged(4, UINT32_MAX), Code::kCorruption, "wanted");
  EXPECT_ERROR(forged(0, uint32_t{0}), Code::kCorruption, "0 keys");
  EXPECT_ERROR(forged(8, uint64_t{7}), Code::kCorruption, "key 1 is out of order");
  EXPECT_ERROR(forged(24, uint32_t{1}), Code::kCorruption, "2 keys");
  EXPECT_ERROR(forged(28, uint32_t{0}), Code::kCorruption, "key 0 is out of order or has no rows");
  EXPECT_ERROR(forged(28, uint32_t{3}), Code::kCorruption, "rows of key 0 do not ascend");
  EXPECT_ERROR(forged(28, uint32_t{4}), Code::kCorruption, "key 0 is out of order");
  EXPECT_ERROR(forged(32, uint16_t{9}), Code::kCorruption, "do not ascend");
}

}  // namespace
}  // namespace kith

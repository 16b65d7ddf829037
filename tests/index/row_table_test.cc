// Goal: find_from finds what a search through the whole table would. Method: random ascending rows, with and
// without holes, every start against std::lower_bound.
#include "index/row_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith::test {
namespace {

void expect_finds(const RowTable& table, const std::vector<Row>& rows) {
  const Row last = rows.empty() ? 5 : rows.back() + 3;
  for (size_t begin = 0; begin <= rows.size(); ++begin) {
    for (Row row = 0; row <= last; ++row) {
      const auto at = std::lower_bound(rows.begin() + static_cast<ptrdiff_t>(begin), rows.end(), row);
      RowCursor cursor(table);
      if (begin > 0) {
        ASSERT_EQ(cursor.find(rows[begin - 1]), begin - 1);
      }
      if (begin > 0 && row <= rows[begin - 1]) continue;  // rows ascend
      const bool here = at != rows.end() && *at == row;
      ASSERT_EQ(cursor.find(row), here ? static_cast<Node>(at - rows.begin()) : kNoNode)
          << "row " << row << " after " << begin;
      ASSERT_EQ(cursor.ended(), at == rows.end()) << "row " << row << " after " << begin;
    }
  }
}

TEST(RowTable, FindsFromAnyStart) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < 12; ++round) {
    std::vector<Row> rows(round == 0 ? 0 : 1 + random.below(60));
    Row row = 0;
    for (Row& next : rows) next = row += 1 + static_cast<Row>(round % 3 == 0 ? 0 : random.below(6));
    if (round % 3 == 1) std::iota(rows.begin(), rows.end(), 0u);  // row == node
    RowTable table;
    ASSERT_OK(table.reserve(rows));
    table.publish(rows);
    expect_finds(table, rows);
  }
}

/// A node is found under its old number until it is renamed and under the new one from then on, also where
/// the order of rows is made anew in between, and rows that were added meanwhile have higher numbers.
TEST(RowTable, RenamedNodesAreFoundUnderOneNumber) {
  constexpr Row kRows = 40, kRounds = 300;
  RowTable table;
  std::vector<Row> rows(kRows);
  std::iota(rows.begin(), rows.end(), Row{0});
  ASSERT_OK(table.reserve(rows));
  table.publish(rows);
  ASSERT_OK(table.prepare_for_reuse());
  Random random(test_seed());
  size_t anew = 0;
  for (Row round = 0, next = kRows; round < kRounds; ++round) {
    const auto node = static_cast<Node>(random.below(rows.size()));
    const Row to = next++, added = next++;
    ASSERT_OK(table.reserve({{to}}));
    table.expect(to, node);
    ASSERT_OK(table.reserve({{added}}));
    anew += table.take_retired().size();
    table.publish({{added}});
    EXPECT_EQ(table.rows_end(), next);
    EXPECT_EQ(table.find(rows[node]), node);
    EXPECT_EQ(table.find(to), kNoNode);
    table.rename(node, to);
    EXPECT_EQ(table.find(rows[node]), kNoNode);
    rows[node] = to;
    rows.push_back(added);
    for (Node each = 0; each < rows.size(); ++each) ASSERT_EQ(table.find(rows[each]), each);
  }
  EXPECT_GT(anew, 2u);
  EXPECT_EQ(table.live_count(), rows.size());
}

}  // namespace
}  // namespace kith::test

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
      ASSERT_EQ(table.find_from(row, static_cast<Node>(begin)), at - rows.begin())
          << "row " << row << " from " << begin;
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

}  // namespace
}  // namespace kith::test

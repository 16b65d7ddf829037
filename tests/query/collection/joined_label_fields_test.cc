// Goal: an index with edges for several labels at once is asked for all that a filter joins, and answers
// rightly while points come and go. Method: as of LabelFields; distances beside those of a filter of the same
// points that asks for one label alone.
#include "tests/query/collection/label_fields.h"

namespace kith {
namespace {

/// With edges for several labels at once.
class JoinedLabelFields : public LabelFields {
 protected:
  std::string payload() override {
    std::string tags;
    for (uint64_t i = 1; i < 4; ++i)
      if (random_.below(2) == 0) tags += fmt::format("{}{}", tags.empty() ? "" : ",", i);
    return fmt::format(R"({{"tenant":"t{}","tags":[{}],"read":{},"n":{}}})", random_.below(2), tags,
                       random_.below(2) == 0, random_.below(100));
  }
  /// Rows measured for a query, mean.
  double distances(const std::string& filter) {
    double sum = 0;
    for (size_t i = 0; i < kQueries; ++i) {
      Query query;
      query.field = "v";
      query.vector = f32(vector());
      query.filter = must(parse_filter_text(filter));
      const SearchStats stats = must(books_->search(query)).stats;
      sum += static_cast<double>(stats.full_distances + stats.code_distances) / kQueries;
    }
    return sum;
  }
};

TEST_P(JoinedLabelFields, AreAskedForTogether) {
  open();
  load(4'000);
  must(books_->settle({}));
  expect_all_right();
  make_labels_cheap();
  // Beside each filter one of the same points that is for one label alone.
  const std::pair<const char*, const char*> filters[] = {
      {"tenant = 't0' AND read = true", "tenant = 't0' AND (read = true OR n = 1000)"},
      {"tags = 1 AND read = false AND n < 80", "tags = 1 AND (read = false OR n = 1000) AND n < 80"},
      {"tags CONTAINS ALL (1, 2)", "tags = 1 AND (tags = 2 OR n = 1000)"}};
  for (const auto& [joined, single] : filters) {
    SCOPED_TRACE(joined);
    expect_by_labels(joined);
    expect_by_labels(single);
    EXPECT_LT(distances(joined), 0.9 * distances(single));
  }
  std::vector<uint64_t> gone;
  for (int i = 0; i < 600; ++i) gone.push_back(random_.below(4'000));
  remove_all(gone);
  load(500);  // other payloads for points that are there
  must(books_->settle({}));
  for (const auto& [joined, single] : filters) expect_by_labels(joined);
}

INSTANTIATE_TEST_SUITE_P(Edges, JoinedLabelFields, testing::Values("nested", "fused"),
                         [](const auto& edges) { return std::string(edges.param); });
}  // namespace
}  // namespace kith

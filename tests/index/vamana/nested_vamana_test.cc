// Goal: with labels=nested a walk for all of some labels, for exactly these or for any of them measures no
// row that does not match, its lists lead to all that do, and it finds the nearest, while rows come and go,
// whatever sets of labels there are; building costs at most twice the ordinary graph (card D5). Method: the
// walk's own layer under a scorer that remembers; reachability by lists against the plain model; recall and
// counted distances against exact scans.
#include "tests/index/graph/nested_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 24;
constexpr LabelMatch kMatches[] = {LabelMatch::kAll, LabelMatch::kEqual, LabelMatch::kAny};
constexpr const char* kMatchNames[] = {"any", "all", "equal"};

IndexSpec nested_spec(ThreadPool* pool = nullptr, IndexOptions more = {}) {
  more.emplace_back("labels", "nested");
  return spec_of("vamana", Metric::kL2, kDim, std::move(more), pool);
}

void print(LabelMatch match, const NestedRecall& found) {
  std::printf("%-5s recall %.4f of %zu queries; %zu walked: least %.2f, %.0f distances for %.0f rows\n",
              kMatchNames[static_cast<int>(match)], found.recall, found.asked, found.walked, found.least,
              found.distances, found.matching);
}

class NestedVamana : public testing::Test {
 protected:
  const uint64_t seed_ = test_seed();
  testing::ScopedTrace trace_{__FILE__, __LINE__, "KITH_SEED=" + std::to_string(seed_)};
  Random random_{seed_};

  /// All that the card asks of rows with these labels.
  void expect_card_kept(Vectors all, size_t queries, Label labels);
};

void NestedVamana::expect_card_kept(Vectors all, size_t query_count, Label label_count) {
  auto [rows, queries] = rows_and_queries(std::move(all), query_count);
  const std::vector<LabelSet> labels = zipf_labels(rows.rows, label_count, random_);
  const auto index = build_labeled(nested_spec(), rows, labels);
  const auto plain = build(spec_of("vamana", Metric::kL2, kDim), rows);
  const auto flat = build(spec_of("flat", Metric::kL2, kDim), rows);
  const double cost = static_cast<double>(graph_of(*index).link_distances()) /
                      static_cast<double>(graph_of(*plain).link_distances());
  std::printf("%zu rows, %zu groups, built for %.2f times the distances\n", rows.rows,
              graph_of(*index).nested()->groups.all().size(), cost);
  EXPECT_LE(cost, 2);
  const RowSet live = RowSet::range(0, static_cast<Row>(rows.rows));
  for (const LabelMatch match : kMatches) {
    const NestedRecall found = measure_nested(*index, *flat, labels, live, match, queries, random_);
    print(match, found);
    EXPECT_GE(found.recall, 0.95);
    const size_t least = match != LabelMatch::kEqual ? found.asked / 5 : rows.rows >= 8000 ? 1 : 0;
    EXPECT_GE(found.walked, least) << "most came to be scans";
    EXPECT_LE(found.distances, found.matching);
  }
  for (size_t i = 0; i < queries.rows; ++i)
    for (const LabelMatch match : kMatches) {
      const LabelQuery query = query_from(labels[random_.below(labels.size())], match, random_);
      size_t wrong = 0;
      for (const Node node : nodes_measured(*index, query, queries[i], 100))
        wrong += !matches(labels[node], query);
      EXPECT_EQ(wrong, 0u) << "rows measured that do not match";
    }
  const Measured mine = measure(*index, *flat, queries, 64), theirs = measure(*plain, *flat, queries, 64);
  EXPECT_NEAR(mine.recall, theirs.recall, 0.02) << "without labels it is the ordinary graph";
}

TEST_F(NestedVamana, FindsTheNearestThatMatchAndMeetsNoOthers) {
  expect_card_kept(clustered_vectors(8000 + 100, kDim, 40, seed_), 100, 12);
}

TEST_F(NestedVamana, FindsThemAmongRowsWithoutClustersToo) {
  expect_card_kept(normal_vectors(5000 + 60, kDim, seed_), 60, 12);
}

/// The card's own size.
TEST_F(NestedVamana, FindsThemAmong100000_slow) {
  expect_card_kept(clustered_vectors(100'000 + 300, kDim, 200, seed_), 300, 12);
}

TEST_F(NestedVamana, AllThatMatchComeWhereTheyAreFewerThanAskedFor) {
  Vectors rows = clustered_vectors(2000, kDim, 12, seed_);
  std::vector<LabelSet> labels = zipf_labels(rows.rows, 8, random_);
  for (size_t row = 0; row < 7; ++row) labels[row * 200] = {3, 5, 99};
  const auto index = build_labeled(nested_spec(), rows, labels);
  for (const LabelQuery& query :
       {LabelQuery{LabelMatch::kAll, {99}}, LabelQuery{LabelMatch::kAll, {3, 99}},
        LabelQuery{LabelMatch::kEqual, {3, 5, 99}}, LabelQuery{LabelMatch::kAny, {99, 100}}})
    for (const FilterPlan plan : {FilterPlan::kLabels, FilterPlan::kAuto}) {
      ASSERT_VALUE(answer, index->search(asking(query, plan, rows[5])));
      EXPECT_EQ(answer.neighbors.size(), 7u);
      EXPECT_LE(answer.stats.full_distances + answer.stats.code_distances, 7u) << "others were measured";
    }
  const LabelQuery none{LabelMatch::kAll, {98, 99}};
  ASSERT_VALUE(answer, index->search(asking(none, FilterPlan::kLabels, rows[5])));
  EXPECT_TRUE(answer.neighbors.empty());
}

/// Every second row comes after the first search, one by one; three of five leave again.
TEST_F(NestedVamana, StaysWholeWhileRowsComeAndGo) {
  constexpr size_t kRows = 4000;
  auto [rows, queries] = rows_and_queries(clustered_vectors(kRows + 60, kDim, 25, seed_), 60);
  const std::vector<LabelSet> labels = zipf_labels(kRows, 9, random_);
  const auto index = create_index(nested_spec()).value();
  const auto flat = build(spec_of("flat", Metric::kL2, kDim), rows);
  ASSERT_OK(add_labeled(*index, rows, labels, 0, kRows / 2));
  for (size_t row = kRows / 2; row < kRows; ++row) ASSERT_OK(add_labeled(*index, rows, labels, row, 1));
  expect_all_lists_lead_right(*index, labels, random_);
  RowSet live = RowSet::range(0, kRows);
  const auto remove = [&](Row row) {
    ASSERT_OK(index->remove(row));
    ASSERT_OK(flat->remove(row));
    live.remove(row);
  };
  for (const auto& group : graph_of(*index).nested()->groups.all()) remove(group.entries.front());
  for (Row row = 0; row < kRows; ++row)
    if (row % 5 < 3) remove(row);
  expect_all_lists_lead_right(*index, labels, random_);
  for (const LabelMatch match : kMatches) {
    const NestedRecall found = measure_nested(*index, *flat, labels, live, match, queries, random_);
    print(match, found);
    EXPECT_GE(found.recall, 0.95);
  }
}

/// Any set of 12 labels: nearly each row has one of its own.
TEST_F(NestedVamana, ThereAreNoMoreGroupsThanMayBeAndNoRowIsLost) {
  constexpr size_t kRows = 4000;
  auto [rows, queries] = rows_and_queries(clustered_vectors(kRows + 60, kDim, 20, seed_), 60);
  std::vector<LabelSet> labels(kRows);
  for (LabelSet& set : labels)
    for (Label label = 0; label < 12; ++label)
      if (random_.below(2) == 0) set.push_back(label);
  const auto flat = build(spec_of("flat", Metric::kL2, kDim), rows);
  const RowSet live = RowSet::range(0, kRows);
  for (const char* groups_max : {"4096", "150"}) {
    const auto index = build_labeled(nested_spec(nullptr, {{"groups_max", groups_max}}), rows, labels);
    const LabelGroups& groups = graph_of(*index).nested()->groups;
    std::printf("%zu groups, %zu sets merged\n", groups.all().size(), groups.merged().size());
    EXPECT_LE(groups.all().size(), std::stoul(groups_max) + 1) << "that of no labels may come on top";
    expect_all_lists_lead_right(*index, labels, random_, groups.merged().empty());
    for (const LabelMatch match : kMatches) {
      const NestedRecall found = measure_nested(*index, *flat, labels, live, match, queries, random_);
      print(match, found);
      EXPECT_GE(found.recall, 0.95);
    }
  }
}

/// Vectors that are equal are one node for each set of labels.
TEST_F(NestedVamana, EqualVectorsAreFoundByTheLabelsOfEach) {
  Vectors rows = clustered_vectors(3000, kDim, 10, seed_);
  for (size_t i = 0; i < 600; ++i)
    std::copy_n(rows.row(i % 3), kDim, rows.data.begin() + static_cast<ptrdiff_t>(kDim * (4 * i + 500)));
  const std::vector<LabelSet> labels = zipf_labels(rows.rows, 5, random_);
  const auto index = build_labeled(nested_spec(), rows, labels);
  const auto flat = build(spec_of("flat", Metric::kL2, kDim), rows);
  expect_all_lists_lead_right(*index, labels, random_);
  const RowSet live = RowSet::range(0, 3000);
  const Vectors queries{{rows.data.begin(), rows.data.begin() + 30 * kDim}, kDim, 30};
  for (const LabelMatch match : kMatches)
    EXPECT_GE(measure_nested(*index, *flat, labels, live, match, queries, random_).recall, 0.99);
}

/// A group's start is the way to its rows, left out or not.
TEST_F(NestedVamana, TheStartOfAGroupThatIsLeftOutLeadsOnAndIsNotFound) {
  const Vectors rows = clustered_vectors(3000, kDim, 10, seed_);
  const auto index = build_labeled(nested_spec(), rows, std::vector<LabelSet>(rows.rows, LabelSet{1}));
  const LabelQuery query = any_of({1});
  for (const Row row : {0u, 1u, 5u, 7u}) {
    SearchRequest request = asking(query, FilterPlan::kLabels, rows[row], 10, 20);
    request.left_out = row;
    ASSERT_VALUE(answer, index->search(request));
    EXPECT_EQ(answer.plan, FilterPlan::kLabels);
    EXPECT_EQ(answer.neighbors.size(), 10u);
    for (const Neighbor& neighbor : answer.neighbors) EXPECT_NE(neighbor.row, row);
  }
}

TEST_F(NestedVamana, GoesWithoutWhatItCannotKeepTo) {
  EXPECT_ERROR(create_index(nested_spec(nullptr, {{"deterministic", "true"}})), Code::kInvalidArgument,
               "deterministic");
  EXPECT_ERROR(create_index(nested_spec(nullptr, {{"universal_label", "3"}})), Code::kInvalidArgument,
               "universal_label");
  EXPECT_ERROR(create_index(nested_spec(nullptr, {{"groups_max", "0"}})), Code::kInvalidArgument,
               "groups_max");
  EXPECT_ERROR(create_index(nested_spec(nullptr, {{"groups_max", "65537"}})), Code::kInvalidArgument,
               "groups_max");
  EXPECT_ERROR(create_index(spec_of("vamana", Metric::kL2, kDim, {{"groups_max", "9"}})),
               Code::kInvalidArgument, "groups_max");
}

}  // namespace
}  // namespace kith::test

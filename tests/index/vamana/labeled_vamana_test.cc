// Goal: with labels=filtered or stitched one graph answers for each label as well as an index of that label's
// rows alone, for at most twice its distances, and still answers for all rows; rare labels and labels that
// lie apart included (card D3). Method: labels of Zipf's law on clustered and unclustered rows; recall and
// counted distances against such indexes; reachability of each label by walking the graph.
#include "tests/index/graph/label_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 24, kQueries = 40;
constexpr Label kLabels = 12;

struct Data {
  Vectors rows, queries;
  std::vector<LabelSet> labels;
};

/// Checks all that the card asks of each label, and the answers for all rows.
void expect_card_kept(const Data& data, uint32_t effort, const char* labels) {
  ThreadPool pool(2);
  ThreadPool* const threads = data.rows.rows >= 50'000 ? &pool : nullptr;
  const IndexSpec spec = spec_of("vamana", Metric::kL2, kDim, {{"labels", labels}}, threads);
  const auto index = build_labeled(spec, data.rows, data.labels);
  const auto flat = build(spec_of("flat", Metric::kL2, kDim), data.rows);
  for (Label label = 1; label <= kLabels; ++label) {
    const LabelQuery query = any_of({label});
    const RowSet allowed = rows_matching(data.labels, query);
    const Vectors own = rows_of(data.rows, allowed);
    const auto alone = build(spec_of("vamana", Metric::kL2, kDim, {}, threads), own);
    const Measured best =
        measure(*alone, *build(spec_of("flat", Metric::kL2, kDim), own), data.queries, effort);
    const LabelRecall found =
        measure_labels(*index, *flat, allowed, query, FilterPlan::kLabels, data.queries, effort);
    std::printf(
        "label %2u: %5zu rows, recall %.3f (alone %.3f), %4.0f distances (%4.0f), %3.0f hops (%3.0f)\n",
        label, own.rows, found.recall, best.recall, found.distances, best.distances + best.codes, found.hops,
        best.hops);
    EXPECT_EQ(found.as_asked, kQueries) << "label " << label << ": it need not turn into a scan";
    EXPECT_GE(found.recall, 0.95) << "label " << label;
    EXPECT_LE(found.distances, 2 * (best.distances + best.codes)) << "label " << label;
    EXPECT_EQ(unreached_by(*index, label), 0u) << "label " << label;
  }
  const Measured all = measure(*index, *flat, data.queries, effort);
  std::printf("no label: recall %.3f, %.0f distances\n", all.recall, all.distances + all.codes);
  EXPECT_GE(all.recall, 0.95);
  EXPECT_EQ(audit_graph(*index)->unreachable, 0u);
}

class LabeledVamana : public testing::TestWithParam<const char*> {};

/// Labels of Zipf's law, whatever the vectors.
Data labeled_by_chance(Vectors all, Random& random) {
  auto [rows, queries] = rows_and_queries(std::move(all), kQueries);
  Data data{std::move(rows), std::move(queries), {}};
  data.labels = zipf_labels(data.rows.rows, kLabels, random);
  return data;
}

TEST_P(LabeledVamana, AnswersForEachLabelAsAnIndexOfItsRowsWould) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  expect_card_kept(labeled_by_chance(normal_vectors(5000 + kQueries, kDim, seed), random), 100, GetParam());
}

/// The card's own size.
TEST_P(LabeledVamana, AnswersAmong100000Too_slow) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  expect_card_kept(labeled_by_chance(clustered_vectors(100'000 + kQueries, kDim, 200, seed), random), 100,
                   GetParam());
}

/// No two labels share a row, and each lies in clusters of its own: edges between labels are of no use to
/// them, and to walks without a label all that they have.
TEST_P(LabeledVamana, LabelsThatLieApartHangTogetherAllTheSame) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  auto [rows, queries] = rows_and_queries(clustered_vectors(6000 + kQueries, kDim, 36, seed), kQueries);
  Data data{std::move(rows), std::move(queries), {}};
  for (size_t row = 0; row < data.rows.rows; ++row)
    data.labels.push_back({static_cast<Label>(row % 36 / 3 + 1)});
  expect_card_kept(data, 80, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Edges, LabeledVamana, testing::Values("filtered", "stitched"),
                         [](const auto& edges) { return std::string(edges.param); });

/// Rows after those built at once are linked as they come, to labels that were there and to new ones.
TEST(StitchedVamana, GrowsAfterItWasBuilt) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  auto [rows, queries] = rows_and_queries(clustered_vectors(3000 + kQueries, kDim, 20, seed), kQueries);
  for (size_t i = 0; i < 40; ++i)  // equal vectors with other labels, of one part and of both
    std::copy_n(rows.row(i), kDim, rows.data.begin() + static_cast<ptrdiff_t>(kDim * (60 * i + 500)));
  std::vector<LabelSet> labels = zipf_labels(3000, 6, random);
  for (size_t row = 2000; row < 3000; ++row)
    if (row % 3 == 0) labels[row].push_back(50);
  ThreadPool pool(2);
  const IndexSpec spec = spec_of("vamana", Metric::kL2, kDim, {{"labels", "stitched"}}, &pool);
  const IndexKind* kind = find_index_kind("vamana").value();
  ASSERT_VALUE(index, create_index(spec));
  ASSERT_OK(add_labeled(*index, rows, labels, 0, 2000));
  EXPECT_EQ(index->stats().pending, 2000u) << "they wait for the build";
  ASSERT_OK(kind->settle(*index, Stop{}));
  ASSERT_OK(add_labeled(*index, rows, labels, 2000, 1000));
  ASSERT_OK(kind->settle(*index, Stop{}));
  const auto flat = build(spec_of("flat", Metric::kL2, kDim), rows);
  for (const Label label : {1u, 2u, 3u, 4u, 5u, 6u, 50u}) {
    EXPECT_EQ(unreached_by(*index, label), 0u) << "label " << label;
    const LabelQuery query = any_of({label});
    const LabelRecall found =
        measure_labels(*index, *flat, rows_matching(labels, query), query, FilterPlan::kLabels, queries);
    EXPECT_GE(found.recall, 0.95) << "label " << label;
  }
  EXPECT_EQ(audit_graph(*index)->unreachable, 0u);
}

}  // namespace
}  // namespace kith::test

// Goal: with labels=fused equality on all attributes is answered at a few percent of the rows, at any scale,
// and on some of them or on none as well, as rows come and go and distances grow (card D2). Method: 3
// attributes of 3 values each by chance; recall against exact answers, and counted distances.
#include <thread>

#include "datasets/catalog.h"
#include "datasets/reader.h"
#include "tests/index/graph/label_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 16, kQueries = 60;
constexpr Label kAttributes = 3, kValues = 3;
constexpr size_t kRows = 40'000;             // of fewer a walk may cost what a scan does
constexpr double kShareMax = 0.03 * 20'000;  // distances a query: 3 % of half the rows

constexpr Label attribute(Label number, Label value) {
  return number << 8 | value;
}

LabelSet random_attributes(Random& random) {
  LabelSet set;
  for (Label number = 0; number < kAttributes; ++number)
    set.push_back(attribute(number, static_cast<Label>(random.below(kValues))));
  return set;
}

IndexSpec fused_spec(Metric metric = Metric::kL2) {
  return spec_of("vamana", metric, kDim, {{"labels", "fused"}, {"ef_construction", "60"}});
}

/// The first rows as f32.
Vectors read_first(const DataSource& source, size_t count) {
  ReaderOptions options = source.options;
  options.rows_max = count;
  const auto read = read_matrix(source.path, options);
  EXPECT_OK(read);
  const Matrix matrix = to_f32_matrix(*read);
  const auto* values = reinterpret_cast<const float*>(matrix.data.data());
  return {{values, values + matrix.rows * matrix.dim}, matrix.dim, matrix.rows};
}

class FusedVamana : public testing::Test {
 protected:
  void build_all(size_t rows, double scale = 1, Metric metric = Metric::kL2) {
    auto [all, queries] = rows_and_queries(clustered_vectors(rows + kQueries, kDim, 30, seed_), kQueries);
    for (Vectors* vectors : {&all, &queries})
      for (float& x : vectors->data) x = static_cast<float>(x * scale);
    build_of(fused_spec(metric), std::move(all), std::move(queries));
  }

  void build_of(IndexSpec spec, Vectors rows, Vectors queries) {
    Random random(seed_ + 1);
    rows_ = std::move(rows);
    queries_ = std::move(queries);
    labels_.clear();
    for (size_t row = 0; row < rows_.rows; ++row) labels_.push_back(random_attributes(random));
    index_ = build_labeled(spec, rows_, labels_);
    flat_ = build(spec_of("flat", spec.metric, spec.dim), rows_);
  }

  /// Each query asks for `asked` of the attributes, by chance.
  LabelRecall ask(size_t asked, uint32_t effort) {
    Random random(seed_ + 2);
    LabelRecall sum;
    for (size_t i = 0; i < kQueries; ++i) {
      LabelQuery query{LabelMatch::kAll, random_attributes(random)};
      while (query.labels.size() > asked)
        query.labels.erase(query.labels.begin() + static_cast<ptrdiff_t>(random.below(query.labels.size())));
      const Vectors one{{queries_.row(i), queries_.row(i) + queries_.dim}, queries_.dim, 1};
      const LabelRecall got = measure_labels(*index_, *flat_, rows_matching(labels_, query), query,
                                             FilterPlan::kLabels, one, effort);
      sum.recall += got.recall / kQueries;
      sum.distances += got.distances / kQueries;
      sum.as_asked += got.as_asked;
    }
    std::printf("%zu of 3 attributes, effort %u: recall %.3f, %.0f distances\n", asked, effort, sum.recall,
                sum.distances);
    return sum;
  }

  const uint64_t seed_ = test_seed(91);
  testing::ScopedTrace trace_{__FILE__, __LINE__, "KITH_SEED=" + std::to_string(seed_)};
  Vectors rows_, queries_;
  std::vector<LabelSet> labels_;
  std::unique_ptr<Index> index_, flat_;
};

TEST_F(FusedVamana, AnswersForAllAttributesAtThreePercentOfTheRows) {
  build_all(kRows);
  const LabelRecall all = ask(3, 16);
  EXPECT_GE(all.recall, 0.95);
  EXPECT_LE(all.distances, kShareMax);
  EXPECT_EQ(all.as_asked, kQueries);
  for (const size_t asked : {2, 1}) {  // the others may have any value
    const LabelRecall some = ask(asked, 48);
    EXPECT_GE(some.recall, 0.95) << asked << " attributes";
    EXPECT_EQ(some.as_asked, kQueries) << asked << " attributes";
  }
  EXPECT_GE(measure(*index_, *flat_, queries_, 48).recall, 0.95) << "no attribute";
  EXPECT_EQ(audit_graph(*index_)->unreachable, 0u);
}

TEST_F(FusedVamana, AnswersAmongRealDescriptors_slow) {
  const char* directory = std::getenv("KITH_DATASETS");
  if (directory == nullptr || *directory == 0) GTEST_SKIP() << "no KITH_DATASETS";
  ResolveOptions where;
  where.download = where.synthetic = false;
  const auto set = resolve("sift-imagenet1000-128-euclidean", where);
  if (!set) GTEST_SKIP() << set.error().message;
  ThreadPool pool(std::thread::hardware_concurrency());
  const IndexSpec spec = spec_of("vamana", Metric::kL2, 128, {{"labels", "fused"}}, &pool);
  build_of(spec, read_first(set->base, 100'000), read_first(set->queries, kQueries));
  const LabelRecall all = ask(3, 16);
  EXPECT_GE(all.recall, 0.95);
  EXPECT_LE(all.distances, 0.01 * static_cast<double>(rows_.rows)) << "1 % of 100,000";
  EXPECT_EQ(all.as_asked, kQueries);
}

/// Distances a million times as long change nothing but their rounding.
TEST_F(FusedVamana, AnswersTheSameWhereVectorsAreAThousandTimesAsLong) {
  build_all(4000);
  const LabelRecall before = ask(3, 24);
  build_all(4000, 1000);
  const LabelRecall after = ask(3, 24);
  EXPECT_NEAR(after.recall, before.recall, 0.01);
  EXPECT_NEAR(after.distances, before.distances, 0.03 * before.distances);
}

TEST_F(FusedVamana, TakesAnglesToo) {
  build_all(4000, 1, Metric::kCosine);
  const LabelRecall all = ask(3, 24);
  EXPECT_GE(all.recall, 0.95);
  EXPECT_LE(all.distances, kShareMax);
  EXPECT_ERROR(create_index(fused_spec(Metric::kInnerProduct)), Code::kInvalidArgument, "not for metric ip");
}

/// Rows come that lie a hundred times as far apart as those before, with a value that none had; then half of
/// all go.
TEST_F(FusedVamana, KeepsItsWeightRightAsRowsComeAndGo) {
  build_all(1500);
  constexpr Label kNew = attribute(0, kValues);
  auto [more, asked] = rows_and_queries(clustered_vectors(3000 + kQueries, kDim, 30, seed_ + 7), kQueries);
  for (Vectors* vectors : {&more, &asked})
    for (float& x : vectors->data) x *= 100;
  Random random(seed_ + 3);
  for (size_t i = 0; i < more.rows; ++i) {
    labels_.push_back(random_attributes(random));
    if (i % 5 == 0) labels_.back()[0] = kNew;
  }
  rows_.data.insert(rows_.data.end(), more.data.begin(), more.data.end());
  rows_.rows += more.rows;
  ASSERT_OK(add_labeled(*index_, rows_, labels_, 1500, 3000));
  flat_ = build(spec_of("flat", Metric::kL2, kDim), rows_);
  for (Row row = 0; row < rows_.rows; row += 2) {
    ASSERT_OK(index_->remove(row));
    ASSERT_OK(flat_->remove(row));
  }
  EXPECT_GE(ask(3, 32).recall, 0.95) << "near the first rows";
  queries_ = std::move(asked);
  EXPECT_GE(ask(3, 32).recall, 0.95) << "near the others";
  const LabelQuery fresh{LabelMatch::kAll, {kNew}};
  const LabelRecall found = measure_labels(*index_, *flat_, rows_matching(labels_, fresh), fresh,
                                           FilterPlan::kLabels, queries_, 32);
  EXPECT_GE(found.recall, 0.95) << "the new value";
}

}  // namespace
}  // namespace kith::test

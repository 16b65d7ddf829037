// Goal: under a filter every plan on every graph kind answers with allowed live rows only, never with fewer
// than there are, and says truly what ran and what it cost. Method: random sets from none to all, with
// removed rows and rows not linked yet, against the flat kind over the same rows.
#include <future>

#include "index/graph/walk_plan.h"
#include "tests/index/graph/graph_disk_support.h"
#include "tests/support/seed.h"

namespace kith::test {
namespace {

constexpr FilterPlan kAllPlans[] = {FilterPlan::kAuto,   FilterPlan::kScan,   FilterPlan::kCodeScan,
                                    FilterPlan::kInline, FilterPlan::kTwoHop, FilterPlan::kPost};
constexpr const char* kGraphKinds[] = {"hnsw", "vamana", "nsw", "nsg", "nssg", "hcnng"};

RowSet random_rows(Row rows, double share, Random& random) {
  RowSet set;
  for (Row row = 0; row < rows; ++row)
    if (random.uniform() < share) set.add(row);
  return set;
}

SearchRequest under(const RowSet& allowed, FilterPlan plan, VectorView query, uint32_t k = 10,
                    uint32_t effort = 40) {
  SearchRequest request;
  request.query = query;
  request.k = k;
  request.effort = effort;
  request.allowed = &allowed;
  request.plan = plan;
  return request;
}

/// How many of the answer's rows are no farther than the last of the truth's.
size_t hits_of(const SearchAnswer& answer, const SearchAnswer& truth) {
  if (truth.neighbors.empty()) return 0;
  const float worst = truth.neighbors.back().distance;
  const float bound = worst + 1e-5f * std::abs(worst) + 1e-6f;
  return static_cast<size_t>(std::count_if(answer.neighbors.begin(), answer.neighbors.end(),
                                           [&](const Neighbor& n) { return n.distance <= bound; }));
}

/// Of equal vectors any will do, so rows are not compared; kernels round rows side by side another way.
void expect_same_distances(const SearchAnswer& a, const SearchAnswer& b) {
  ASSERT_EQ(a.neighbors.size(), b.neighbors.size());
  for (size_t i = 0; i < a.neighbors.size(); ++i) {
    const float distance = b.neighbors[i].distance;
    ASSERT_NEAR(a.neighbors[i].distance, distance, 1e-5f * std::abs(distance) + 1e-6f) << i;
  }
}

/// `flat` holds the same rows, of which the same were removed.
void expect_kept(const Index& index, const Index& flat, const SearchRequest& request) {
  ASSERT_VALUE(truth, flat.search(request));
  ASSERT_VALUE(answer, index.search(request));
  ASSERT_EQ(answer.neighbors.size(), truth.neighbors.size());
  EXPECT_TRUE(std::is_sorted(answer.neighbors.begin(), answer.neighbors.end()));
  RowSet seen;
  for (const Neighbor& neighbor : answer.neighbors) {
    EXPECT_TRUE(request.allowed->contains(neighbor.row)) << "row " << neighbor.row;
    EXPECT_FALSE(seen.contains(neighbor.row)) << "row " << neighbor.row << " twice";
    seen.add(neighbor.row);
  }
  SearchRequest among = request;  // that they are live, and their distances
  among.allowed = &seen;
  ASSERT_VALUE(exact, flat.search(among));
  expect_same_distances(answer, exact);
  EXPECT_NE(answer.plan, FilterPlan::kAuto);
  EXPECT_NE(answer.plan_begun, FilterPlan::kAuto);
  if (answer.plan == FilterPlan::kScan) expect_same_distances(answer, truth);
}

class FilterPlans : public testing::TestWithParam<const char*> {};

/// Rows 0..1,199 are linked, of which each seventh was removed; the last 200 wait, for the only thread that
/// would link them is busy.
TEST_P(FilterPlans, AnswerWithAllowedRowsAndNeverShort) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  constexpr size_t kLinked = 1200, kWaiting = 200;
  Vectors vectors = clustered_vectors(kLinked + kWaiting, 12, 9, seed);
  for (size_t i = 0; i < 60; ++i)  // equal vectors, of linked rows and waiting ones
    std::copy_n(vectors.row(3 * i), 12, vectors.data.begin() + static_cast<ptrdiff_t>(12 * (23 * i + 11)));
  ThreadPool pool(1);
  const auto flat = build(spec_of("flat", Metric::kL2, 12), vectors);
  ASSERT_VALUE(index, create_index(spec_of(GetParam(), Metric::kL2, 12, {}, &pool)));
  ASSERT_OK(add_part(*index, vectors, 0, kLinked));
  ASSERT_OK(find_index_kind(GetParam()).value()->settle(*index, Stop{}));
  std::promise<void> done;  // goes before the index, which waits for its linkers
  pool.submit([wait = done.get_future().share()] { wait.wait(); });
  ASSERT_OK(add_part(*index, vectors, kLinked, kWaiting));
  for (Row row = 0; row < kLinked + kWaiting; row += 7) {
    ASSERT_OK(index->remove(row));
    ASSERT_OK(flat->remove(row));
  }
  for (const double share : {0.0, 0.003, 0.02, 0.1, 0.3, 0.6, 0.95, 1.0}) {
    RowSet allowed = random_rows(kLinked + kWaiting, share, random);
    allowed.add(4'000'000);  // never added
    if (share == 0.02) allowed = RowSet::range(kLinked, kLinked + kWaiting);
    for (const FilterPlan plan : kAllPlans) {
      SCOPED_TRACE(testing::Message() << "share " << share << ", plan " << filter_plan_name(plan));
      expect_kept(*index, *flat, under(allowed, plan, vectors[random.below(vectors.rows)]));
      expect_kept(*index, *flat, under(allowed, plan, vectors[random.below(vectors.rows)], 1, 10));
      expect_kept(*index, *flat, under(allowed, plan, vectors[random.below(vectors.rows)], 4'000'000'000u));
    }
  }
  EXPECT_GT(index->stats().pending, 0u);
  done.set_value();
}

INSTANTIATE_TEST_SUITE_P(Kinds, FilterPlans, testing::ValuesIn(kGraphKinds),
                         [](const auto& kind) { return std::string(kind.param); });

/// The same of an index that walks on codes, with vectors in memory or on disk.
TEST(FilterPlansOnCodes, AnswerWithAllowedRowsAndNeverShort) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  Vectors vectors = clustered_vectors(5000, 32, 50, seed);
  for (size_t i = 0; i < 100; ++i)
    std::copy_n(vectors.row(3 * i), 32, vectors.data.begin() + static_cast<ptrdiff_t>(32 * (23 * i + 11)));
  MemoryFileSystem fs;
  const IndexOptions quick = {{"ef_construction", "40"}};
  const auto flat = build(spec_of("flat", Metric::kL2, 32), vectors);
  for (const IndexSpec& spec :
       {spec_of("vamana", Metric::kL2, 32, quick), disk_spec(fs, "hnsw", Metric::kL2, 32, quick)}) {
    const auto index = filled(spec, vectors);
    for (Row row = 0; row < 5000; row += 9) {
      ASSERT_OK(index->remove(row));
      ASSERT_OK(flat->remove(row));
    }
    size_t code_scans = 0, walks = 0;
    for (const double share : {0.0, 0.004, 0.05, 0.4, 1.0}) {
      const RowSet allowed = random_rows(5000, share, random);
      for (const FilterPlan plan : kAllPlans) {
        SCOPED_TRACE(testing::Message()
                     << spec.kind << ", share " << share << ", plan " << filter_plan_name(plan));
        const SearchRequest request = under(allowed, plan, vectors[random.below(vectors.rows)]);
        expect_kept(*index, *flat, request);
        ASSERT_VALUE(answer, index->search(request));
        code_scans += answer.plan == FilterPlan::kCodeScan;
        walks += answer.plan > FilterPlan::kCodeScan;
        EXPECT_TRUE(answer.plan != FilterPlan::kCodeScan || answer.stats.full_distances <= 100);
      }
    }
    EXPECT_GE(code_scans, 5u) << spec.kind;
    EXPECT_GE(walks, 3u) << spec.kind;
  }
}

/// 12,000 rows in 24 clusters; a class is 6 of them, so a quarter of the rows.
class FilterRecall : public testing::Test {
 protected:
  static constexpr size_t kRows = 12'000, kQueries = 60, kClusters = 24;
  static constexpr uint32_t kDim = 32;

  static void SetUpTestSuite() {
    auto set = rows_and_queries(clustered_vectors(kRows + kQueries, kDim, kClusters, seed_), kQueries);
    rows_ = std::move(set.first);
    queries_ = std::move(set.second);
    flat_ = build(spec_of("flat", Metric::kL2, kDim), rows_);
    index_ = build(spec_of("vamana", Metric::kL2, kDim, {{"ef_construction", "64"}}), rows_);
    for (Row row = 0; row < kRows; ++row) classes_[row % kClusters / 6].add(row);
    Random random(seed_);
    random_ = random_rows(kRows, 0.25, random);
    most_ = random_rows(kRows, 0.7, random);
  }
  static void TearDownTestSuite() {
    index_.reset();
    flat_.reset();
  }
  static size_t class_of(size_t query) { return (kRows + query) % kClusters / 6; }

  struct Found {
    double recall = 0;
    double work = 0;   // distances of both kinds, a query
    double asked = 0;  // of the set, a query
    size_t as_asked = 0;
  };
  template <typename AllowedOf>
  Found measure_plan(FilterPlan plan, AllowedOf allowed_of) {
    Found found;
    for (size_t i = 0; i < kQueries; ++i) {
      const SearchRequest request = under(allowed_of(i), plan, queries_[i], 10, 64);
      const auto truth = flat_->search(request);
      const auto answer = index_->search(request);
      EXPECT_OK(truth);
      EXPECT_OK(answer);
      EXPECT_EQ(answer->neighbors.size(), 10u);
      found.recall += static_cast<double>(hits_of(*answer, *truth)) / (10.0 * kQueries);
      found.work +=
          static_cast<double>(answer->stats.full_distances + answer->stats.code_distances) / kQueries;
      found.asked += static_cast<double>(answer->stats.predicate_evaluations) / kQueries;
      found.as_asked += answer->plan == plan;
    }
    std::printf("%s: recall %.3f, %.0f distances, %.0f asked, %zu of %zu as asked\n",
                std::string(filter_plan_name(plan)).c_str(), found.recall, found.work, found.asked,
                found.as_asked, kQueries);
    return found;
  }

  static inline const uint64_t seed_ = test_seed(20261122);
  testing::ScopedTrace trace_{__FILE__, __LINE__, "KITH_SEED=" + std::to_string(seed_)};
  static inline Vectors rows_, queries_;
  static inline std::unique_ptr<Index> flat_, index_;
  static inline RowSet classes_[4], random_, most_;
};

TEST_F(FilterRecall, OfEachPlanWhereItIsGood) {
  const auto own = [&](size_t i) -> const RowSet& { return classes_[class_of(i)]; };
  const auto other = [&](size_t i) -> const RowSet& { return classes_[(class_of(i) + 1) % 4]; };
  const auto any = [&](size_t) -> const RowSet& { return random_; };
  const auto most = [&](size_t) -> const RowSet& { return most_; };
  for (const FilterPlan plan : kAllPlans) {  // whatever it turns into
    EXPECT_GE(measure_plan(plan, own).recall, 0.95);
    EXPECT_GE(measure_plan(plan, any).recall, 0.95);
    EXPECT_GE(measure_plan(plan, other).recall, 0.9);
  }
  EXPECT_NEAR(measure_plan(FilterPlan::kScan, any).recall, 1.0, 1e-9);
  EXPECT_GE(measure_plan(FilterPlan::kCodeScan, other).recall, 0.97);
  for (const FilterPlan plan : {FilterPlan::kInline, FilterPlan::kPost}) {
    const Found found = measure_plan(plan, most);
    EXPECT_GE(found.recall, 0.95);
    EXPECT_GE(found.as_asked, kQueries * 9 / 10) << "where most rows pass it need not turn into a scan";
    EXPECT_LE(found.work, kRows / 4);
  }
}

/// ACORN-1's measure: at most eight times the distances of an index of the allowed rows alone.
TEST_F(FilterRecall, TwoHopsMeasureAllowedRowsAloneAndFewOfThem) {
  for (const RowSet* allowed : {&random_, &classes_[0]}) {
    Vectors part;
    part.dim = kDim;
    allowed->for_each([&](Row row) {
      part.data.insert(part.data.end(), rows_.row(row), rows_.row(row) + kDim);
      ++part.rows;
      return true;
    });
    const auto oracle = build(spec_of("vamana", Metric::kL2, kDim, {{"ef_construction", "64"}}), part);
    const auto reference = build(spec_of("flat", Metric::kL2, kDim), part);
    const Measured best = measure(*oracle, *reference, queries_, 64);
    const Found found = measure_plan(FilterPlan::kTwoHop, [&](size_t) -> const RowSet& { return *allowed; });
    EXPECT_GE(found.as_asked, kQueries * 9 / 10) << "it need not turn into a scan";
    EXPECT_GE(found.recall, 0.9);
    EXPECT_LE(found.work, 8 * (best.codes + best.distances));
    EXPECT_GT(found.asked, found.work) << "what is measured was asked of the set, and so was the rest";
  }
}

/// The rows allowed lie elsewhere than the query: a walk that cannot find them costs no more than their scan.
TEST_F(FilterRecall, NoWalkCostsMoreThanTwoScans) {
  const auto other = [&](size_t i) -> const RowSet& { return classes_[(class_of(i) + 2) % 4]; };
  for (const FilterPlan plan : kAllPlans) {
    for (size_t i = 0; i < kQueries; ++i) {
      ASSERT_VALUE(answer, index_->search(under(other(i), plan, queries_[i], 10, 64)));
      const double matches = static_cast<double>(other(i).size());
      EXPECT_LE(static_cast<double>(answer.stats.full_distances + answer.stats.code_distances),
                2 * matches + 600)
          << filter_plan_name(plan) << " ended as " << filter_plan_name(answer.plan);
      EXPECT_EQ(answer.plan_begun == answer.plan || plan >= FilterPlan::kInline || plan == FilterPlan::kAuto,
                true);
    }
  }
}

TEST_F(FilterRecall, CountsWhatItAsks) {
  SearchRequest request = under(random_, FilterPlan::kScan, queries_[0]);
  ASSERT_VALUE(scan, index_->search(request));
  EXPECT_EQ(scan.stats.predicate_evaluations, random_.size());
  EXPECT_EQ(scan.stats.full_distances, random_.size());
  EXPECT_EQ(scan.stats.hops, 0u);
  request.plan = FilterPlan::kCodeScan;
  ASSERT_VALUE(codes, index_->search(request));
  EXPECT_EQ(codes.stats.code_distances, random_.size());
  request.plan = FilterPlan::kInline;
  ASSERT_VALUE(walk, index_->search(request));
  EXPECT_EQ(walk.plan, FilterPlan::kInline);
  EXPECT_GT(walk.stats.predicate_evaluations, 0u);
  EXPECT_GT(walk.stats.hops, 0u);
  request.allowed = nullptr;
  ASSERT_VALUE(all, index_->search(request));
  EXPECT_EQ(all.stats.predicate_evaluations, 0u);
  EXPECT_EQ(all.plan, FilterPlan::kAuto);
}

TEST_F(FilterRecall, BatchesShareTheBitsAndAnswerAsOneByOne) {
  const IndexKind* kind = find_index_kind("vamana").value();
  const RowBits bits(most_);
  for (const RowBits* given : {static_cast<const RowBits*>(nullptr), &bits}) {
    SearchRequest request = under(most_, FilterPlan::kAuto, queries_[0]);
    request.allowed_bits = given;
    ASSERT_VALUE(batch, kind->search_batch(*index_, queries_.block(), request));
    for (size_t i = 0; i < kQueries; ++i) {
      request.query = queries_[i];
      ASSERT_VALUE(single, index_->search(request));
      EXPECT_GE(single.plan, FilterPlan::kInline);
      expect_same(batch[i], single);
      EXPECT_EQ(batch[i].stats.predicate_evaluations, single.stats.predicate_evaluations);
    }
  }
}

/// Estimates that tell nothing: clusters far tighter than they are from each other. Every plan turns to full
/// vectors.
TEST(FilterPlansOnCodes, BlurredCodesAreNotTrusted) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Vectors vectors = clustered_vectors(5000, 32, 2, seed);
  for (float& x : vectors.data) x *= 1e-3f;
  for (size_t i = 0; i < vectors.rows; i += 2) vectors.data[i * 32] += 50;
  const auto index = build(spec_of("vamana", Metric::kL2, 32, {{"ef_construction", "40"}}), vectors);
  const auto flat = build(spec_of("flat", Metric::kL2, 32), vectors);
  Random random(seed);
  const RowSet allowed = random_rows(5000, 0.3, random);
  for (const FilterPlan plan : kAllPlans) {
    size_t hits = 0;
    for (size_t i = 0; i < 20; ++i) {
      const SearchRequest request = under(allowed, plan, vectors[random.below(5000)], 10, 64);
      expect_kept(*index, *flat, request);
      ASSERT_VALUE(truth, flat->search(request));
      ASSERT_VALUE(answer, index->search(request));
      EXPECT_NE(answer.plan, FilterPlan::kCodeScan);
      hits += hits_of(answer, truth);
    }
    EXPECT_GE(hits, 180u) << filter_plan_name(plan);
  }
}

TEST(WalkPlan, ChoosesBySelectivityAndCost) {
  const auto choice = [](uint64_t nodes, uint64_t matches, bool codes = true, uint64_t k = 10) {
    return first_plan(FilterPlan::kAuto, {nodes, matches, k, 64, codes});
  };
  EXPECT_EQ(choice(1'000'000, 0), FilterPlan::kScan);
  EXPECT_EQ(choice(1'000'000, 15), FilterPlan::kScan) << "so few are measured exactly";
  EXPECT_EQ(choice(1'000'000, 2'000), FilterPlan::kCodeScan);
  EXPECT_EQ(choice(1'000'000, 2'000, false), FilterPlan::kScan);
  EXPECT_EQ(choice(1'000'000, 300'000), FilterPlan::kInline);
  EXPECT_EQ(choice(1'000'000, 950'000), FilterPlan::kPost);
  EXPECT_EQ(choice(1'000'000, 300'000, true, 1'000'000), FilterPlan::kScan) << "all are asked for";
  EXPECT_EQ(first_plan(FilterPlan::kCodeScan, {1000, 500, 10, 64, false}), FilterPlan::kScan);
  PlanInput labels{1'000'000, 500'000, 10, 64, true};  // which there are no edges for
  EXPECT_EQ(first_plan(FilterPlan::kLabels, labels), FilterPlan::kInline);
  labels.fallback = FilterPlan::kCodeScan;
  EXPECT_EQ(first_plan(FilterPlan::kLabels, labels), FilterPlan::kCodeScan) << "as whoever asks expects";
  EXPECT_EQ(next_plan(FilterPlan::kAuto, FilterPlan::kInline, {1'000'000, 300'000, 10, 64, true}),
            FilterPlan::kTwoHop);
  EXPECT_EQ(next_plan(FilterPlan::kAuto, FilterPlan::kTwoHop, {1'000'000, 300'000, 10, 64, true}),
            FilterPlan::kCodeScan);
  EXPECT_EQ(next_plan(FilterPlan::kInline, FilterPlan::kCodeScan, {1'000'000, 300'000, 10, 64, true}),
            FilterPlan::kScan);
  // Widths grow as rows get rarer, and hold k at least; nothing overflows.
  for (const uint64_t matches : {uint64_t{1}, uint64_t{1000}, uint64_t{500'000}, uint64_t{1'000'000}}) {
    for (const uint64_t k : {uint64_t{1}, uint64_t{100}, uint64_t{4'000'000'000}}) {
      const PlanInput input{1'000'000, matches, k, 64, true};
      EXPECT_GE(inline_width(input), std::min<uint64_t>(k, 64));
      EXPECT_GE(post_width(input), std::min<uint64_t>(k, 64));
      EXPECT_LE(post_width(input), 1'000'000u);
      EXPECT_LE(code_scan_width(input), 1'000'000u);
      EXPECT_GE(walk_budget(FilterPlan::kAuto, FilterPlan::kInline, input), std::min<uint64_t>(matches, 64));
    }
  }
  EXPECT_GT(post_width({1'000'000, 10'000, 10, 64, true}), post_width({1'000'000, 100'000, 10, 64, true}));
}

}  // namespace
}  // namespace kith::test

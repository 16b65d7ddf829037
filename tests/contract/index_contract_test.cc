// Goal: every registered kind keeps the contract of index/index.h for every metric and element type it
// accepts. Method: one set of tests, run over kind x metric x type, against distances computed naively in
// double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/io/memory_file_system.h"
#include "index/registry.h"
#include "tests/support/result_matchers.h"
#include "tests/support/vectors.h"

namespace kith {
namespace {

using test::test_seed;

struct Case {
  const IndexKind* kind;
  Metric metric;
  ScalarType type;
};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const IndexKind* kind : index_kinds())
    for (size_t metric = 0; metric < kMetrics; ++metric)
      for (size_t type = 0; type < kScalarTypes; ++type)
        if (validate_metric(static_cast<Metric>(metric), static_cast<ScalarType>(type)).ok())
          cases.push_back({kind, static_cast<Metric>(metric), static_cast<ScalarType>(type)});
  return cases;
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  return std::string(info.param.kind->name) + "_" + std::string(metric_name(info.param.metric)) + "_" +
         std::string(scalar_name(info.param.type));
}

constexpr uint32_t kDim = 40;
constexpr size_t kRows = 700;
constexpr size_t kQueries = 12;

class IndexContract : public testing::TestWithParam<Case> {
 protected:
  /// Small whole numbers: exact in every element type, and full of ties.
  void SetUp() override {
    const ScalarType type = GetParam().type;
    Random random(seed_);
    for (size_t i = 0; i < kRows + kQueries; ++i) {
      std::vector<float> vector(kDim);
      for (float& x : vector) {
        const double value = type == ScalarType::kBit  ? static_cast<double>(random.below(2))
                             : type == ScalarType::kU8 ? static_cast<double>(random.below(200))
                                                       : std::round(random.normal() * 30);
        x = static_cast<float>(std::clamp(value, -127.0, 255.0));
      }
      values_.push_back(vector);
      ASSERT_OK(from_f32(vector.data(), kDim, type, grow(stored_, vector_bytes(type, kDim))));
      const ScalarType query = query_type(type);
      ASSERT_OK(from_f32(vector.data(), kDim, query, grow(queries_, vector_bytes(query, kDim))));
    }
    for (size_t i = 0; i < kRows; ++i) rows_.push_back(static_cast<Row>(3 * i + 5));  // rows with holes
  }

  static std::byte* grow(std::vector<std::byte>& bytes, size_t by) {
    bytes.resize(bytes.size() + by);
    return bytes.data() + bytes.size() - by;
  }

  IndexSpec spec() const {
    IndexSpec spec;
    spec.kind = GetParam().kind->name;
    spec.metric = GetParam().metric;
    spec.type = GetParam().type;
    spec.dim = kDim;
    return spec;
  }

  VectorBlock block(size_t first, size_t count) const {
    const size_t bytes = vector_bytes(GetParam().type, kDim);
    return {stored_.data() + first * bytes, GetParam().type, kDim, count};
  }
  VectorView query(size_t i) const {
    const ScalarType type = query_type(GetParam().type);
    return {queries_.data() + (kRows + i) * vector_bytes(type, kDim), type, kDim};
  }

  std::unique_ptr<Index> filled() {
    auto created = create_index(spec());
    EXPECT_OK(created);
    std::unique_ptr<Index> index = std::move(created).value();
    EXPECT_OK(index->add(std::span(rows_).first(300), block(0, 300)));
    EXPECT_OK(index->add(std::span(rows_).subspan(300), block(300, kRows - 300)));
    return index;
  }

  double distance(size_t query, size_t row) const {
    const std::vector<float>& a = values_[kRows + query];
    const std::vector<float>& b = values_[row];
    double l2 = 0, dot = 0, aa = 0, bb = 0;
    for (size_t d = 0; d < kDim; ++d) {
      l2 += (double{a[d]} - b[d]) * (double{a[d]} - b[d]);
      dot += double{a[d]} * b[d];
      aa += double{a[d]} * a[d];
      bb += double{b[d]} * b[d];
    }
    switch (GetParam().metric) {
      case Metric::kL2:
        return l2;
      case Metric::kInnerProduct:
        return -dot;
      case Metric::kCosine:
        return aa == 0 || bb == 0 ? 1 : 1 - dot / std::sqrt(aa * bb);
      case Metric::kHamming:
        return l2;  // of 0 and 1
    }
    return 0;
  }

  /// Distances of the rows in `among` to a query, ascending.
  std::vector<double> truth(size_t query, const std::set<size_t>& among) const {
    std::vector<double> all;
    for (const size_t row : among) all.push_back(distance(query, row));
    std::sort(all.begin(), all.end());
    return all;
  }

  static std::set<size_t> everything() {
    std::set<size_t> all;
    for (size_t i = 0; i < kRows; ++i) all.insert(i);
    return all;
  }

  double slack(double distance) const { return 1e-3 * std::abs(distance) + 1e-5; }

  /// Checks form and distances of an answer and returns how many of its rows belong to the k nearest.
  size_t check(size_t query, const SearchAnswer& answer, uint32_t k, const std::set<size_t>& among) const {
    const std::vector<double> exact = truth(query, among);
    const size_t wanted = std::min<size_t>(k, exact.size());
    EXPECT_EQ(answer.neighbors.size(), wanted);
    EXPECT_TRUE(std::is_sorted(answer.neighbors.begin(), answer.neighbors.end()));
    std::set<Row> seen;
    size_t hits = 0;
    for (const Neighbor& neighbor : answer.neighbors) {
      EXPECT_TRUE(seen.insert(neighbor.row).second) << "row " << neighbor.row << " twice";
      const size_t at = (neighbor.row - 5) / 3;
      EXPECT_TRUE(among.contains(at)) << "row " << neighbor.row << " may not be returned";
      EXPECT_NEAR(neighbor.distance, distance(query, at), slack(distance(query, at)));
      hits += neighbor.distance <= exact[wanted - 1] + slack(exact[wanted - 1]);
    }
    return hits;
  }

  void expect_good(const Index& index, uint32_t k, const std::set<size_t>& among,
                   const RowSet* allowed = nullptr) {
    size_t hits = 0, wanted = 0;
    for (size_t i = 0; i < kQueries; ++i) {
      SearchRequest request;
      request.query = query(i);
      request.k = k;
      request.effort = 60;
      request.allowed = allowed;
      const auto answer = index.search(request);
      ASSERT_OK(answer);
      hits += check(i, *answer, k, among);
      wanted += std::min<size_t>(k, among.size());
      EXPECT_GT(answer->stats.full_distances, 0u);
    }
    EXPECT_GE(static_cast<double>(hits), (GetParam().kind->exact ? 1.0 : 0.9) * static_cast<double>(wanted));
  }

  uint64_t seed_ = test_seed(20240611);
  testing::ScopedTrace trace_{__FILE__, __LINE__, "KITH_SEED=" + std::to_string(seed_)};
  std::vector<std::vector<float>> values_;
  std::vector<std::byte> stored_, queries_;
  std::vector<Row> rows_;
};

TEST_P(IndexContract, FindsTheNearest) {
  const auto index = filled();
  EXPECT_EQ(index->stats().rows, kRows);
  EXPECT_EQ(index->stats().pending, 0u);
  EXPECT_GE(index->memory().vector_bytes, kRows * vector_bytes(GetParam().type, kDim));
  for (const uint32_t k : {1u, 10u, 100u}) expect_good(*index, k, everything());
}

TEST_P(IndexContract, ReturnsAllRowsWhenAskedForMore) {
  const auto index = filled();
  expect_good(*index, kRows, everything());
  expect_good(*index, 4'000'000'000u, everything());
}

TEST_P(IndexContract, EmptyIndexAnswersNothing) {
  ASSERT_VALUE(index, create_index(spec()));
  SearchRequest request;
  request.query = query(0);
  const auto answer = index->search(request);
  ASSERT_OK(answer);
  EXPECT_TRUE(answer->neighbors.empty());
  EXPECT_OK(index->add({}, block(0, 0)));
  EXPECT_OK(index->remove(7));
}

TEST_P(IndexContract, NeverReturnsRemovedRows) {
  const auto index = filled();
  std::set<size_t> left = everything();
  for (size_t i = 0; i < kRows; ++i) {
    if (i % 7 == 0) continue;
    ASSERT_OK(index->remove(rows_[i]));
    ASSERT_OK(index->remove(rows_[i]));      // again: ignored
    ASSERT_OK(index->remove(rows_[i] + 1));  // unknown: ignored
    left.erase(i);
    if (i % 100 == 99) expect_good(*index, 10, left);
  }
  EXPECT_EQ(index->stats().rows, left.size());
  EXPECT_EQ(index->stats().removed, kRows - left.size());
  expect_good(*index, 10, left);
  expect_good(*index, kRows, left);
}

TEST_P(IndexContract, KeepsToAllowedRows) {
  const auto index = filled();
  for (const size_t step : {2u, 10u, 100u, 699u}) {
    RowSet allowed;
    std::set<size_t> among;
    allowed.add(1);          // never added
    allowed.add(4'000'000);  // nor that
    for (size_t i = 0; i < kRows; i += step) {
      allowed.add(rows_[i]);
      among.insert(i);
    }
    ASSERT_OK(index->remove(rows_[0]));
    among.erase(0);
    expect_good(*index, 10, among, &allowed);
    expect_good(*index, kRows, among, &allowed);
  }
  RowSet nothing;
  SearchRequest request;
  request.query = query(0);
  request.allowed = &nothing;
  const auto answer = index->search(request);
  ASSERT_OK(answer);
  EXPECT_TRUE(answer->neighbors.empty());
}

TEST_P(IndexContract, RangeSearchFindsWhatIsWithinTheRadius) {
  if (GetParam().kind->range_search == nullptr) GTEST_SKIP() << "the kind has no range search";
  const auto index = filled();
  size_t found = 0, wanted = 0;
  for (size_t i = 0; i < kQueries; ++i) {
    const std::vector<double> exact = truth(i, everything());
    RangeRequest request;
    request.query = query(i);
    request.effort = 60;
    request.radius = static_cast<float>((exact[40] + exact[41]) / 2);
    const double radius = request.radius;
    const auto answer = GetParam().kind->range_search(*index, request);
    ASSERT_OK(answer);
    for (const Neighbor& neighbor : answer->neighbors) EXPECT_LE(neighbor.distance, request.radius);
    EXPECT_TRUE(std::is_sorted(answer->neighbors.begin(), answer->neighbors.end()));
    found += answer->neighbors.size();
    wanted +=
        static_cast<size_t>(std::count_if(exact.begin(), exact.end(), [&](double d) { return d <= radius; }));
    request.rows_max = 5;
    const auto few = GetParam().kind->range_search(*index, request);
    ASSERT_OK(few);
    check(i, *few, 5, everything());
    request.radius = static_cast<float>(exact[0] - std::abs(exact[0]) * 0.5 - 1);
    const auto none = GetParam().kind->range_search(*index, request);
    ASSERT_OK(none);
    EXPECT_TRUE(none->neighbors.empty());
  }
  EXPECT_NEAR(
      static_cast<double>(found), static_cast<double>(wanted),
      GetParam().kind->exact ? 0.02 * static_cast<double>(wanted) : 0.1 * static_cast<double>(wanted));
}

TEST_P(IndexContract, BatchAnswersAsOneByOne) {
  if (GetParam().kind->search_batch == nullptr) GTEST_SKIP() << "the kind has no batch search";
  ThreadPool pool(2);
  for (ThreadPool* with : {static_cast<ThreadPool*>(nullptr), &pool}) {
    IndexSpec pooled = spec();
    pooled.pool = with;
    ASSERT_VALUE(index, create_index(pooled));
    ASSERT_OK(index->add(rows_, block(0, kRows)));
    if (GetParam().kind->settle != nullptr) {
      ASSERT_OK(GetParam().kind->settle(*index, Stop{}));
    }
    ASSERT_OK(index->remove(rows_[17]));
    const VectorView first = query(0);
    SearchRequest request;
    request.effort = 60;
    const auto batch =
        GetParam().kind->search_batch(*index, {first.data, first.type, first.dim, kQueries}, request);
    ASSERT_OK(batch);
    ASSERT_EQ(batch->size(), kQueries);
    for (size_t i = 0; i < kQueries; ++i) {
      request.query = query(i);
      const auto single = index->search(request);
      ASSERT_OK(single);
      ASSERT_EQ(single->neighbors.size(), (*batch)[i].neighbors.size());
      for (size_t j = 0; j < single->neighbors.size(); ++j)
        EXPECT_NEAR(single->neighbors[j].distance, (*batch)[i].neighbors[j].distance,
                    slack(single->neighbors[j].distance));
    }
  }
}

TEST_P(IndexContract, OpensWhatItWrote) {
  const auto index = filled();
  for (size_t i = 0; i < kRows; i += 5) ASSERT_OK(index->remove(rows_[i]));
  MemoryFileSystem fs;
  ASSERT_OK(fs.make_directories("d"));
  ASSERT_OK(index->checkpoint(fs, "d/one"));
  ASSERT_VALUE(opened, GetParam().kind->open(fs, "d/one", nullptr));
  EXPECT_EQ(opened->stats().rows, index->stats().rows);
  EXPECT_EQ(opened->stats().removed, index->stats().removed);
  for (size_t i = 0; i < kQueries; ++i) {
    SearchRequest request;
    request.query = query(i);
    request.effort = 40;
    const auto before = index->search(request);
    const auto after = opened->search(request);
    ASSERT_OK(before);
    ASSERT_OK(after);
    ASSERT_EQ(before->neighbors.size(), after->neighbors.size());
    for (size_t j = 0; j < before->neighbors.size(); ++j) {
      EXPECT_EQ(before->neighbors[j].row, after->neighbors[j].row);
      EXPECT_EQ(before->neighbors[j].distance, after->neighbors[j].distance);
    }
    EXPECT_EQ(before->stats.full_distances, after->stats.full_distances);
  }
  ASSERT_OK(opened->checkpoint(fs, "d/two"));
  ASSERT_VALUE(one, fs.open("d/one"));
  ASSERT_VALUE(two, fs.open("d/two"));
  ASSERT_EQ(one->size(), two->size());
  std::vector<std::byte> a(one->size()), b(two->size());
  ASSERT_OK(one->read(0, a));
  ASSERT_OK(two->read(0, b));
  EXPECT_EQ(a, b) << "the same state, other bytes";
  // An opened index grows on.
  const Row next = rows_.back() + 1;
  ASSERT_OK(opened->add(std::span(&next, 1), block(0, 1)));
  EXPECT_EQ(opened->stats().rows, index->stats().rows + 1);
}

TEST_P(IndexContract, RefusesDamagedFiles) {
  ASSERT_VALUE(index, create_index(spec()));
  ASSERT_OK(index->add(std::span(rows_).first(60), block(0, 60)));
  MemoryFileSystem fs;
  ASSERT_OK(fs.make_directories("d"));
  ASSERT_OK(index->checkpoint(fs, "d/good"));
  ASSERT_VALUE(good, fs.open("d/good"));
  std::vector<std::byte> bytes(good->size());
  ASSERT_OK(good->read(0, bytes));
  const auto open_with = [&](std::span<const std::byte> content) {
    EXPECT_OK(write_file_atomically(fs, "d/bad", content));
    return GetParam().kind->open(fs, "d/bad", nullptr);
  };
  ASSERT_OK(open_with(bytes));
  for (size_t length = 0; length < bytes.size(); length += 1 + bytes.size() / 97)
    EXPECT_ERROR(open_with(std::span(bytes).first(length)), Code::kCorruption, "d/bad");
  Random random(seed_);
  for (int i = 0; i < 200; ++i) {
    std::vector<std::byte> damaged = bytes;
    const size_t at = i < 80 ? bytes.size() - 1 - static_cast<size_t>(i) : random.below(bytes.size());
    damaged[at] ^= static_cast<std::byte>(1u << random.below(8));
    EXPECT_ERROR(open_with(damaged), Code::kCorruption, "d/bad") << "bit of byte " << at;
  }
  EXPECT_ERROR(GetParam().kind->open(fs, "d/none", nullptr), Code::kNotFound, "d/none");
}

TEST_P(IndexContract, RefusesWrongRequests) {
  const auto index = filled();
  const VectorView good = query(0);
  SearchRequest request;
  request.query = {good.data, good.type, kDim - 8};
  EXPECT_ERROR(index->search(request), Code::kInvalidArgument, "32 dimensions");
  request.query = {good.data, good.type == ScalarType::kI8 ? ScalarType::kU8 : ScalarType::kI8, kDim};
  EXPECT_ERROR(index->search(request), Code::kInvalidArgument, "");
  request.query = good;
  request.k = 0;
  EXPECT_ERROR(index->search(request), Code::kInvalidArgument, "k is 0");
  request.k = 10;
  request.stop.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_ERROR(index->search(request), Code::kDeadlineExceeded, "deadline");
  EXPECT_ERROR(index->add(std::span(rows_).first(2), block(0, 2)), Code::kInvalidArgument, "row 5");
  const Row twice[] = {9000, 9000};
  EXPECT_ERROR(index->add(twice, block(0, 2)), Code::kInvalidArgument, "row 9000");
  EXPECT_ERROR(index->add(std::span(twice).first(1), block(0, 2)), Code::kInvalidArgument,
               "1 rows for 2 vectors");
  EXPECT_EQ(index->stats().rows, kRows) << "a refused call changed something";
  IndexSpec wrong = spec();
  wrong.dim = 0;
  EXPECT_ERROR(create_index(wrong), Code::kInvalidArgument, "dim is 0");
  wrong.dim = 65'536;
  EXPECT_ERROR(create_index(wrong), Code::kInvalidArgument, "65536");
  wrong = spec();
  wrong.options = {{"colour", "blue"}};
  EXPECT_ERROR(create_index(wrong), Code::kInvalidArgument, "colour");
  wrong = spec();
  wrong.metric = spec().metric == Metric::kHamming ? Metric::kL2 : Metric::kHamming;
  EXPECT_ERROR(create_index(wrong), Code::kInvalidArgument, "");
}

INSTANTIATE_TEST_SUITE_P(AllKinds, IndexContract, testing::ValuesIn(all_cases()), case_name);

TEST(IndexRegistry, NamesTheKindsItHas) {
  EXPECT_ERROR(find_index_kind("hsnw"), Code::kNotFound, "flat, hnsw");
  std::set<std::string_view> names;
  for (const IndexKind* kind : index_kinds()) {
    EXPECT_TRUE(names.insert(kind->name).second) << kind->name << " twice";
    EXPECT_NE(kind->create, nullptr);
    EXPECT_NE(kind->open, nullptr);
    EXPECT_EQ(find_index_kind(kind->name).value(), kind);
  }
}

}  // namespace
}  // namespace kith

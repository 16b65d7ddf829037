// The fixture of the contract tests: rows and queries for one kind x metric x type, and the truth about them,
// computed naively in double.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "index/registry.h"
#include "tests/support/checkpoint_directory.h"
#include "tests/support/result_matchers.h"
#include "tests/support/vectors.h"

namespace kith {

using test::checkpoint_files;
using test::CheckpointDirectory;
using test::CheckpointFiles;
using test::test_seed;

struct Case {
  const IndexKind* kind;
  Metric metric;
  ScalarType type;
};

inline std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const IndexKind* kind : index_kinds())
    for (size_t metric = 0; metric < kMetrics; ++metric)
      for (size_t type = 0; type < kScalarTypes; ++type)
        if (validate_metric(static_cast<Metric>(metric), static_cast<ScalarType>(type)).ok())
          cases.push_back({kind, static_cast<Metric>(metric), static_cast<ScalarType>(type)});
  return cases;
}

inline std::string case_name(const testing::TestParamInfo<Case>& info) {
  return std::string(info.param.kind->name) + "_" + std::string(metric_name(info.param.metric)) + "_" +
         std::string(scalar_name(info.param.type));
}

inline constexpr uint32_t kDim = 40;
inline constexpr size_t kRows = 700;
inline constexpr size_t kQueries = 12;

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
                   const RowSet* allowed = nullptr, FilterPlan plan = FilterPlan::kAuto) {
    size_t hits = 0, wanted = 0;
    for (size_t i = 0; i < kQueries; ++i) {
      SearchRequest request;
      request.query = query(i);
      request.k = k;
      request.effort = 60;
      request.allowed = allowed;
      request.plan = plan;
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

}  // namespace kith

// Goal: estimates are the distances to what codes stand for, codes have exactly their declared bytes, bounds
// hold at their rate, what is saved opens as the same code, and nothing that does not go together trains.
// Method: against distances in double over decoded vectors, for both metrics, even and uneven splits.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "tests/index/codes/pq_support.h"

namespace kith {
namespace {

using test::Coded;
using test::Vectors;

struct Shape {
  const char* name;
  uint32_t dim, bits, subvectors;
};

constexpr Shape kShapes[] = {{"pq", 32, 8, 8},  {"pq", 37, 8, 5},   {"pq", 32, 4, 16}, {"pq", 37, 4, 9},
                             {"pq", 20, 8, 20}, {"opq", 32, 8, 11}, {"opq", 24, 4, 7}, {"pq", 16, 8, 1}};
constexpr Metric kMetricsOfCodes[] = {Metric::kL2, Metric::kInnerProduct};

CodeSpec spec_of(const Shape& shape, Metric metric) {
  return test::code_spec(shape.name, metric, shape.dim, shape.bits, shape.subvectors);
}

std::string describe(const CodeSpec& spec) {
  return fmt::format("{} {} dim {} bits {} sub-vectors {}", spec.name, metric_name(spec.metric), spec.dim,
                     spec.bits, spec.subvectors);
}

/// Of L2, an estimate adds the mean error of the code.
void expect_estimates(const PqCode& code, const Coded& coded, const float* query, size_t count) {
  const uint32_t dim = code.spec().dim;
  std::vector<float> out(count + 1, -77.0f), decoded(dim);
  code.kernel()(coded.prepared(), coded.pointers().data(), count, dim, out.data());
  EXPECT_EQ(out[count], -77.0f);
  for (size_t i = 0; i < count; ++i) {
    code.decode(coded.row(i), decoded.data());
    const double exact = test::exact_distance(code.spec().metric, query, decoded.data(), dim) +
                         (code.spec().metric == Metric::kL2 ? code.mean_error() : 0);
    ASSERT_NEAR(out[i], exact, 1e-3 + 1e-5 * std::abs(exact)) << "row " << i << " of " << count;
  }
}

TEST(PqCode, EstimatesAreDistancesToDecodedVectors) {
  for (const Shape& shape : kShapes) {
    const Vectors vectors = test::clustered_vectors(600, shape.dim, 12, test::test_seed(41));
    const Vectors queries = test::normal_vectors(3, shape.dim, test::test_seed(42));
    for (const Metric metric : kMetricsOfCodes) {
      SCOPED_TRACE(describe(spec_of(shape, metric)));
      ASSERT_VALUE(code, test::train_pq(spec_of(shape, metric), vectors));
      Coded coded(*code, vectors);
      std::vector<float> stored(shape.dim);
      for (size_t count : {0u, 1u, 2u, 3u, 4u, 5u, 17u, 64u, 101u}) {
        const float* query = queries.row(count % 3);
        coded.prepare(query);
        expect_estimates(*code, coded, query, count);
        coded.prepare_stored(count);
        code->decode(coded.row(count), stored.data());
        expect_estimates(*code, coded, stored.data(), count);
      }
    }
  }
}

TEST(PqCode, TakesExactlyTheDeclaredBytes) {
  for (const Shape& shape : kShapes) {
    const Vectors vectors = test::normal_vectors(300, shape.dim, test::test_seed(51));
    ASSERT_VALUE(code, test::train_pq(spec_of(shape, Metric::kL2), vectors));
    ASSERT_EQ(code->bytes(), shape.bits == 8 ? shape.subvectors : (shape.subvectors + 1) / 2);
    std::vector<std::byte> first(code->bytes() + 8, std::byte{0xaa}),
        second(code->bytes() + 8, std::byte{0x55});
    for (size_t i = 0; i < 20; ++i) {
      code->encode(vectors.row(i), first.data() + 4);
      code->encode(vectors.row(i), second.data() + 4);
      EXPECT_TRUE(std::equal(first.begin() + 4, first.end() - 4, second.begin() + 4))
          << "every bit is written";
    }
    for (size_t guard : {size_t{0}, size_t{3}, first.size() - 4, first.size() - 1}) {
      EXPECT_EQ(first[guard], std::byte{0xaa});
      EXPECT_EQ(second[guard], std::byte{0x55});
    }
  }
}

TEST(PqCode, DefaultsAreAnEighthOfAByteADimension) {
  const Vectors vectors = test::normal_vectors(300, 100, test::test_seed(61));
  ASSERT_VALUE(code, test::train_pq(test::code_spec("pq", Metric::kL2, 100), vectors));
  EXPECT_EQ(code->spec().bits, 8u);
  EXPECT_EQ(code->spec().subvectors, 13u);
  ASSERT_VALUE(narrow, test::train_pq(test::code_spec("opq", Metric::kL2, 100, 4), vectors));
  EXPECT_EQ(narrow->spec().subvectors, 25u);
  EXPECT_EQ(narrow->bytes(), 13u);
}

/// How many of `pairs` vectors' estimates are within the bound, and the mean of bound over error.
struct Rates {
  double held = 0, slack = 0;
};
Rates rates_of(const PqCode& code, const Vectors& queries, const Vectors& vectors, size_t nearest,
               float sigmas) {
  const Metric metric = code.spec().metric;
  Coded coded(code, vectors);
  size_t held = 0, pairs = 0;
  double bounds = 0, errors = 0;
  for (size_t q = 0; q < queries.rows; ++q) {
    coded.prepare(queries.row(q));
    const std::vector<float> estimates = coded.estimates();
    std::vector<std::pair<double, size_t>> order;
    for (size_t i = 0; i < vectors.rows; ++i)
      order.emplace_back(test::exact_distance(metric, queries.row(q), vectors.row(i), vectors.dim), i);
    std::sort(order.begin(), order.end());
    order.resize(nearest);
    for (const auto& [exact, i] : order) {
      const double error = std::abs(estimates[i] - exact);
      const float bound = code.error_bound(coded.prepared(), coded.row(i), sigmas);
      held += error <= bound;
      bounds += bound;
      errors += error;
      ++pairs;
    }
  }
  return {static_cast<double>(held) / static_cast<double>(pairs), bounds / errors};
}

TEST(PqCode, ErrorBoundsHoldAtTheirRateForNearAndFarPairs) {
  for (const Shape& shape : {Shape{"pq", 64, 8, 8}, Shape{"pq", 60, 4, 16}, Shape{"opq", 64, 8, 8}}) {
    const Vectors all = test::clustered_vectors(5050, shape.dim, 20, test::test_seed(71));
    for (const Metric metric : kMetricsOfCodes) {
      SCOPED_TRACE(describe(spec_of(shape, metric)));
      ASSERT_VALUE(code, test::train_pq(spec_of(shape, metric), test::slice(all, 0, 4000)));
      const Vectors held_out = test::slice(all, 4000, 5000), queries = test::slice(all, 5000, 5050);
      for (const size_t nearest : {size_t{20}, held_out.rows}) {
        const Rates narrow = rates_of(*code, queries, held_out, nearest, 1.9f);
        const Rates wide = rates_of(*code, queries, held_out, nearest, 2.6f);
        EXPECT_GE(narrow.held, 0.944 - 0.015) << nearest << " nearest";
        EXPECT_GE(wide.held, 0.99 - 0.01) << nearest << " nearest";
        EXPECT_GT(wide.slack, narrow.slack);
        EXPECT_LT(narrow.slack, 5.0) << "a bound that is always far off says nothing";
      }
    }
  }
}

TEST(PqCode, TheSameVectorsGiveTheSameCode) {
  const Vectors vectors = test::clustered_vectors(5000, 16, 30, test::test_seed(81));
  for (const char* name : {"pq", "opq"}) {
    CodeSpec spec = test::code_spec(name, Metric::kL2, 16, 4, 8);
    ASSERT_VALUE(first, test::train_pq(spec, vectors));
    ASSERT_VALUE(second, test::train_pq(spec, vectors));
    EXPECT_EQ(first->save(), second->save());
    spec.seed = 7;
    ASSERT_VALUE(other, test::train_pq(spec, vectors));
    EXPECT_NE(first->save(), other->save());
  }
}

TEST(PqCode, OpensWhatItSaved) {
  for (const Shape& shape : kShapes) {
    const Vectors vectors = test::clustered_vectors(300, shape.dim, 12, test::test_seed(91));
    const CodeSpec spec = spec_of(shape, Metric::kInnerProduct);
    ASSERT_VALUE(code, test::train_pq(spec, vectors));
    ASSERT_VALUE(opened, PqCode::open(spec, code->save()));
    EXPECT_EQ(opened->save(), code->save());
    Coded before(*code, vectors), after(*opened, vectors);
    EXPECT_TRUE(std::ranges::equal(before.rows(), after.rows()));
    before.prepare(vectors.row(0));
    after.prepare(vectors.row(0));
    EXPECT_EQ(opened->error_bound(after.prepared(), after.row(0), 1.9f),
              code->error_bound(before.prepared(), before.row(0), 1.9f));
  }
}

TEST(PqCode, OpensForTheSpecOfItsTrainingOnly) {
  const Vectors vectors = test::clustered_vectors(100, 8, 5, test::test_seed(101));
  const CodeSpec spec = test::code_spec("opq", Metric::kL2, 8, 4, 3);
  ASSERT_VALUE(code, test::train_pq(spec, vectors));
  for (const CodeSpec& other :
       {test::code_spec("pq", Metric::kL2, 8, 4, 3), test::code_spec("opq", Metric::kInnerProduct, 8, 4, 3),
        test::code_spec("opq", Metric::kL2, 9, 4, 3), test::code_spec("opq", Metric::kL2, 8, 8, 3),
        test::code_spec("opq", Metric::kL2, 8, 4, 4)})
    EXPECT_ERROR(PqCode::open(other, code->save()), Code::kCorruption, "another spec") << describe(other);
}

TEST(PqCode, RefusesWhatDoesNotGoTogether) {
  Vectors vectors = test::normal_vectors(255, 8, test::test_seed(111));
  const auto refused = [&](const CodeSpec& spec, const char* part) {
    EXPECT_ERROR(test::train_pq(spec, vectors), Code::kInvalidArgument, part) << describe(spec);
  };
  refused(test::code_spec("pq", Metric::kL2, 8, 8, 2), "256 centroids, which need at least as many");
  refused(test::code_spec("pq", Metric::kCosine, 8, 4), "'cosine'");
  refused(test::code_spec("pq", Metric::kL2, 8, 4, 9), "subvectors is 9; use 1 to dim, which is 8");
  refused(test::code_spec("pq", Metric::kL2, 8, 5), "bits is 5; use 4");
  refused(test::code_spec("pq", Metric::kL2, 0, 4), "dim, which is 0");
  refused(test::code_spec("opq", Metric::kL2, 5000, 4), "dim is 5000; use 1 to 4096");
  vectors.data[17 * 8 + 3] = std::numeric_limits<float>::quiet_NaN();
  refused(test::code_spec("pq", Metric::kL2, 8, 4), "training vector 17 has the element nan at 3");
  vectors.data[17 * 8 + 3] = std::numeric_limits<float>::infinity();
  refused(test::code_spec("opq", Metric::kL2, 8, 4), "training vector 17 has the element inf");
}

TEST(PqCode, EqualVectorsAreExact) {
  Vectors vectors = test::normal_vectors(1, 12, test::test_seed(121));
  const std::vector<float> one = vectors.data;
  for (vectors.rows = 1; vectors.rows < 300; ++vectors.rows)
    vectors.data.insert(vectors.data.end(), one.begin(), one.end());
  const Vectors queries = test::normal_vectors(2, 12, test::test_seed(122));
  for (const char* name : {"pq", "opq"}) {
    ASSERT_VALUE(code, test::train_pq(test::code_spec(name, Metric::kL2, 12, 8, 4), vectors));
    EXPECT_LT(test::distortion(*code, vectors), 1e-6);
    Coded coded(*code, vectors);
    coded.prepare(queries.row(0));
    expect_estimates(*code, coded, queries.row(0), 3);
    EXPECT_LT(code->error_bound(coded.prepared(), coded.row(0), 3.0f), 0.05f);
  }
}

TEST(PqCode, NotANumberSortsLast) {
  const Vectors vectors = test::normal_vectors(300, 12, test::test_seed(131));
  for (const char* name : {"pq", "opq"}) {
    for (const Metric metric : kMetricsOfCodes) {
      ASSERT_VALUE(code, test::train_pq(test::code_spec(name, metric, 12, 4, 5), vectors));
      Coded coded(*code, vectors);
      std::vector<float> query(12, 1.0f);
      query[4] = std::numeric_limits<float>::quiet_NaN();
      coded.prepare(query.data());
      for (const float distance : coded.estimates())
        ASSERT_EQ(distance, std::numeric_limits<float>::infinity());
    }
  }
}

}  // namespace
}  // namespace kith

// Goal: RaBitQ's estimate is unbiased, its bound holds at the stated rate, its error falls as 1/sqrt(D) and
// by half with each bit, between two codes as well (systems.md B1.5 d). Method: 1e5 pairs of independent
// normal vectors against exact distances in double. Without the factor <o, o'> the first test fails: see its
// second half.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "index/codes/rabitq_layout.h"
#include "index/codes/rotation.h"
#include "tests/index/codes/code_support.h"

namespace kith {
namespace {

using test::Coded;
using test::Vectors;

/// What is measured over many pairs: of the error in units of its bound's standard deviation, and as it is.
struct Errors {
  double pairs = 0, sum = 0, squares = 0, within = 0, below = 0, bound_squares = 0;

  void add(double error, double bound_of_1_9_sigmas) {
    pairs += 1;
    sum += error;
    squares += error * error;
    within += std::abs(error) <= bound_of_1_9_sigmas;
    below += error <= bound_of_1_9_sigmas;
    bound_squares += bound_of_1_9_sigmas * bound_of_1_9_sigmas / (1.9 * 1.9);
  }
  double mean() const { return sum / pairs; }
  double deviation() const { return std::sqrt(squares / pairs); }
  double standard_error() const { return deviation() / std::sqrt(pairs); }
};

/// Standard normal elements moved by 1/2, so that the centre matters.
Vectors moved_vectors(size_t rows, uint32_t dim, uint64_t seed) {
  Vectors vectors = test::normal_vectors(rows, dim, seed);
  for (float& x : vectors.data) x += 0.5f;
  return vectors;
}

/// Of 10,000 independent pairs for each rotation.
Errors measure(Metric metric, uint32_t dim, uint32_t bits, uint64_t seed, int rotations) {
  Errors errors;
  for (int i = 0; i < rotations; ++i) {
    const Vectors base = moved_vectors(1000, dim, seed + 2 * i),
                  queries = moved_vectors(10, dim, seed + 2 * i + 1);
    const auto code = test::trained({"rabitq", metric, dim, bits, 0, seed + i}, base);
    Coded coded(*code, base);
    for (size_t q = 0; q < queries.rows; ++q) {
      coded.prepare(queries.row(q));
      const std::vector<float> estimates = coded.estimates();
      for (size_t r = 0; r < base.rows; ++r)
        errors.add(estimates[r] - test::exact_distance(metric, queries.row(q), base.row(r), dim),
                   code->error_bound(coded.prepared(), coded.row(r), 1.9f));
    }
  }
  return errors;
}

/// 10,000 pairs that lie on the same side of the centre: there an estimate that is too short or too long
/// shows.
struct CorrelatedPairs {
  Vectors base, queries;
  explicit CorrelatedPairs(uint64_t seed)
      : base(moved_vectors(10'000, 128, seed)), queries(test::normal_vectors(10'000, 128, seed + 1)) {
    for (size_t i = 0; i < base.data.size(); ++i)
      queries.data[i] = 0.8f * queries.data[i] + 0.6f * base.data[i];
  }
};

/// Of the estimates of pairs; `correction` multiplies each row's scale.
template <typename Correction>
void measure_pairs(const CorrelatedPairs& pairs, const VectorCode& code, const Correction& correction,
                   Errors* errors) {
  Coded coded(code, pairs.base);
  for (size_t r = 0; r < pairs.base.rows; ++r) {
    store_le(coded.row(r) + 4, load_le<float>(coded.row(r) + 4) * correction(coded.row(r)));
    coded.prepare(pairs.queries.row(r));
    const void* row = coded.row(r);
    float estimate;
    code.kernel()(coded.prepared(), &row, 1, 128, &estimate);
    errors->add(
        estimate - test::exact_distance(code.spec().metric, pairs.queries.row(r), pairs.base.row(r), 128), 0);
  }
}

testing::Message shown(const char* what, Metric metric, uint32_t bits, const Errors& errors) {
  return testing::Message() << what << ", " << metric_name(metric) << ", " << bits << " bits: mean "
                            << errors.mean() << " +- " << errors.standard_error() << ", deviation "
                            << errors.deviation() << ", predicted "
                            << std::sqrt(errors.bound_squares / errors.pairs);
}

TEST(Rabitq, EstimateIsUnbiased) {
  constexpr Metric kMetrics2[] = {Metric::kL2, Metric::kInnerProduct};
  Errors errors[2][9];
  for (uint64_t i = 0; i < 10; ++i) {
    const CorrelatedPairs pairs(test::test_seed(41) + 2 * i);
    for (int m = 0; m < 2; ++m)
      for (uint32_t bits = 1; bits <= 8; ++bits)
        measure_pairs(
            pairs, *test::trained({"rabitq", kMetrics2[m], 128, bits, 0, i}, pairs.base),
            [](const std::byte*) { return 1.0f; }, &errors[m][bits]);
  }
  for (int m = 0; m < 2; ++m)
    for (uint32_t bits = 1; bits <= 8; ++bits)
      EXPECT_LT(std::abs(errors[m][bits].mean()), 3 * errors[m][bits].standard_error())
          << shown("", kMetrics2[m], bits, errors[m][bits]);
}

// What the test above is worth: the estimate without <o, o'>, by the code as a unit vector times |r|, fails
// it.
TEST(Rabitq, EstimateWithoutTheCosineIsBiased) {
  const CorrelatedPairs pairs(test::test_seed(42));
  for (const uint32_t bits : {1u, 2u, 4u}) {
    const auto cosine = [bits](const std::byte* row) {  // |r| / |s v|
      std::vector<uint8_t> codes(128);
      kernels::unpack_codes(reinterpret_cast<const uint8_t*>(row + 8), bits, 128, codes.data());
      double norm = 0;
      for (const uint8_t code : codes) norm += std::pow(code - ((1 << bits) - 1) / 2.0, 2);
      return static_cast<float>(std::sqrt(load_le<float>(row) / norm) / load_le<float>(row + 4));
    };
    Errors errors;
    measure_pairs(pairs, *test::trained({"rabitq", Metric::kL2, 128, bits}, pairs.base), cosine, &errors);
    EXPECT_GT(std::abs(errors.mean()), 6 * errors.standard_error()) << shown("", Metric::kL2, bits, errors);
  }
}

TEST(Rabitq, BoundHoldsAtTheStatedRate) {
  for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
    for (uint32_t bits = 1; bits <= 8; ++bits) {
      const Errors errors = measure(metric, 128, bits, test::test_seed(43), 10);
      SCOPED_TRACE(shown("", metric, bits, errors));
      EXPECT_NEAR(errors.within / errors.pairs, 0.944, 0.01);
      EXPECT_NEAR(errors.below / errors.pairs, 0.972, 0.01);
    }
  }
}

// Few dimensions carry these vectors: without the rotation nearly all of a code would stand for nothing, and
// the errors of two vectors would lie in the same few dimensions.
TEST(Rabitq, BoundHoldsForSparseVectors) {
  for (const uint32_t bits : {1u, 4u}) {
    Errors errors;
    for (uint64_t i = 0; i < 20; ++i) {
      Vectors base = test::normal_vectors(500, 192, test::test_seed(49) + i);
      for (size_t e = 0; e < base.data.size(); ++e)
        if (e % 48 != 5) base.data[e] = 0;
      const auto code = test::trained({"rabitq", Metric::kL2, 192, bits, 0, i}, base);
      Coded coded(*code, base);
      for (size_t q = 0; q < 10; ++q) {
        coded.prepare(base.row(q));
        const std::vector<float> estimates = coded.estimates();
        for (size_t r = 10; r < base.rows; ++r)
          errors.add(estimates[r] - test::exact_distance(Metric::kL2, base.row(q), base.row(r), 192),
                     code->error_bound(coded.prepared(), coded.row(r), 1.9f));
      }
    }
    EXPECT_GE(errors.within / errors.pairs, 0.93) << shown("sparse", Metric::kL2, bits, errors);
  }
}

TEST(Rabitq, ErrorFallsByHalfWithEachBit) {
  double before = 0;
  for (uint32_t bits = 1; bits <= 8; ++bits) {
    const double deviation = measure(Metric::kL2, 256, bits, test::test_seed(44), 2).deviation();
    // The query's own rounding to bytes is as large as the error of 8 bits.
    if (bits > 1) {
      EXPECT_LT(deviation, before * (bits < 7 ? 0.6 : 0.75)) << bits << " bits";
    }
    before = deviation;
  }
}

TEST(Rabitq, ErrorFallsWithTheRootOfTheDimension) {
  for (const uint32_t bits : {1u, 4u}) {
    std::vector<double> x, y;
    for (const uint32_t dim : {64u, 128u, 256u, 512u, 1024u}) {
      x.push_back(std::log(dim));
      // Relative to |r| |q|, which grows with the dimension.
      y.push_back(std::log(measure(Metric::kL2, dim, bits, test::test_seed(45), 2).deviation() / dim));
    }
    double mx = 0, my = 0, xy = 0, xx = 0;
    for (size_t i = 0; i < x.size(); ++i) mx += x[i] / x.size(), my += y[i] / x.size();
    for (size_t i = 0; i < x.size(); ++i) xy += (x[i] - mx) * (y[i] - my), xx += (x[i] - mx) * (x[i] - mx);
    EXPECT_NEAR(xy / xx, -0.5, 0.1) << bits << " bits";
  }
}

/// 1 - cosine² of the best grid point of all, by passing every factor at which an element changes its step.
double least_squared_sine(const std::vector<float>& x, uint32_t bits) {
  struct Change {
    double factor;
    uint32_t at;
    bool operator<(const Change& other) const { return factor < other.factor; }
  };
  std::vector<Change> changes;
  double dot = 0, norm = 0, squares = 0;
  for (uint32_t i = 0; i < x.size(); ++i) {
    const double a = std::abs(x[i]);
    dot += 0.5 * a, norm += 0.25, squares += a * a;
    for (int step = 1; step < 1 << (bits - 1); ++step) changes.push_back({step / a, i});
  }
  std::sort(changes.begin(), changes.end());
  std::vector<double> values(x.size(), 0.5);
  double best = dot * dot / norm;
  for (const Change& change : changes) {
    norm += 2 * values[change.at] + 1;
    dot += std::abs(x[change.at]);
    values[change.at] += 1;
    best = std::max(best, dot * dot / norm);
  }
  return 1 - best / squares;
}

TEST(Rabitq, CodeIsNearlyTheBestGridPoint) {
  for (const uint32_t dim : {64u, 128u, 832u}) {
    const Vectors base = test::clustered_vectors(40, dim, 5, test::test_seed(46));
    for (uint32_t bits = 2; bits <= 6; ++bits) {
      const auto code = test::trained({"rabitq", Metric::kL2, dim, bits, 0, 7}, base);
      const Coded coded(*code, base);
      std::vector<double> mean(dim);
      for (size_t r = 0; r < base.rows; ++r)
        for (uint32_t d = 0; d < dim; ++d) mean[d] += base.row(r)[d] / static_cast<double>(base.rows);
      double ours = 0, least = 0;
      for (size_t r = 0; r < base.rows; ++r) {
        std::vector<float> x(dim);
        for (uint32_t d = 0; d < dim; ++d) x[d] = static_cast<float>(base.row(r)[d] - mean[d]);
        Rotation(dim, 7).apply(x.data());
        std::vector<uint8_t> codes(dim);
        kernels::unpack_codes(reinterpret_cast<const uint8_t*>(coded.row(r) + 8), bits, dim, codes.data());
        double dot = 0, norm = 0, squares = 0;
        for (uint32_t d = 0; d < dim; ++d) {
          const double value = codes[d] - ((1 << bits) - 1) / 2.0;
          dot += value * x[d], norm += value * value, squares += double{x[d]} * x[d];
        }
        ours += 1 - dot * dot / (norm * squares);
        least += least_squared_sine(x, bits);
      }
      EXPECT_LT(ours, 1.03 * least) << "dim " << dim << ", " << bits << " bits";
    }
  }
}

// Building a graph measures code against code.
TEST(Rabitq, StoredCodesServeAsQueries) {
  for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
    for (uint32_t bits = 1; bits <= 8; ++bits) {
      const Vectors base = moved_vectors(400, 128, test::test_seed(47));
      const auto code = test::trained({"rabitq", metric, 128, bits, 0, 3}, base);
      Coded coded(*code, base);
      double own = 0, errors = 0, typical = 0, bound = 0;
      for (size_t q = 0; q < 40; ++q) {
        coded.prepare_stored(q);
        const std::vector<float> stored = coded.estimates();
        own =
            std::max(own, std::abs(stored[q] - test::exact_distance(metric, base.row(q), base.row(q), 128)));
        for (size_t r = 0; r < base.rows; ++r) {
          if (r == q) continue;
          const double error = stored[r] - test::exact_distance(metric, base.row(q), base.row(r), 128);
          errors += error * error;
          bound += std::pow(code->error_bound(coded.prepared(), coded.row(r), 1), 2);
        }
        coded.prepare(base.row(q));
        const std::vector<float> estimates = coded.estimates();
        for (size_t r = 0; r < base.rows; ++r)
          if (r != q)
            typical +=
                std::pow(estimates[r] - test::exact_distance(metric, base.row(q), base.row(r), 128), 2);
      }
      SCOPED_TRACE(testing::Message() << metric_name(metric) << ", " << bits << " bits");
      // L2 knows |r| exactly; inner products know it by the mean cosine only.
      EXPECT_LT(own, metric == Metric::kL2 ? 0.05 : 128 * std::pow(0.6, 2 * bits));
      EXPECT_LT(std::sqrt(errors), 1.8 * std::sqrt(typical));
      EXPECT_LT(std::sqrt(bound), 1.2 * std::sqrt(errors));
    }
  }
}

TEST(Rabitq, DecodesToTheVectorWithinItsCosine) {
  const double squared_sines[] = {0, 0.37, 0.12, 0.036, 0.011, 0.0032, 0.0009, 0.00026, 0.00008};
  const Vectors base = moved_vectors(200, 256, test::test_seed(48));
  for (uint32_t bits = 1; bits <= 8; ++bits) {
    const auto code = test::trained({"rabitq", Metric::kL2, 256, bits, 0, 3}, base);
    const Coded coded(*code, base);
    double error = 0, norm = 0;
    std::vector<float> vector(256);
    for (size_t r = 0; r < base.rows; ++r) {
      code->decode(coded.row(r), vector.data());
      error += test::exact_distance(Metric::kL2, vector.data(), base.row(r), 256);
      norm += load_le<float>(coded.row(r));
    }
    EXPECT_LT(error / norm, 1.1 * squared_sines[bits]) << bits << " bits";
  }
}

TEST(Rabitq, BytesAreExactlyAsDeclared) {
  for (uint32_t bits = 1; bits <= 8; ++bits) {
    const Vectors base = test::normal_vectors(2, 200, 1);
    const auto code = test::trained({"rabitq", Metric::kL2, 200, bits, 0, 3}, base);
    ASSERT_EQ(code->bytes(), 8 + 256 * bits / 8);
    // encode writes all of them, prepare as many as it says, and neither writes more.
    for (const std::byte fill : {std::byte{0}, std::byte{255}}) {
      std::vector<std::byte> row(code->bytes() + 16, fill);
      code->encode(base.row(0), row.data());
      for (size_t i = code->bytes(); i < row.size(); ++i) ASSERT_EQ(row[i], fill);
    }
    AlignedBuffer prepared = AlignedBuffer::allocate(code->query_bytes() + 64).value();
    code->prepare(base.row(1), prepared.data());
    for (size_t i = code->query_bytes(); i < prepared.size(); ++i)
      ASSERT_EQ(prepared.data()[i], std::byte{0});
  }
}

TEST(Rabitq, VectorsWithoutDirectionOrEndKeepTheirPlace) {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinity = std::numeric_limits<float>::infinity();
  for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
    Vectors base = test::normal_vectors(1, 64, 1);
    const auto code = test::trained({"rabitq", metric, 64, 4, 0, 3}, base);
    base.data.insert(base.data.end(), 64 * 3, 1.0f);
    base.rows = 4;
    base.data[64] = nan;
    base.data[128] = infinity;
    base.data[192] = 1e30f;
    Coded coded(*code, base);
    coded.prepare(base.row(0));  // the centre itself: rows and query without a direction
    const std::vector<float> out = coded.estimates();
    EXPECT_NEAR(out[0], test::exact_distance(metric, base.row(0), base.row(0), 64), 1e-4);
    for (int r = 1; r < 4; ++r) EXPECT_EQ(out[r], infinity) << r;
    for (int q = 1; q < 3; ++q) {
      coded.prepare(base.row(q));
      for (const float distance : coded.estimates()) EXPECT_EQ(distance, infinity);
      coded.prepare_stored(q);
      for (const float distance : coded.estimates()) EXPECT_EQ(distance, infinity);
    }
  }
}

}  // namespace
}  // namespace kith

// Goal: RaBitQ's estimate is unbiased, its bound holds at the stated rate, its error falls as 1/sqrt(D) and
// by half with each bit, between two codes as well (systems.md B1.5 d). Method: 1e5 pairs of independent
// normal vectors against exact distances in double. Without the factor <o, o'> the first test fails: see its
// second half.
#include <gtest/gtest.h>

#include <cmath>

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

/// 100,000 pairs of 1,000 vectors around a centre and 100 queries by default. The queries' vectors all
/// differ, and so do the rotations of every tenth: pairs of one rotation are not quite independent.
Errors measure(Metric metric, uint32_t dim, uint32_t bits, uint64_t seed, int rotations = 10) {
  Errors errors;
  for (int i = 0; i < rotations; ++i) {
    Vectors base = test::normal_vectors(1000, dim, seed + 2 * i);
    Vectors queries = test::normal_vectors(10, dim, seed + 2 * i + 1);
    for (float& x : base.data) x += 0.5f;
    for (float& x : queries.data) x += 0.5f;
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

TEST(Rabitq, EstimateIsUnbiasedAndItsBoundHoldsAtTheStatedRate) {
  for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
    for (const uint32_t bits : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u}) {
      const Errors errors = measure(metric, 128, bits, test::test_seed(41));
      SCOPED_TRACE(testing::Message()
                   << metric_name(metric) << ", " << bits << " bits: mean " << errors.mean() << " +- "
                   << errors.standard_error() << ", deviation " << errors.deviation() << ", predicted "
                   << std::sqrt(errors.bound_squares / errors.pairs));
      EXPECT_LT(std::abs(errors.mean()), 3 * errors.standard_error());
      EXPECT_NEAR(errors.within / errors.pairs, 0.944, 0.01);
      EXPECT_NEAR(errors.below / errors.pairs, 0.972, 0.01);
    }
  }
}

TEST(Rabitq, ErrorFallsByHalfWithEachBit) {
  double before = 0;
  for (uint32_t bits = 1; bits <= 8; ++bits) {
    const double deviation = measure(Metric::kL2, 256, bits, test::test_seed(43), 2).deviation();
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
      y.push_back(std::log(measure(Metric::kL2, dim, bits, test::test_seed(44), 2).deviation() / dim));
    }
    double mx = 0, my = 0, xy = 0, xx = 0;
    for (size_t i = 0; i < x.size(); ++i) mx += x[i] / x.size(), my += y[i] / x.size();
    for (size_t i = 0; i < x.size(); ++i) xy += (x[i] - mx) * (y[i] - my), xx += (x[i] - mx) * (x[i] - mx);
    EXPECT_NEAR(xy / xx, -0.5, 0.1) << bits << " bits";
  }
}

}  // namespace
}  // namespace kith

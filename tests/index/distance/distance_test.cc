// Goal: names, pairs, scores and conversions behave as distance.h says, and errors name what was wrong.
// Method: fixed cases; every f16 and bf16 bit pattern; rounding checked against the two neighbours of a
// value.
#include "index/distance/distance.h"

#include <gtest/gtest.h>

#include <random>

#include "index/distance/half.h"
#include "tests/index/distance/reference.h"

namespace kith {
namespace {

TEST(MetricNames, NamesAndAliases) {
  for (size_t m = 0; m < kMetrics; ++m) {
    const Metric metric = static_cast<Metric>(m);
    EXPECT_EQ(parse_metric(metric_name(metric)).value(), metric);
  }
  EXPECT_EQ(parse_metric("euclidean").value(), Metric::kL2);
  EXPECT_EQ(parse_metric("dot").value(), Metric::kInnerProduct);
  EXPECT_EQ(parse_metric("angular").value(), Metric::kCosine);
}

TEST(MetricNames, UnknownNameIsNamed) {
  for (const char* name : {"", "L2", "manhattan"}) {
    const Result<Metric> metric = parse_metric(name);
    ASSERT_FALSE(metric.ok()) << name;
    EXPECT_EQ(metric.error().code, Code::kInvalidArgument);
    EXPECT_NE(metric.error().message.find("'" + std::string(name) + "'"), std::string::npos)
        << metric.error().message;
  }
}

TEST(ScalarTypeNames, AllParseAndOthersDoNot) {
  for (size_t t = 0; t < kScalarTypes; ++t) {
    const ScalarType type = static_cast<ScalarType>(t);
    EXPECT_EQ(parse_scalar_type(scalar_name(type)).value(), type);
  }
  EXPECT_NE(parse_scalar_type("float").error().message.find("'float'"), std::string::npos);
}

TEST(ValidateMetric, HammingGoesWithBitsOnly) {
  EXPECT_TRUE(validate_metric(Metric::kHamming, ScalarType::kBit).ok());
  EXPECT_TRUE(validate_metric(Metric::kL2, ScalarType::kU8).ok());
  EXPECT_TRUE(validate_metric(Metric::kCosine, ScalarType::kBF16).ok());
  const Result<void> hamming = validate_metric(Metric::kHamming, ScalarType::kF32);
  ASSERT_FALSE(hamming.ok());
  EXPECT_NE(hamming.error().message.find("f32"), std::string::npos) << hamming.error().message;
  const Result<void> bits = validate_metric(Metric::kL2, ScalarType::kBit);
  ASSERT_FALSE(bits.ok());
  EXPECT_NE(bits.error().message.find("l2"), std::string::npos) << bits.error().message;
}

TEST(ValidateMetric, NumbersOutOfRange) {
  EXPECT_FALSE(validate_metric(static_cast<Metric>(4), ScalarType::kF32).ok());
  EXPECT_FALSE(validate_metric(Metric::kL2, static_cast<ScalarType>(6)).ok());
}

TEST(Scores, AreWhatUsersExpect) {
  EXPECT_FLOAT_EQ(score_of(Metric::kL2, 25), 5);
  EXPECT_FLOAT_EQ(score_of(Metric::kInnerProduct, -3), 3);
  EXPECT_FLOAT_EQ(score_of(Metric::kCosine, 0.25f), 0.75f);
  EXPECT_FLOAT_EQ(score_of(Metric::kHamming, 17), 17);
  EXPECT_LE(score_of(Metric::kCosine, -1e-7f), 1) << "rounding never makes a similarity above 1";
  EXPECT_FALSE(higher_is_nearer(Metric::kL2));
  EXPECT_TRUE(higher_is_nearer(Metric::kCosine));
}

TEST(Scores, DistanceIsTheInverse) {
  for (const Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kCosine, Metric::kHamming})
    for (const float distance : {0.0f, 0.5f, 1.0f, 1.75f})
      EXPECT_NEAR(distance_of(metric, score_of(metric, distance)), distance, 1e-6) << metric_name(metric);
  EXPECT_LT(distance_of(Metric::kL2, -1), 0) << "a negative radius admits nothing";
}

TEST(Halves, EveryF16PatternSurvives) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const uint16_t half = static_cast<uint16_t>(bits);
    const float value = f32_of_f16(half);
    const bool is_nan = (bits & 0x7fffu) > 0x7c00u;
    ASSERT_EQ(std::isnan(value), is_nan) << bits;
    if (is_nan) {
      ASSERT_GT(f16_of_f32(value) & 0x7fffu, 0x7c00u) << bits;
      continue;
    }
    ASSERT_EQ(f16_of_f32(value), half) << bits;
    const uint32_t exponent = (bits >> 10) & 31, fraction = bits & 0x3ff;
    const double expected = exponent == 31  ? std::numeric_limits<double>::infinity()
                            : exponent == 0 ? std::ldexp(fraction, -24)
                                            : std::ldexp(1024 + fraction, static_cast<int>(exponent) - 25);
    ASSERT_EQ(value, (bits & 0x8000u) ? -expected : expected) << bits;
  }
}

TEST(Halves, EveryBf16PatternSurvives) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const uint16_t half = static_cast<uint16_t>(bits);
    const float value = f32_of_bf16(half);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(f32_of_bf16(bf16_of_f32(value)))) << bits;
    } else {
      ASSERT_EQ(bf16_of_f32(value), half) << bits;
    }
  }
}

/// Nearest, and of two equally near ones the even: compares with both neighbours of the result.
template <uint16_t (*Narrow)(float), float (*Widen)(uint16_t)>
void expect_nearest_even(float value, uint16_t infinity) {
  const uint16_t half = Narrow(value);
  const uint16_t magnitude = half & 0x7fffu;
  const double error = std::abs(static_cast<double>(Widen(half)) - value);
  for (const int step : {-1, 1}) {
    const int neighbour = magnitude + step;
    if (neighbour < 0 || neighbour >= infinity) continue;
    const uint16_t other = static_cast<uint16_t>((half & 0x8000u) | static_cast<uint16_t>(neighbour));
    const double other_error = std::abs(static_cast<double>(Widen(other)) - value);
    ASSERT_LE(error, other_error) << value;
    if (error == other_error) {
      ASSERT_EQ(half & 1u, 0u) << value;
    }
  }
}

TEST(Halves, RoundToNearestEven) {
  const uint64_t seed = 99;
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<float> exponents(-26, 15.9f);
  for (int i = 0; i < 200'000; ++i) {
    const float value = std::exp2(exponents(random)) * (random() % 2 ? 1.0f : -1.0f);
    expect_nearest_even<f16_of_f32, f32_of_f16>(value, 0x7c00);
    expect_nearest_even<bf16_of_f32, f32_of_bf16>(value, 0x7f80);
    if (HasFatalFailure()) FAIL() << "seed " << seed;
  }
  for (uint16_t half = 0; half < 0x7bff; ++half) {
    const float middle = (f32_of_f16(half) + f32_of_f16(static_cast<uint16_t>(half + 1))) / 2;
    ASSERT_EQ(f16_of_f32(middle), half + (half & 1)) << "tie after pattern " << half;
  }
  EXPECT_EQ(f16_of_f32(65519.99f), 0x7bff);
  EXPECT_EQ(f16_of_f32(65520.0f), 0x7c00) << "half-way above the greatest f16 rounds to infinity";
}

TEST(FromF32, IntegersRoundTripAndBadOnesAreNamed) {
  const std::vector<float> good = {-128, -1, 0, 1, 127};
  std::vector<std::byte> bytes(good.size());
  ASSERT_TRUE(from_f32(good.data(), good.size(), ScalarType::kI8, bytes.data()).ok());
  EXPECT_EQ(floats_of(bytes.data(), ScalarType::kI8, 5), good);
  struct Bad {
    ScalarType type;
    float value;
  };
  for (const Bad bad : {Bad{ScalarType::kI8, 128}, Bad{ScalarType::kI8, -129}, Bad{ScalarType::kI8, 0.5f},
                        Bad{ScalarType::kU8, -1}, Bad{ScalarType::kU8, 256}, Bad{ScalarType::kU8, NAN},
                        Bad{ScalarType::kU8, INFINITY}, Bad{ScalarType::kU8, 1e30f}}) {
    const float values[3] = {1, 2, bad.value};
    const Result<void> result = from_f32(values, 3, bad.type, bytes.data());
    ASSERT_FALSE(result.ok()) << bad.value;
    EXPECT_EQ(result.error().code, Code::kInvalidArgument);
    EXPECT_NE(result.error().message.find("element 2"), std::string::npos) << result.error().message;
  }
}

TEST(FromF32, BitsAreSetByTheSign) {
  const std::vector<float> values = {1, -1, 0, 0.5f, NAN, 2, -0.0f, 3, 0, 7};
  std::byte bytes[2] = {std::byte{0xff}, std::byte{0xff}};
  ASSERT_TRUE(from_f32(values.data(), values.size(), ScalarType::kBit, bytes).ok());
  EXPECT_EQ(bytes[0], std::byte{0b10101001});
  EXPECT_EQ(bytes[1], std::byte{0b00000010}) << "bits beyond the dimension are 0";
  EXPECT_EQ(floats_of(bytes, ScalarType::kBit, 10), (std::vector<float>{1, 0, 0, 1, 0, 1, 0, 1, 0, 1}));
}

}  // namespace
}  // namespace kith

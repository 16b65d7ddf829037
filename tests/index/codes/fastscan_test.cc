// Goal: FastScan's estimates are those of the code's own kernel within the rounding of its tables, whatever
// the tail; scan_below is scan and a comparison; codes lie in exactly their bytes; it is fast, which is what
// it is for. Method: pq and opq codes of both metrics, odd and very many sub-vectors, tails 1..63.
#include "index/codes/fastscan.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <limits>

#include "tests/index/codes/pq_support.h"
#include "tests/support/memory.h"

namespace kith {
namespace {

using test::Vectors;

struct Scanned {
  std::unique_ptr<PqCode> code;
  FastScan scan;
  test::Coded codes;
  std::vector<std::byte> blocks;
  AlignedBuffer prepared;

  Scanned(std::unique_ptr<PqCode> trained, const Vectors& vectors)
      : code(std::move(trained)),
        scan(FastScan::of(*code).value()),
        codes(*code, vectors),
        blocks(scan.bytes(vectors.rows)),
        prepared(AlignedBuffer::allocate(scan.query_bytes()).value()) {
    for (size_t i = 0; i < vectors.rows; ++i) scan.put(codes.row(i), i, blocks.data());
  }

  std::vector<float> by_code_kernel(size_t count) const {
    std::vector<float> out(count);
    code->kernel()(scan.prepared_for_code(prepared.data()), codes.pointers().data(), count, code->spec().dim,
                   out.data());
    return out;
  }
};

TEST(FastScan, EstimatesAreTheCodesOwnWithinRoundingForEveryTail) {
  struct Shape {
    const char* name;
    uint32_t dim, subvectors;
  };
  for (const Shape& shape : {Shape{"pq", 32, 16}, {"opq", 30, 15}, {"pq", 17, 1}, {"pq", 600, 600}}) {
    const size_t count = 64 + 63;
    const Vectors vectors = test::clustered_vectors(count, shape.dim, 9, test::test_seed(3));
    const Vectors queries = test::normal_vectors(2, shape.dim, test::test_seed(4));
    for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
      ASSERT_VALUE(
          code, test::train_pq(test::code_spec(shape.name, metric, shape.dim, 4, shape.subvectors), vectors));
      Scanned scanned(std::move(code), vectors);
      for (size_t q = 0; q < queries.rows; ++q) {
        scanned.scan.prepare(queries.row(q), scanned.prepared.data());
        const float rounding = scanned.scan.rounding(scanned.prepared.data());
        for (size_t tail = 0; tail <= 63; ++tail) {
          const size_t codes = q * 64 + tail;
          const std::vector<float> expected = scanned.by_code_kernel(codes);
          std::vector<float> out(codes + 1, -77.0f);
          scanned.scan.scan(scanned.prepared.data(), scanned.blocks.data(), codes, out.data());
          EXPECT_EQ(out[codes], -77.0f);
          double span = 0, error = 0;
          for (size_t i = 0; i < codes; ++i) {
            ASSERT_NEAR(out[i], expected[i], rounding + 1e-5f * std::abs(expected[i]))
                << shape.name << " sub-vectors " << shape.subvectors << ", code " << i << " of " << codes;
            span += std::abs(expected[i] - expected[0]);
            error += std::abs(out[i] - expected[i]);
          }
          if (codes > 32 && shape.subvectors > 1) {
            EXPECT_LT(error, 0.05 * span) << "rounding must not hide the distances";
          }
        }
      }
    }
  }
}

TEST(FastScan, BelowIsScanAndAComparison) {
  const Vectors vectors = test::clustered_vectors(1000, 24, 9, test::test_seed(5));
  ASSERT_VALUE(code, test::train_pq(test::code_spec("pq", Metric::kL2, 24, 4, 12), vectors));
  Scanned scanned(std::move(code), vectors);
  scanned.scan.prepare(vectors.row(7), scanned.prepared.data());
  std::vector<float> all(vectors.rows), estimates(vectors.rows);
  std::vector<uint32_t> positions(vectors.rows);
  scanned.scan.scan(scanned.prepared.data(), scanned.blocks.data(), vectors.rows, all.data());
  std::vector<float> bounds = {-1e30f, 0, all[7], all[500], 1e30f, std::numeric_limits<float>::infinity()};
  bounds.push_back(std::nextafter(all[500], 1e9f));
  for (const float bound : bounds) {
    std::vector<uint32_t> expected;
    for (uint32_t i = 0; i < all.size(); ++i)
      if (all[i] < bound) expected.push_back(i);
    positions.resize(vectors.rows);
    positions.resize(scanned.scan.scan_below(scanned.prepared.data(), scanned.blocks.data(), vectors.rows,
                                             bound, positions.data(), estimates.data()));
    EXPECT_EQ(positions, expected) << "bound " << bound;
    for (size_t i = 0; i < positions.size(); ++i) ASSERT_EQ(estimates[i], all[positions[i]]);
  }
}

TEST(FastScan, BlocksHoldTheCodesInTheirBytes) {
  const Vectors vectors = test::normal_vectors(100, 9, test::test_seed(6));
  ASSERT_VALUE(code, test::train_pq(test::code_spec("pq", Metric::kL2, 9, 4, 9), vectors));
  Scanned scanned(std::move(code), vectors);
  EXPECT_EQ(scanned.code->bytes(), 5u);
  EXPECT_EQ(scanned.scan.bytes(96), 96u * 5);
  EXPECT_EQ(scanned.scan.bytes(97), 128u * 5);
  std::vector<std::byte> back(5);
  for (size_t i : {0u, 31u, 32u, 99u}) {
    scanned.scan.take(scanned.blocks.data(), i, back.data());
    EXPECT_TRUE(std::equal(back.begin(), back.end(), scanned.codes.row(i)));
  }
}

TEST(FastScan, QueriesThatAreNoNumbersFindNothingNear) {
  const Vectors vectors = test::normal_vectors(40, 8, test::test_seed(7));
  for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
    ASSERT_VALUE(code, test::train_pq(test::code_spec("pq", metric, 8, 4, 4), vectors));
    Scanned scanned(std::move(code), vectors);
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 3e38f}) {
      std::vector<float> query(8, 0.1f), out(40);
      query[5] = bad;
      scanned.scan.prepare(query.data(), scanned.prepared.data());
      scanned.scan.scan(scanned.prepared.data(), scanned.blocks.data(), 40, out.data());
      for (const float distance : out) {
        if (bad == 3e38f && metric == Metric::kInnerProduct) {
          EXPECT_FALSE(std::isnan(distance));  // a large number is one where its products are
        } else {
          EXPECT_EQ(distance, std::numeric_limits<float>::infinity());
        }
      }
    }
  }
}

TEST(FastScan, EqualVectorsAreEquallyFar) {
  Vectors vectors{std::vector<float>(64 * 8, 0.75f), 8, 64};
  ASSERT_VALUE(code, test::train_pq(test::code_spec("pq", Metric::kL2, 8, 4, 4), vectors));
  Scanned scanned(std::move(code), vectors);
  const std::vector<float> query(8, 0.25f);
  scanned.scan.prepare(query.data(), scanned.prepared.data());
  std::vector<float> out(64);
  scanned.scan.scan(scanned.prepared.data(), scanned.blocks.data(), 64, out.data());
  for (const float distance : out) EXPECT_NEAR(distance, 2.0f, 0.02f);
}

TEST(FastScan, RefusesCodesOf8Bits) {
  const Vectors vectors = test::normal_vectors(300, 8, test::test_seed(8));
  ASSERT_VALUE(code, test::train_pq(test::code_spec("pq", Metric::kL2, 8, 8, 4), vectors));
  EXPECT_ERROR(FastScan::of(*code), Code::kInvalidArgument,
               "needs a code of 4 bits per sub-vector; this pq has 8");
}

double seconds_of(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The benchmark fastscan/* measures this; here only that it cannot get lost. The best of many passes of
/// each.
TEST(FastScan, IsTwiceAsFastAsScalarSums) {
  if (test::kSanitized) GTEST_SKIP() << "times are measured in other builds";
  if (cpu_level() == CpuLevel::kScalar || cpu_level() == CpuLevel::kNeon)
    GTEST_SKIP() << "no FastScan kernel";
  const Vectors vectors = test::clustered_vectors(4096, 64, 20, test::test_seed(9));
  ASSERT_VALUE(narrow, test::train_pq(test::code_spec("pq", Metric::kL2, 64, 4, 32), vectors));
  ASSERT_VALUE(wide, test::train_pq(test::code_spec("pq", Metric::kL2, 64, 8, 16), vectors));
  ASSERT_EQ(narrow->bytes(), wide->bytes());
  Scanned scanned(std::move(narrow), vectors);
  scanned.scan.prepare(vectors.row(0), scanned.prepared.data());
  test::Coded wide_codes(*wide, vectors);
  wide_codes.prepare(vectors.row(0));
  std::vector<float> out(vectors.rows);
  double fast = 1, narrow_sums = 1, wide_sums = 1;
  for (int pass = 0; pass < 200; ++pass) {
    fast = std::min(fast, seconds_of([&] {
                      scanned.scan.scan(scanned.prepared.data(), scanned.blocks.data(), vectors.rows,
                                        out.data());
                    }));
    narrow_sums = std::min(narrow_sums, seconds_of([&] { (void)scanned.by_code_kernel(vectors.rows); }));
    wide_sums = std::min(wide_sums, seconds_of([&] {
                           wide->kernel()(wide_codes.prepared(), wide_codes.pointers().data(), vectors.rows,
                                          64, out.data());
                         }));
  }
  EXPECT_GT(narrow_sums / fast, 2.0);
  EXPECT_GT(wide_sums / fast, 2.0);
}

}  // namespace
}  // namespace kith

// Goal: a scan of codes and a rerank of few finds the nearest vectors, so codes are not exact distances in
// disguise nor noise. Method: exhaustive scans of clustered vectors, recall@10 (ties by distance count)
// against brute force, with the full distances counted by construction: 10 times k, of 5,000 vectors.
#include <gtest/gtest.h>

#include <algorithm>

#include "index/codes/fastscan.h"
#include "tests/index/codes/pq_support.h"

namespace kith {
namespace {

using test::Vectors;
constexpr size_t kNeighbours = 10, kReranked = 100;

/// The share of the 10 nearest (by distance) among `reranked` candidates.
double recall_of(const std::vector<double>& exact, const std::vector<size_t>& reranked) {
  std::vector<double> sorted = exact;
  std::nth_element(sorted.begin(), sorted.begin() + kNeighbours - 1, sorted.end());
  const double tenth = sorted[kNeighbours - 1];
  const auto hits =
      std::count_if(reranked.begin(), reranked.end(), [&](size_t i) { return exact[i] <= tenth; });
  return std::min(static_cast<double>(hits) / kNeighbours, 1.0);
}

std::vector<size_t> least(const std::vector<float>& estimates, size_t count) {
  std::vector<size_t> order(estimates.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(count), order.end(),
                    [&](size_t a, size_t b) { return estimates[a] < estimates[b]; });
  order.resize(count);
  return order;
}

TEST(PqRecall, ScanAndRerankFindTheNearest) {
  const Vectors all = test::clustered_vectors(5050, 64, 50, test::test_seed(3));
  const Vectors base = test::slice(all, 0, 5000), queries = test::slice(all, 5000, 5050);
  struct Case {
    const char* name;
    uint32_t bits, subvectors;
    double reranked_min, plain_min, plain_max;
  };
  for (const Case& c :
       {Case{"pq", 8, 16, 0.95, 0.3, 0.9}, {"opq", 8, 16, 0.95, 0.3, 0.9}, {"pq", 4, 32, 0.95, 0.3, 0.9}}) {
    for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
      SCOPED_TRACE(fmt::format("{} {} bits {}", c.name, c.bits, metric_name(metric)));
      ASSERT_VALUE(code, test::train_pq(test::code_spec(c.name, metric, 64, c.bits, c.subvectors), base));
      ASSERT_EQ(code->bytes(), 16u);
      test::Coded coded(*code, base);
      double reranked = 0, plain = 0;
      for (size_t q = 0; q < queries.rows; ++q) {
        coded.prepare(queries.row(q));
        const std::vector<float> estimates = coded.estimates();
        std::vector<double> exact(base.rows);
        for (size_t i = 0; i < base.rows; ++i)
          exact[i] = test::exact_distance(metric, queries.row(q), base.row(i), 64);
        reranked += recall_of(exact, least(estimates, kReranked)) / static_cast<double>(queries.rows);
        plain += recall_of(exact, least(estimates, kNeighbours)) / static_cast<double>(queries.rows);
      }
      EXPECT_GE(reranked, c.reranked_min);
      EXPECT_GE(plain, c.plain_min);
      EXPECT_LE(plain, c.plain_max) << "16 bytes cannot know 256";
    }
  }
}

TEST(PqRecall, FastScanFindsWhatTheCodesFind) {
  const Vectors all = test::clustered_vectors(5050, 64, 50, test::test_seed(4));
  const Vectors base = test::slice(all, 0, 5000), queries = test::slice(all, 5000, 5050);
  ASSERT_VALUE(code, test::train_pq(test::code_spec("opq", Metric::kL2, 64, 4, 32), base));
  const FastScan scan = FastScan::of(*code).value();
  std::vector<std::byte> blocks(scan.bytes(base.rows)), one(code->bytes());
  for (size_t i = 0; i < base.rows; ++i) {
    code->encode(base.row(i), one.data());
    scan.put(one.data(), i, blocks.data());
  }
  AlignedBuffer prepared = AlignedBuffer::allocate(scan.query_bytes()).value();
  std::vector<float> estimates(base.rows);
  std::vector<uint32_t> positions(base.rows);
  double recall = 0;
  size_t candidates = 0;
  for (size_t q = 0; q < queries.rows; ++q) {
    scan.prepare(queries.row(q), prepared.data());
    scan.scan(prepared.data(), blocks.data(), base.rows, estimates.data());
    std::vector<float> sorted = estimates;
    std::nth_element(sorted.begin(), sorted.begin() + kReranked, sorted.end());
    const size_t found = scan.scan_below(prepared.data(), blocks.data(), base.rows, sorted[kReranked],
                                         positions.data(), estimates.data());
    candidates += found;
    std::vector<double> exact(base.rows);
    for (size_t i = 0; i < base.rows; ++i)
      exact[i] = test::exact_distance(Metric::kL2, queries.row(q), base.row(i), 64);
    recall += recall_of(exact, {positions.begin(), positions.begin() + static_cast<ptrdiff_t>(found)}) /
              static_cast<double>(queries.rows);
  }
  EXPECT_GE(recall, 0.94);
  EXPECT_LE(candidates, kReranked * queries.rows);
}

}  // namespace
}  // namespace kith

// Goal: increments of many threads are all counted, and the text is what Prometheus reads. Method: threads
// that count while another prints (TSan), exact text of a small registry, quantiles against sorted data.
#include "base/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "base/random.h"

namespace kith {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, TextForm) {
  MetricsRegistry registry;
  const auto searches =
      registry.counter("kith_searches_total", "searches answered", {{"collection", "a\"b\\c\nd"}});
  const auto rows = registry.gauge("kith_rows", "live rows");
  searches->add(3);
  rows->set(-5);
  EXPECT_EQ(registry.prometheus_text(),
            "# HELP kith_rows live rows\n# TYPE kith_rows gauge\nkith_rows -5\n"
            "# HELP kith_searches_total searches answered\n# TYPE kith_searches_total counter\n"
            "kith_searches_total{collection=\"a\\\"b\\\\c\\nd\"} 3\n");
}

TEST(Metrics, HistogramTextIsCumulative) {
  MetricsRegistry registry;
  const auto seconds = registry.histogram("kith_search_seconds", "time of a search", {{"kind", "hnsw"}});
  seconds->observe(0.5e-6);
  seconds->observe(1e-3);  // equal to a bound: inside it
  seconds->observe(5e6);
  seconds->observe(std::nan(""));
  const std::string text = registry.prometheus_text();
  EXPECT_THAT(text, HasSubstr("# TYPE kith_search_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("kith_search_seconds_bucket{kind=\"hnsw\",le=\"1e-06\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kith_search_seconds_bucket{kind=\"hnsw\",le=\"0.000631\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kith_search_seconds_bucket{kind=\"hnsw\",le=\"0.001\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("kith_search_seconds_bucket{kind=\"hnsw\",le=\"1000\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("kith_search_seconds_bucket{kind=\"hnsw\",le=\"+Inf\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("kith_search_seconds_count{kind=\"hnsw\"} 4\n"));
}

TEST(Metrics, SameNameAndLabelsAreTheSameSeries) {
  MetricsRegistry registry;
  const auto a = registry.counter("x_total", "x", {{"k", "1"}, {"j", "2"}});
  const auto b = registry.counter("x_total", "x", {{"j", "2"}, {"k", "1"}});
  EXPECT_EQ(a, b);
  EXPECT_NE(a, registry.counter("x_total", "x", {{"j", "3"}}));
  EXPECT_DEATH((void)registry.gauge("x_total", "x"), "broken invariant");
  EXPECT_DEATH((void)registry.gauge("bad name", "x"), "broken invariant");
}

TEST(Metrics, ASeriesGoesWithItsLastHolder) {
  MetricsRegistry registry;
  auto a = registry.counter("x_total", "x", {{"collection", "a"}});
  const auto b = registry.counter("x_total", "x", {{"collection", "b"}});
  a.reset();
  EXPECT_THAT(registry.prometheus_text(), Not(HasSubstr("\"a\"")));
  EXPECT_THAT(registry.prometheus_text(), HasSubstr("\"b\""));
  EXPECT_EQ(registry.counter("x_total", "x", {{"collection", "a"}})->value(), 0u);
}

TEST(Metrics, QuantilesAreWithinABucket) {
  const uint64_t seed = 3;
  Random random(seed);
  Histogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0);
  std::vector<double> values;
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(std::exp(random.normal()) * 1e-3);
    histogram.observe(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = values[static_cast<size_t>(q * 10'000)];
    EXPECT_GT(histogram.quantile(q), exact / 1.6) << q << " seed " << seed;
    EXPECT_LT(histogram.quantile(q), exact * 1.6) << q << " seed " << seed;
  }
}

TEST(Metrics, NoIncrementOfAnyThreadIsLost) {
  MetricsRegistry registry;
  constexpr int kThreads = 4, kRounds = 5'000;
  std::vector<std::thread> threads;
  std::vector<std::shared_ptr<Counter>> keep(kThreads);
  const auto counter = registry.counter("n_total", "n");
  const auto gauge = registry.gauge("g", "g");
  const auto histogram = registry.histogram("h", "h");
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      keep[static_cast<size_t>(t)] = registry.counter("own_total", "own", {{"thread", std::to_string(t)}});
      for (int i = 0; i < kRounds; ++i) {
        registry.counter("n_total", "n")->add();
        gauge->add(i % 2 == 0 ? 1 : -1);
        histogram->observe(1.0);
        if (i % 500 == 0) {
          EXPECT_THAT(registry.prometheus_text(), HasSubstr("n_total"));
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter->value(), uint64_t{kThreads} * kRounds);
  EXPECT_EQ(gauge->value(), 0);
  EXPECT_EQ(histogram->snapshot().count, uint64_t{kThreads} * kRounds);
  EXPECT_EQ(histogram->snapshot().sum, kThreads * kRounds);
}

}  // namespace
}  // namespace kith

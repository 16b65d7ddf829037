// Metrics: counters, gauges and histograms that any thread bumps without a lock, shown as Prometheus text
// (exposition format 0.0.4). A registry names them; a series is shown as long as somebody holds it, so a
// dropped collection's series go with it. Ask for a series once and keep the pointer: finding it takes the
// registry's lock.
//
//   auto searches = metrics().counter("kith_searches_total", "searches answered", {{"collection", name}});
//   searches->add();
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kith {

/// Only grows. 64-bit, wraps after centuries.
class Counter {
 public:
  void add(uint64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

/// Goes up and down.
class Gauge {
 public:
  void set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(int64_t by) { value_.fetch_add(by, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

/// Counts observations in fixed buckets whose upper bounds are first·10^(i/5), i = 0..45: nine decades, each
/// bucket 1.58 times as wide as the one before, one more for what lies above. With first = 1e-6 that is 1 µs
/// to 1,000 s.
class Histogram {
 public:
  static constexpr size_t kBounds = 46;
  static constexpr size_t kBuckets = kBounds + 1;

  explicit Histogram(double first_bound = 1e-6);

  /// NaN counts as above all bounds and adds nothing to the sum.
  void observe(double value);

  struct Snapshot {
    std::array<uint64_t, kBuckets> counts{};  // per bucket, not cumulative
    uint64_t count = 0;
    double sum = 0;
  };
  /// Buckets are read one after another: an observation made meanwhile is in or out; count is always the
  /// buckets' sum.
  Snapshot snapshot() const;
  /// Estimate of the q-quantile (0..1), linear inside its bucket; 0 when nothing was observed.
  double quantile(double q) const;
  double bound(size_t i) const { return bounds_[i]; }

 private:
  std::array<double, kBounds> bounds_;
  std::array<std::atomic<uint64_t>, kBuckets> counts_{};
  std::atomic<double> sum_{0};
};

/// Name and value; names [a-zA-Z_][a-zA-Z0-9_]*, values any text.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// Thread-safe. The same name and labels give the same series; one name has one kind and one help text.
class MetricsRegistry {
 public:
  std::shared_ptr<Counter> counter(std::string_view name, std::string_view help,
                                   const MetricLabels& labels = {});
  std::shared_ptr<Gauge> gauge(std::string_view name, std::string_view help, const MetricLabels& labels = {});
  /// first_bound counts only for the first series of a name.
  std::shared_ptr<Histogram> histogram(std::string_view name, std::string_view help,
                                       const MetricLabels& labels = {}, double first_bound = 1e-6);

  /// Families in name order, series in label order.
  std::string prometheus_text() const;

 private:
  using Series = std::variant<std::weak_ptr<Counter>, std::weak_ptr<Gauge>, std::weak_ptr<Histogram>>;
  struct Family {
    std::string help;
    size_t kind = 0;  // index into Series
    double first_bound = 1e-6;
    std::map<std::string, Series> series;  // by label text, e.g. `collection="docs"`
  };

  template <typename Metric, typename Make>
  std::shared_ptr<Metric> find_or_make(std::string_view name, std::string_view help,
                                       const MetricLabels& labels, Make make);

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;  // guarded by mutex_
};

/// The process's registry.
MetricsRegistry& metrics();

}  // namespace kith

#include "base/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace kith {
namespace {

bool valid_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || (quotes && c == '"')) out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string label_text(MetricLabels labels) {
  std::sort(labels.begin(), labels.end());
  std::string out;
  for (const auto& [name, value] : labels) {
    CHECK(valid_name(name));
    if (!out.empty()) out += ',';
    out += fmt::format("{}=\"{}\"", name, escaped(value, true));
  }
  return out;
}

std::string sample(std::string_view name, std::string_view labels, std::string_view value) {
  if (labels.empty()) return fmt::format("{} {}\n", name, value);
  return fmt::format("{}{{{}}} {}\n", name, labels, value);
}

std::string samples(std::string_view name, std::string_view labels, const Counter& counter) {
  return sample(name, labels, std::to_string(counter.value()));
}

std::string samples(std::string_view name, std::string_view labels, const Gauge& gauge) {
  return sample(name, labels, std::to_string(gauge.value()));
}

std::string samples(std::string_view name, std::string_view labels, const Histogram& histogram) {
  const Histogram::Snapshot snapshot = histogram.snapshot();
  const std::string bucket = fmt::format("{}_bucket", name);
  const std::string prefix = labels.empty() ? "" : fmt::format("{},", labels);
  std::string out;
  uint64_t cumulative = 0;
  for (size_t i = 0; i < Histogram::kBounds; ++i) {
    cumulative += snapshot.counts[i];
    out += sample(bucket, fmt::format("{}le=\"{:.4g}\"", prefix, histogram.bound(i)),
                  std::to_string(cumulative));
  }
  out += sample(bucket, fmt::format("{}le=\"+Inf\"", prefix), std::to_string(snapshot.count));
  out += sample(fmt::format("{}_sum", name), labels, fmt::format("{:.9g}", snapshot.sum));
  out += sample(fmt::format("{}_count", name), labels, std::to_string(snapshot.count));
  return out;
}

}  // namespace

Histogram::Histogram(double first_bound) {
  for (size_t i = 0; i < kBounds; ++i)
    bounds_[i] = first_bound * std::pow(10.0, static_cast<double>(i) / 5.0);
}

void Histogram::observe(double value) {
  const bool number = !std::isnan(value);
  const auto bucket = number ? std::lower_bound(bounds_.begin(), bounds_.end(), value) : bounds_.end();
  counts_[static_cast<size_t>(bucket - bounds_.begin())].fetch_add(1, std::memory_order_relaxed);
  if (!number) return;
  double sum = sum_.load(std::memory_order_relaxed);
  while (!sum_.compare_exchange_weak(sum, sum + value, std::memory_order_relaxed)) {
  }
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot out;
  for (size_t i = 0; i < kBuckets; ++i) {
    out.counts[i] = counts_[i].load(std::memory_order_relaxed);
    out.count += out.counts[i];
  }
  out.sum = sum_.load(std::memory_order_relaxed);
  return out;
}

double Histogram::quantile(double q) const {
  const Snapshot now = snapshot();
  if (now.count == 0) return 0;
  const double rank = std::clamp(q, 0.0, 1.0) * static_cast<double>(now.count);
  double below = 0;
  for (size_t i = 0; i < kBounds; ++i) {
    const auto here = static_cast<double>(now.counts[i]);
    if (here > 0 && below + here >= rank) {
      const double low = i == 0 ? 0 : bounds_[i - 1];
      return low + (bounds_[i] - low) * std::max(0.0, rank - below) / here;
    }
    below += here;
  }
  return bounds_.back();
}

template <typename Metric, typename Make>
std::shared_ptr<Metric> MetricsRegistry::find_or_make(std::string_view name, std::string_view help,
                                                      const MetricLabels& labels, Make make) {
  CHECK(valid_name(name));
  const std::string key = label_text(labels);
  std::lock_guard lock(mutex_);
  Family& family = families_[std::string(name)];
  Series empty = std::weak_ptr<Metric>();
  if (family.help.empty()) {
    family.help = help.empty() ? name : help;
    family.kind = empty.index();
  }
  CHECK(family.kind == empty.index());  // one name, one kind
  auto& held =
      std::get<std::weak_ptr<Metric>>(family.series.try_emplace(key, std::move(empty)).first->second);
  std::shared_ptr<Metric> metric = held.lock();
  if (metric == nullptr) {
    metric = make(family);
    held = metric;
  }
  return metric;
}

std::shared_ptr<Counter> MetricsRegistry::counter(std::string_view name, std::string_view help,
                                                  const MetricLabels& labels) {
  return find_or_make<Counter>(name, help, labels, [](Family&) { return std::make_shared<Counter>(); });
}

std::shared_ptr<Gauge> MetricsRegistry::gauge(std::string_view name, std::string_view help,
                                              const MetricLabels& labels) {
  return find_or_make<Gauge>(name, help, labels, [](Family&) { return std::make_shared<Gauge>(); });
}

std::shared_ptr<Histogram> MetricsRegistry::histogram(std::string_view name, std::string_view help,
                                                      const MetricLabels& labels, double first_bound) {
  return find_or_make<Histogram>(name, help, labels, [first_bound](Family& family) {
    if (family.series.size() == 1) family.first_bound = first_bound;  // buckets of one family must agree
    return std::make_shared<Histogram>(family.first_bound);
  });
}

std::string MetricsRegistry::prometheus_text() const {
  constexpr std::string_view kKinds[] = {"counter", "gauge", "histogram"};
  std::string out;
  std::lock_guard lock(mutex_);
  for (const auto& [name, family] : families_) {
    std::string body;
    for (const auto& [labels, series] : family.series)
      std::visit(
          [&, &label = labels, &family_name = name](const auto& held) {
            if (const auto metric = held.lock()) body += samples(family_name, label, *metric);
          },
          series);
    if (body.empty()) continue;
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escaped(family.help, false), name,
                       kKinds[family.kind]);
    out += body;
  }
  return out;
}

MetricsRegistry& metrics() {
  static auto* registry = new MetricsRegistry;  // never destroyed: threads may count while the process ends
  return *registry;
}

}  // namespace kith

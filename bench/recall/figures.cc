#include "bench/recall/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace kith::bench {
namespace {

constexpr double kThreadedRecall = 0.95;

enum class Better { kMore, kLess };

/// One figure: how it is called and how it is read off a contestant.
struct Reading {
  std::string name;
  std::string unit;
  Better better = Better::kMore;
  std::function<std::optional<double>(const Measured&)> read;
};

std::optional<double> as_double(std::optional<uint64_t> value) {
  return value ? std::optional<double>(static_cast<double>(*value)) : std::nullopt;
}

std::string level_name(double recall) {
  return recall == 0.999 ? "0.999" : fmt::format("{:.2f}", recall);
}

double recall_max(const Curve& curve) {
  double best = 0;
  for (const CurvePoint& point : curve.points) best = std::max(best, point.recall);
  return best;
}

std::vector<Reading> speed_readings(size_t threads) {
  std::vector<Reading> readings;
  for (double level : kRecallLevels)
    readings.push_back({"qps@" + level_name(level), "1/s", Better::kMore,
                        [level](const Measured& measured) { return qps_at(measured.curve, level); }});
  readings.push_back({fmt::format("qps_{}threads@{}", threads, level_name(kThreadedRecall)), "1/s",
                      Better::kMore, [](const Measured& measured) { return measured.threaded_qps; }});
  readings.push_back({"recall_max", "", Better::kMore, [](const Measured& measured) {
                        return std::optional<double>(recall_max(measured.curve));
                      }});
  return readings;
}

std::vector<Reading> build_readings() {
  return {{"build_s", "s", Better::kLess,
           [](const Measured& measured) { return std::optional<double>(measured.build.seconds); }},
          {"index_bytes", "B", Better::kLess,
           [](const Measured& measured) { return as_double(measured.build.bytes); }},
          {"bytes_per_raw_byte", "", Better::kLess,
           [](const Measured& measured) -> std::optional<double> {
             if (measured.build.raw_bytes == 0) return std::nullopt;
             return static_cast<double>(measured.build.bytes) / static_cast<double>(measured.build.raw_bytes);
           }},
          {"peak_rss_bytes", "B", Better::kLess,
           [](const Measured& measured) { return as_double(measured.build.peak_rss); }}};
}

std::vector<Reading> own_readings() {
  return {{"default_recall", "", Better::kMore,
           [](const Measured& measured) -> std::optional<double> {
             return measured.by_default ? std::optional<double>(measured.by_default->recall) : std::nullopt;
           }},
          {"default_qps", "1/s", Better::kMore,
           [](const Measured& measured) -> std::optional<double> {
             return measured.by_default ? std::optional<double>(measured.by_default->qps) : std::nullopt;
           }},
          {"batch_qps", "1/s", Better::kMore, [](const Measured& measured) { return measured.batch_qps; }}};
}

/// The variant that does best at this figure; none where no rival has it.
std::optional<RivalFigure> best_rival(const Reading& reading, const std::vector<Measured>& rivals) {
  std::optional<RivalFigure> best;
  for (const Measured& rival : rivals) {
    std::optional<double> value = reading.read(rival);
    if (!value) continue;
    bool beats = !best || (reading.better == Better::kMore ? *value > best->value : *value < best->value);
    if (beats) best = RivalFigure{rival.name, *value};
  }
  return best;
}

struct Line {
  const SetMeasured& set;
  const std::string& slug;
  const Measured& measured;
  bool ours = false;
};

Result<void> add_lines(const Line& line, const std::vector<Reading>& readings, Report& report) {
  for (const Reading& reading : readings) {
    std::string name = fmt::format("recall/{}/{}/{}", line.set.set, line.slug, reading.name);
    std::optional<double> value = reading.read(line.measured);
    if (value) {
      TRY(report.add({name, *value, reading.unit,
                      line.ours ? best_rival(reading, line.set.rivals) : std::optional<RivalFigure>()}));
    } else if (reading.name.starts_with("qps")) {
      report.note(
          fmt::format("{}: not reached, best recall was {:.4f}", name, recall_max(line.measured.curve)));
    }
  }
  return {};
}

Result<void> add_contestant(const Line& line, Report& report) {
  TRY(add_lines(line, speed_readings(line.set.threads), report));
  TRY(add_lines(line, build_readings(), report));
  return add_lines(line, own_readings(), report);
}

}  // namespace

Result<void> add_figures(const SetMeasured& measured, Report& report) {
  const std::string best = "best", default_kind = IndexSpec().kind;
  for (const Measured& ours : measured.ours) {
    TRY(add_contestant({measured, ours.slug, ours, true}, report));
    if (ours.slug == default_kind) TRY(add_contestant({measured, best, ours, true}, report));
  }
  for (const Measured& rival : measured.rivals)
    TRY(add_contestant({measured, rival.slug, rival, false}, report));
  return {};
}

}  // namespace kith::bench

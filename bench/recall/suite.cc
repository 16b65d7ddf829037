#include "bench/recall/suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "bench/harness/curve.h"
#include "bench/harness/sets/bench_set.h"
#include "bench/recall/figures.h"

namespace kith::bench {
namespace {

constexpr size_t kExactQueries =
    500;  // of kinds that scan everything: milliseconds each, recall 1 by definition

/// One set on its way through the suite. Nothing in it moves: contestants point into the runs.
struct Race {
  const RecallOptions& options;
  BenchSet set;
  std::vector<std::unique_ptr<OurRun>> ours;
  std::vector<std::unique_ptr<RivalRun>> rivals;
};

void progress(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
}

std::string built_text(const std::string& set, const std::string& name, const BuildFigures& build) {
  return fmt::format("{}: {} built in {:.1f} s, {:.1f} MB", set, name, build.seconds,
                     static_cast<double>(build.bytes) / 1e6);
}

Result<void> build_all(Race& race) {
  for (const std::string& kind : race.options.kinds) {
    race.ours.push_back(TRY(OurRun::build(race.set, kind, race.options.threads)));
    progress(built_text(race.set.name, kind, race.ours.back()->figures()));
  }
  for (size_t links : race.options.rival_links) {
    race.rivals.push_back(TRY(RivalRun::build(race.set, links, race.options.threads)));
    progress(built_text(race.set.name, race.rivals.back()->name(), race.rivals.back()->figures()));
  }
  return {};
}

SweepOptions sweep_options(const Race& race, bool exact) {
  SweepOptions options = race.options.sweep;
  options.queries = exact ? std::min(race.set.queries.rows, kExactQueries) : race.set.queries.rows;
  if (exact) options.efforts.resize(1);
  return options;
}

RecallFn recall_fn(const Race& race, const RecallJudge& judge) {
  return [&](std::span<const Row> answers) { return recall_of(judge, answers, race.options.sweep.k); };
}

Result<Measured> measure_threaded(Measured measured, const Contestant& contestant, const Race& race,
                                  bool exact) {
  measured.threaded_qps = TRY(
      threaded_qps_at(contestant, measured.curve, 0.95, race.options.threads, sweep_options(race, exact)));
  return measured;
}

/// One pass with the effort a user gets who sets none.
Result<CurvePoint> measure_default(const Contestant& contestant, const Race& race, const RecallJudge& judge,
                                   bool exact) {
  SweepOptions options = sweep_options(race, exact);
  options.efforts = {0};
  std::vector<Curve> curves = TRY(sweep(std::span(&contestant, 1), options, recall_fn(race, judge)));
  return curves[0].points[0];
}

Result<Measured> measure_ours(OurRun& run, Curve curve, const Race& race, const RecallJudge& judge) {
  bool exact = run.kind().exact;
  Measured measured{run.label(), run.label(), run.figures(), std::move(curve), {}, {}, {}};
  Contestant contestant = run.contestant();
  measured = TRY(measure_threaded(std::move(measured), contestant, race, exact));
  measured.by_default = TRY(measure_default(contestant, race, judge, exact));
  PinnedThread pinned(race.options.threads);
  measured.batch_qps = TRY(run.batch_qps(sweep_options(race, exact).queries, race.options.sweep.k));
  return measured;
}

/// Sweeps the graphs against the rivals, and the exact kinds alone on fewer queries.
Result<std::vector<Curve>> sweep_all(Race& race, const RecallJudge& judge) {
  RecallFn recall = recall_fn(race, judge);
  std::vector<Contestant> racing, scanning;
  for (auto& run : race.ours) (run->kind().exact ? scanning : racing).push_back(run->contestant());
  for (auto& run : race.rivals) racing.push_back(run->contestant());
  std::vector<Curve> raced = TRY(sweep(racing, sweep_options(race, false), recall));
  std::vector<Curve> scanned = TRY(sweep(scanning, sweep_options(race, true), recall));
  std::vector<Curve> curves;  // ours in order, then rivals
  size_t next_raced = 0, next_scanned = 0;
  for (auto& run : race.ours)
    curves.push_back(std::move(run->kind().exact ? scanned[next_scanned++] : raced[next_raced++]));
  while (next_raced < raced.size()) curves.push_back(std::move(raced[next_raced++]));
  return curves;
}

Result<SetMeasured> measure_all(Race& race) {
  const BenchSet& set = race.set;
  RecallJudge judge = TRY(RecallJudge::create(set.base.block(), set.queries.block(), set.metric, set.truth,
                                              race.options.sweep.k));
  progress(fmt::format("{}: sweeping {} queries", race.set.name, race.set.queries.rows));
  std::vector<Curve> curves = TRY(sweep_all(race, judge));
  SetMeasured measured{race.set.name, race.options.threads, {}, {}};
  size_t next = 0;
  for (auto& run : race.ours)
    measured.ours.push_back(TRY(measure_ours(*run, std::move(curves[next++]), race, judge)));
  for (auto& run : race.rivals) {
    Measured rival{run->name(), run->slug(), run->figures(), std::move(curves[next++]), {}, {}, {}};
    measured.rivals.push_back(TRY(measure_threaded(std::move(rival), run->contestant(), race, false)));
  }
  return measured;
}

Result<void> draw(const Race& race, const SetMeasured& measured) {
  if (race.options.report_directory.empty()) return {};
  std::vector<DrawnCurve> curves;
  for (const Measured& ours : measured.ours)
    curves.push_back({{"kith " + ours.name, ours.curve.points}, true});
  for (const Measured& rival : measured.rivals) curves.push_back({{rival.name, rival.curve.points}, false});
  std::string subtitle = fmt::format("{} rows × {} dimensions, {}, {} queries, k = {}, best of {}",
                                     race.set.base.rows, race.set.base.dim, metric_name(race.set.metric),
                                     race.set.queries.rows, race.options.sweep.k, race.options.sweep.passes);
  return write_curves(posix_file_system(), race.options.report_directory, "recall-" + race.set.name,
                      draw_curves(race.set.name, subtitle, curves));
}

void note_points(const Measured& measured, const std::string& set, Report& report) {
  std::string text = fmt::format("{}/{}: effort → recall, QPS:", set, measured.slug);
  for (const CurvePoint& point : measured.curve.points)
    text += fmt::format(" {} → {:.4f}, {:.0f};", point.effort, point.recall, point.qps);
  report.note(std::move(text));
}

}  // namespace

RecallOptions recall_options(Extent extent) {
  RecallOptions options;
  options.kinds = {"vamana", "hnsw"};
  options.report_directory = "bench/report";
  options.sets = {"fashion-mnist", "sift", "debian"};
  options.rival_links = {16, 32};
  options.sweep.efforts = {10,  12,  16,  20,  24,  32,  48,   64,   96,
                           128, 192, 256, 384, 512, 768, 1024, 1536, 2048};
  if (extent == Extent::kFull) return options;
  options.rival_links = {16};
  options.sweep.passes = 1;
  options.sets = {"fashion-mnist"};
  options.queries_max = 1000;
  options.sweep.efforts = {10, 16, 24, 32, 48, 64, 96, 128, 256, 512};
  if (extent == Extent::kQuick) return options;
  options.sets = {"synthetic"};
  options.kinds = {"vamana", "hnsw", "flat"};
  options.report_directory.clear();
  options.sweep.efforts = {10, 20, 40, 80};
  return options;
}

Result<void> run_recall_suite(const RecallOptions& options, Report& report) {
  for (const std::string& name : options.sets) {
    progress(name + ": loading");
    Race race{options, TRY(load_bench_set(name, options.queries_max)), {}, {}};
    TRY(build_all(race));
    SetMeasured measured = TRY(measure_all(race));
    TRY(add_figures(measured, report));
    if (!race.set.note.empty()) report.note(name + ": " + race.set.note);
    for (const Measured& ours : measured.ours) note_points(ours, name, report);
    for (const Measured& rival : measured.rivals) note_points(rival, name, report);
    TRY(draw(race, measured));
  }
  return {};
}

}  // namespace kith::bench

#include "bench/churn/mixed.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/thread_pool.h"
#include "bench/churn/mixed_phase.h"
#include "bench/harness/machine.h"
#include "bench/harness/percentile.h"
#include "bench/harness/scratch.h"
#include "datasets/ground_truth.h"
#include "datasets/recall.h"

namespace kith::bench {
namespace {

constexpr uint32_t kEffortMax = 1024;
constexpr uint64_t kSeed = 1;         // of the stream of rows
constexpr size_t kInsertedShare = 5;  // one row in so many may come beside those that were there
constexpr size_t kLookEvery = 50;     // writes of single rows
constexpr double kOfferedShare =
    4;  // such writes a second, as one in so many of the updates that calls of many do

struct Measured {
  std::string name;
  double value = 0;
  std::string unit;
};
using Figures = std::vector<Measured>;

class MixedRun {
 public:
  MixedRun(std::string name, std::unique_ptr<MixedSide> side, const MixedRows& rows, const BenchSet& set,
           const MixedOptions& options)
      : name_(std::move(name)),
        options_(options),
        pool_(options.threads),
        metric_(set.metric),
        side_(std::move(side)),
        history_(rows, options.rows, queries_of(set), set.metric, pool_),
        state_{*side_,      history_, rows, queries_of(set), options.rows + options.rows / kInsertedShare,
               options.rows} {}

  Result<Figures> run() {
    TRY(side_->load(history_.now()));
    TRY(choose_effort());
    const MixedPhase idle = TRY(phase("idle", MixedWrites::kNone, 0));
    const double replaced_per_s = options_.updates_per_s / 2;
    const MixedPhase loaded = TRY(phase("loaded", MixedWrites::kReplace, replaced_per_s));
    const MixedPhase most = TRY(phase("most", MixedWrites::kReplace, 0));
    const MixedPhase after = TRY(phase("after", MixedWrites::kNone, 0));
    add_searches("search_idle", idle);
    add_searches("search", loaded);
    add_searches("search_most", most);
    add_searches("search_after", after);
    const double base = percentile(idle.searches, .99);
    add("search_p99_ratio", percentile(loaded.searches, .99) / base, "ratio");
    add("search_most_p99_ratio", percentile(most.searches, .99) / base, "ratio");
    add("search_after_p99_ratio", percentile(after.searches, .99) / base, "ratio");
    add("search_cpu_p99_ratio", percentile(loaded.search_cpu, .99) / percentile(idle.search_cpu, .99),
        "ratio");
    add("updates_per_s", updates(loaded) / loaded.write_seconds, "1/s");
    add("settle_s", loaded.settle_seconds, "s");
    add("updates_per_s_max", updates(most) / (most.write_seconds + most.settle_seconds), "1/s");
    add_writes("batch", loaded);
    TRY(add_recall("recall_idle", idle));
    TRY(add_recall("recall_loaded", loaded));
    TRY(add_recall("recall_most", most));
    TRY(add_recall("recall_after", after));
    TRY(measure_single_rows("_offered", options_.updates_per_s / kOfferedShare));
    TRY(measure_single_rows("", 0));  // may use up what is left of rows_max
    add("not_searchable", static_cast<double>(not_searchable_), "rows");
    return std::move(figures_);
  }

  uint32_t effort() const { return effort_; }
  uint64_t looked() const { return looked_; }
  const std::string& cpus() const { return cpus_; }

 private:
  VectorBlock queries_of(const BenchSet& set) const {
    VectorBlock all = set.queries.block();
    all.count = std::min(all.count, options_.queries);
    return all;
  }

  /// The least at which the index has the recall before any update.
  Result<void> choose_effort() {
    const VectorBlock rows = history_.now();
    const Neighbors truth = TRY(exact_neighbors(rows, state_.queries, metric_, kMixedNearest, &pool_));
    const RecallJudge judge = TRY(RecallJudge::create(rows, state_.queries, metric_, truth, kMixedNearest));
    for (effort_ = kMixedNearest;; effort_ += effort_ / 8 + 1) {
      side_->set_effort(effort_);
      RecallCount count;
      for (size_t i = 0; i < state_.queries.count; ++i) {
        std::array<uint32_t, kMixedNearest> found{};
        const size_t hits = TRY(side_->search(state_.queries[i], found));
        count.add(judge, i, std::span(found).first(hits));
      }
      if (effort_ >= kEffortMax || count.recall() >= options_.recall) return {};
    }
  }

  Result<MixedPhase> phase(const std::string& name, MixedWrites writes, double rows_per_s) {
    MixedPhaseSpec spec;
    spec.seconds = options_.seconds;
    spec.writes = writes;
    spec.batch = options_.batch;
    spec.rows_per_s = rows_per_s;
    spec.searches_per_s = options_.searches_per_s;
    spec.judged = options_.judged;
    return run(name, spec);
  }

  Result<MixedPhase> run(const std::string& name, const MixedPhaseSpec& spec) {
    const CpuSeconds before = cpu_seconds();
    MixedPhase found = TRY(run_mixed_phase(state_, spec));
    const CpuSeconds after = cpu_seconds();
    const double seconds = std::max(found.seconds, found.write_seconds) + found.settle_seconds;
    const std::string cpus =
        fmt::format("{}: {:.2f} CPUs, other processes {:.2f}", name, (after.own - before.own) / seconds,
                    (after.others - before.others) / seconds);
    cpus_ += (cpus_.empty() ? "" : "; ") + cpus;
    looked_ += found.looked;
    not_searchable_ += found.not_searchable;
    std::fprintf(
        stderr, "%s\n",
        fmt::format("{} {}; {} searches, p50 {:.0f}, p99 {:.0f}, p99.9 {:.0f} us (CPU {:.0f}, {:.0f}, "
                    "{:.0f}); {} rows written, "
                    "calls p50 {:.0f}, p99 {:.0f} us, {:.1f} s, then {:.1f} to settle; {} of {} not found",
                    name_, cpus, found.searches.size(), percentile(found.searches, .5),
                    percentile(found.searches, .99), percentile(found.searches, .999),
                    percentile(found.search_cpu, .5), percentile(found.search_cpu, .99),
                    percentile(found.search_cpu, .999), found.rows_written, percentile(found.writes, .5),
                    percentile(found.writes, .99), found.write_seconds, found.settle_seconds,
                    found.not_searchable, found.looked)
            .c_str());
    return found;
  }

  /// Rows that come one a call against rows that are replaced, in turn, searches beside them: one call after
  /// another, or so many a second.
  Result<void> measure_single_rows(const std::string& name, double rows_per_s) {
    MixedPhase inserts, replaces;
    for (int i = 0; i < options_.windows; ++i)
      for (const bool insert : {true, false}) {
        MixedPhaseSpec spec;
        spec.seconds = options_.seconds / (2 * options_.windows);
        spec.writes = insert ? MixedWrites::kInsert : MixedWrites::kReplace;
        spec.rows_per_s = rows_per_s;
        spec.searches_per_s = options_.searches_per_s;
        spec.look_every = kLookEvery;
        const MixedPhase found = TRY(run((insert ? "insert" : "update") + name, spec));
        std::vector<double>& all = (insert ? inserts : replaces).writes;
        all.insert(all.end(), found.writes.begin(), found.writes.end());
      }
    add_writes("insert" + name, inserts);
    add_writes("update" + name, replaces);
    add("update" + name + "_p99_ratio", percentile(replaces.writes, .99) / percentile(inserts.writes, .99),
        "ratio");
    return {};
  }

  static double updates(const MixedPhase& phase) { return 2 * static_cast<double>(phase.rows_written); }

  void add(std::string name, double value, std::string unit) {
    figures_.push_back({std::move(name), value, std::move(unit)});
  }

  void add_searches(const std::string& name, const MixedPhase& phase) {
    add(name + "_p50_us", percentile(phase.searches, .5), "us");
    add(name + "_p99_us", percentile(phase.searches, .99), "us");
    add(name + "_p999_us", percentile(phase.searches, .999), "us");
    add(name + "_cpu_p50_us", percentile(phase.search_cpu, .5), "us");
    add(name + "_cpu_p99_us", percentile(phase.search_cpu, .99), "us");
    add(name + "_qps", static_cast<double>(phase.searches.size()) / phase.seconds, "1/s");
  }

  void add_writes(const std::string& name, const MixedPhase& phase) {
    add(name + "_p50_us", percentile(phase.writes, .5), "us");
    add(name + "_p99_us", percentile(phase.writes, .99), "us");
  }

  Result<void> add_recall(const std::string& name, const MixedPhase& phase) {
    const double recall = TRY(history_.recall(phase.judged, kMixedNearest));
    std::fprintf(stderr, "%s %s: %.4f\n", name_.c_str(), name.c_str(), recall);
    add(name, recall, "share");
    return {};
  }

  const std::string name_;
  const MixedOptions& options_;
  ThreadPool pool_;
  const Metric metric_;
  const std::unique_ptr<MixedSide> side_;
  MixedHistory history_;
  MixedState state_;
  uint32_t effort_ = 0;
  uint64_t looked_ = 0, not_searchable_ = 0;
  std::string cpus_;  // used in each phase
  Figures figures_;
};

Result<Figures> measure(const std::string& name, std::unique_ptr<MixedSide> side, const MixedRows& rows,
                        const BenchSet& set, const MixedOptions& options, Report& report) {
  MixedRun run(name, std::move(side), rows, set, options);
  Figures figures = TRY(run.run());
  report.note(fmt::format("{}{}: effort {}, {} rows looked for after their write returned; {}",
                          options.prefix, name, run.effort(), run.looked(), run.cpus()));
  return figures;
}

Result<void> describe(const BenchSet& set, const MixedOptions& options, Report& report) {
  if (options.rows > set.base.rows)
    return invalid_argument("mixed: {} rows are asked for, the set '{}' has {}", options.rows, set.name,
                            set.base.rows);
  report.note(fmt::format(
      "{}: {} of the {} rows of {}; {} other rows come, then rows come again, moved a little; {} updates/s "
      "offered, two a replaced row, {} rows a call; {} s a phase; searches {}",
      options.prefix, options.rows, set.base.rows, set.name, set.base.rows - options.rows,
      options.updates_per_s, options.batch, options.seconds,
      options.searches_per_s > 0 ? fmt::format("arrive {} a second", options.searches_per_s)
                                 : "one after another"));
  return {};
}

}  // namespace

Result<void> run_mixed(const BenchSet& set, const MixedOptions& options, Report& report) {
  TRY(describe(set, options, report));
  const PinnedThread pinned(options.threads);
  const std::string parent = options.directory.empty() ? TRY(program_directory()) : options.directory;
  const std::unique_ptr<Scratch> scratch = TRY(Scratch::create(parent));
  const MixedRows rows(set.base.block(), kSeed);
  MixedSideSpec spec;
  spec.dim = set.base.dim;
  spec.metric = set.metric;
  spec.rows_max = options.rows + options.rows / kInsertedShare;
  spec.threads = options.threads;
  spec.directory = scratch->file("database");
  spec.kind = options.kind;
  spec.index = options.index;
  std::unique_ptr<MixedSide> ours = TRY(make_kith_side(spec));
  const Figures figures = TRY(measure("kith", std::move(ours), rows, set, options, report));
  Figures rivals;
  if (options.rival) {
    std::unique_ptr<MixedSide> theirs = TRY(make_hnswlib_side(spec));
    rivals = TRY(measure("hnswlib", std::move(theirs), rows, set, options, report));
  }
  for (size_t i = 0; i < figures.size(); ++i) {
    std::optional<RivalFigure> rival;
    if (i < rivals.size()) rival = RivalFigure{"hnswlib M16", rivals[i].value};
    TRY(report.add({options.prefix + figures[i].name, figures[i].value, figures[i].unit, rival}));
  }
  for (const Measured& one : rivals)
    TRY(report.add({options.prefix + "hnswlib_" + one.name, one.value, one.unit, {}}));
  return {};
}

}  // namespace kith::bench

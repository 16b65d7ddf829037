#include "bench/churn/churn.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/clock.h"
#include "base/thread_pool.h"
#include "bench/churn/disk.h"
#include "bench/harness/scratch.h"
#include "datasets/ground_truth.h"
#include "datasets/recall.h"
#include "index/registry.h"

namespace kith::bench {
namespace {

constexpr uint32_t kEffortMax = 1024;
constexpr uint32_t kNobody = ~0u;

double seconds_since(uint64_t begin) {
  return static_cast<double>(Clock::system().monotonic_ns() - begin) / 1e9;
}

double growth(uint64_t bytes, uint64_t before) {
  return static_cast<double>(bytes) / static_cast<double>(std::max<uint64_t>(before, 1));
}

/// What searches find and cost.
struct Found {
  double recall = 0;
  double distances = 0;
  uint64_t gone = 0;
};

/// The rows that are there, packed, and the exact answers among them.
struct Live {
  Matrix rows;
  std::vector<uint32_t> position;  // by row of the set: where it is in `rows`, or kNobody
  Neighbors truth;
};

class ChurnRun {
 public:
  ChurnRun(const Runbook& runbook, const BenchSet& set, const ChurnOptions& options)
      : runbook_(runbook), set_(set), options_(options), pool_(options.threads) {}

  Result<ChurnFigures> run() {
    const Schedule schedule = TRY(schedule_of(runbook_, set_.base.block()));
    kind_ = TRY(find_index_kind(options_.kind));
    row_of_.assign(set_.base.rows, kNobody);
    index_ = TRY(make_index());
    TRY(come(schedule.first));
    TRY(settle(*index_));
    ChurnFigures out;
    out.effort = effort_ = TRY(choose_effort());
    out.memory_before = index_->memory();
    for (const Cycle& cycle : schedule.cycles) {
      out.cycles.push_back(TRY(run_cycle(cycle)));
      describe(out.cycles.back(), out.cycles.size(), out.memory_before);
    }
    return out;
  }

 private:
  Result<std::unique_ptr<Index>> make_index() {
    IndexSpec spec;
    spec.kind = options_.kind;
    spec.metric = set_.metric;
    spec.dim = set_.base.dim;
    spec.options = options_.index;
    spec.pool = &pool_;
    spec.fs = &posix_file_system();
    spec.directory = TRY(program_directory());
    return create_index(spec);
  }

  Result<void> settle(Index& index) const {
    return kind_->settle == nullptr ? Result<void>() : kind_->settle(index, Stop{});
  }

  /// Rows of the set as new rows of the index.
  Result<void> come(std::span<const uint32_t> numbers) {
    std::vector<std::byte> packed;
    std::vector<Row> rows;
    for (size_t begin = 0; begin < numbers.size(); begin += options_.batch) {
      const auto part = numbers.subspan(begin, std::min(options_.batch, numbers.size() - begin));
      packed.clear();
      rows.clear();
      for (const uint32_t number : part) {
        const VectorView row = set_.base[number];
        packed.insert(packed.end(), row.data, row.data + row.bytes());
        row_of_[number] = static_cast<uint32_t>(number_of_.size());
        rows.push_back(row_of_[number]);
        number_of_.push_back(number);
      }
      TRY(index_->add(rows, {packed.data(), set_.base.type, set_.base.dim, part.size()}));
    }
    return {};
  }

  Result<CycleFigures> run_cycle(const Cycle& cycle) {
    CycleFigures out;
    out.updates = cycle.leave.size() + cycle.come.size();
    const uint64_t begin = Clock::system().monotonic_ns();
    // Side by side, as updates are: a part leaves, a part comes.
    const size_t parts = std::max(cycle.leave.size(), cycle.come.size()) / options_.batch + 1;
    for (size_t part = 0; part < parts; ++part) {
      for (const uint32_t number : share(cycle.leave, part, parts)) {
        TRY(index_->remove(row_of_[number]));
        row_of_[number] = kNobody;
      }
      TRY(come(share(cycle.come, part, parts)));
    }
    TRY(settle(*index_));
    out.seconds = seconds_since(begin);
    TRY(measure(out));
    return out;
  }

  static std::span<const uint32_t> share(std::span<const uint32_t> of, size_t part, size_t parts) {
    const size_t begin = of.size() * part / parts;
    return of.subspan(begin, of.size() * (part + 1) / parts - begin);
  }

  Result<void> measure(CycleFigures& out) {
    const Live live = TRY(find_live());
    const Found churned = TRY(search(*index_, live, true));
    const std::unique_ptr<Index> fresh = TRY(build_fresh(live));
    const Found fresh_found = TRY(search(*fresh, live, false));
    out.recall = churned.recall;
    out.distances = churned.distances;
    out.gone = churned.gone;
    out.fresh_recall = fresh_found.recall;
    out.fresh_distances = fresh_found.distances;
    if (kind_->audit != nullptr) out.unreachable = TRY(kind_->audit(*index_)).unreachable;
    out.memory = index_->memory();
    return {};
  }

  Result<Live> find_live() {
    Live out;
    out.position.assign(set_.base.rows, kNobody);
    out.rows.type = set_.base.type;
    out.rows.dim = set_.base.dim;
    for (size_t number = 0; number < row_of_.size(); ++number) {
      if (row_of_[number] == kNobody) continue;
      const VectorView row = set_.base[number];
      out.rows.data.insert(out.rows.data.end(), row.data, row.data + row.bytes());
      out.position[number] = static_cast<uint32_t>(out.rows.rows++);
    }
    out.truth =
        TRY(exact_neighbors(out.rows.block(), queries(), set_.metric, ChurnOptions::kNearest, &pool_));
    return out;
  }

  Result<std::unique_ptr<Index>> build_fresh(const Live& live) {
    std::unique_ptr<Index> index = TRY(make_index());
    const VectorBlock all = live.rows.block();
    std::vector<Row> rows;
    for (size_t begin = 0; begin < all.count; begin += options_.batch) {
      const size_t count = std::min(options_.batch, all.count - begin);
      rows.resize(count);
      for (size_t i = 0; i < count; ++i) rows[i] = static_cast<Row>(begin + i);
      TRY(index->add(rows, {all[begin].data, all.type, all.dim, count}));
    }
    TRY(settle(*index));
    return index;
  }

  /// `churned`: rows of the index are those of the stream, else positions among the live.
  Result<Found> search(const Index& index, const Live& live, bool churned) {
    const RecallJudge judge = TRY(
        RecallJudge::create(live.rows.block(), queries(), set_.metric, live.truth, ChurnOptions::kNearest));
    Found out;
    RecallCount count;
    SearchStats stats;
    SearchRequest request;
    request.k = ChurnOptions::kNearest;
    request.effort = effort_;
    std::vector<Row> rows;
    for (size_t i = 0; i < queries().count; ++i) {
      request.query = queries()[i];
      const SearchAnswer answer = TRY(index.search(request));
      rows.clear();
      for (const Neighbor& neighbor : answer.neighbors) {
        const uint32_t position = churned ? position_of(neighbor.row, live) : neighbor.row;
        if (position == kNobody)
          ++out.gone;
        else
          rows.push_back(position);
      }
      count.add(judge, i, rows);
      stats.add(answer.stats);
    }
    out.recall = count.recall();
    out.distances = static_cast<double>(stats.full_distances + stats.code_distances) /
                    static_cast<double>(queries().count);
    return out;
  }

  /// kNobody when the row has left.
  uint32_t position_of(Row row, const Live& live) const {
    const uint32_t number = number_of_[row];
    return row_of_[number] == row ? live.position[number] : kNobody;
  }

  /// The least effort at which a fresh build of the first rows has the recall.
  Result<uint32_t> choose_effort() {
    const Live live = TRY(find_live());
    for (effort_ = ChurnOptions::kNearest;; effort_ += effort_ / 8 + 1)
      if (effort_ >= kEffortMax || TRY(search(*index_, live, true)).recall >= options_.recall) return effort_;
  }

  VectorBlock queries() const {
    VectorBlock all = set_.queries.block();
    all.count = std::min(all.count, options_.queries);
    return all;
  }

  void describe(const CycleFigures& one, size_t cycle, const IndexMemory& before) const {
    std::fprintf(
        stderr, "%s\n",
        fmt::format("{} {}: recall {:.4f}, fresh {:.4f}; {:.0f} distances, fresh {:.0f}; {} unreachable, "
                    "{} gone; {:.3f} of the memory; {:.0f} updates/s",
                    runbook_.name, cycle, one.recall, one.fresh_recall, one.distances, one.fresh_distances,
                    one.unreachable, one.gone, growth(one.memory.total(), before.total()),
                    static_cast<double>(one.updates) / one.seconds)
            .c_str());
  }

  const Runbook& runbook_;
  const BenchSet& set_;
  const ChurnOptions& options_;
  ThreadPool pool_;  // before the index, which uses it to its end
  const IndexKind* kind_ = nullptr;
  std::unique_ptr<Index> index_;
  uint32_t effort_ = 0;
  std::vector<uint32_t> row_of_;     // by row of the set: its row in the index, or kNobody
  std::vector<uint32_t> number_of_;  // by row of the index: its row in the set
};

Result<void> add_figures(const std::string& prefix, const ChurnFigures& figures, Report& report) {
  double drop = -1, distances = 0, memory = 0, file = 0, seconds = 0, updates = 0;
  uint64_t unreachable = 0, gone = 0;
  for (const CycleFigures& one : figures.cycles) {
    drop = std::max(drop, one.fresh_recall - one.recall);
    distances = std::max(distances, one.distances / one.fresh_distances);
    memory = std::max(memory, growth(one.memory.total(), figures.memory_before.total()));
    file = std::max(file, growth(one.memory.disk_bytes, figures.memory_before.disk_bytes));
    unreachable = std::max(unreachable, one.unreachable);
    gone += one.gone;
    seconds += one.seconds;
    updates += static_cast<double>(one.updates);
  }
  TRY(report.add({prefix + "recall_drop_max", drop, "share", {}}));
  TRY(report.add({prefix + "ndc_growth", distances, "ratio", {}}));
  TRY(report.add({prefix + "unreachable", static_cast<double>(unreachable), "rows", {}}));
  TRY(report.add({prefix + "gone", static_cast<double>(gone), "answers", {}}));
  TRY(report.add({prefix + "memory_growth", memory, "ratio", {}}));
  if (figures.memory_before.disk_bytes > 0)  // memory=codes
    TRY(report.add({prefix + "file_growth", file, "ratio", {}}));
  TRY(report.add({prefix + "updates_per_s", updates / seconds, "1/s", {}}));
  report.note(fmt::format("{}: effort {}, {} cycles", prefix, figures.effort, figures.cycles.size()));
  return {};
}

MixedOptions mixed_options(const ChurnOptions& options, const std::string& label) {
  MixedOptions mixed = options.mixed;
  mixed.prefix = fmt::format("churn/mixed{}/", label);
  mixed.kind = options.kind;
  mixed.index = options.index;
  mixed.threads = options.threads;
  if (options.rows > 0) mixed.rows = options.rows;
  return mixed;
}

/// Of disk-random-replace: random-replace; of disk: sliding-window.
std::optional<std::string> runbook_on_disk(std::string_view name) {
  if (name == "disk") return "sliding-window";
  if (!name.starts_with("disk-")) return std::nullopt;
  return std::string(name.substr(5));
}

DiskOptions disk_options(const ChurnOptions& options, const std::string& name) {
  DiskOptions disk;
  disk.prefix = fmt::format("churn/{}/", name);
  disk.batch = options.batch;
  disk.kind = options.kind;
  disk.index = options.index;
  disk.directory = options.mixed.directory;
  return disk;
}

Result<Runbook> runbook_of(const std::string& name, const ChurnOptions& options) {
  const bool path = name.find('/') != std::string::npos;
  Runbook runbook = TRY(read_runbook(path ? name : fmt::format("{}/{}.json", options.directory, name)));
  if (options.rows > 0) runbook.rows = options.rows;
  if (options.cycles > 0) runbook.cycles = options.cycles;
  return runbook;
}

}  // namespace

ChurnOptions churn_options(Extent extent) {
  ChurnOptions options;
  if (extent == Extent::kFull) return options;
  options.rows = 20'000;
  options.cycles = 10;
  options.queries = 200;
  options.mixed.seconds = 5;
  options.mixed.queries = 200;
  if (extent == Extent::kQuick) return options;
  options.set = "synthetic";
  options.rows = 1000;
  options.cycles = 2;
  options.queries = 20;
  options.mixed.seconds = 0.3;
  options.mixed.queries = 20;
  options.mixed.batch = 20;
  options.mixed.windows = 1;
  options.mixed.judged = 50;
  return options;
}

Result<ChurnFigures> run_churn(const Runbook& runbook, const BenchSet& set, const ChurnOptions& options) {
  return ChurnRun(runbook, set, options).run();
}

Result<void> run_churn_suite(const ChurnOptions& options, Report& report) {
  if (options.runbooks.empty()) return {};
  const BenchSet set = TRY(load_bench_set(options.set, std::max(options.queries, options.mixed.queries)));
  if (!set.note.empty()) report.note(set.note);
  const std::string label = options.label.empty() ? "" : "-" + options.label;
  for (const std::string& name : options.runbooks) {
    if (name == "mixed") {
      TRY(run_mixed(set, mixed_options(options, label), report));
      continue;
    }
    const std::optional<std::string> on_disk = runbook_on_disk(name);
    const Runbook runbook = TRY(runbook_of(on_disk.value_or(name), options));
    if (on_disk.has_value()) {
      TRY(run_disk(runbook, set, disk_options(options, name + label), report));
      continue;
    }
    const ChurnFigures figures = TRY(run_churn(runbook, set, options));
    TRY(add_figures(fmt::format("churn/{}{}/", runbook.name, label), figures, report));
  }
  return {};
}

}  // namespace kith::bench

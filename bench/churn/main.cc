// kith_bench_churn: what updates do to an index. See docs/benchmarks.md.
#include <CLI/CLI.hpp>

#include "bench/churn/churn.h"

namespace kith::bench {
namespace {

/// What was given on the command line; empty or unset = as the extent says.
struct Flags {
  CommonOptions common;
  std::vector<std::string> runbooks, index;
  std::optional<std::string> set, kind, label, directory;
  std::optional<size_t> rows, cycles, queries, threads, batch;
  std::optional<std::string> data;
  std::optional<double> seconds, updates, searches;
  bool no_rival = false;
};

void add_flags(CLI::App& app, Flags& flags) {
  add_common_options(app, flags.common);
  app.add_option("--runbooks", flags.runbooks, "their names, or paths with a /, separated by commas")
      ->delimiter(',');
  app.add_option("--directory", flags.directory, "of runbooks given by name (bench/churn/runbooks)");
  app.add_option("--set", flags.set, "where the rows come from (sift)");
  app.add_option("--kind", flags.kind, "index kind (vamana)");
  app.add_option("--index", flags.index, "its options, name=value, separated by commas")->delimiter(',');
  app.add_option("--label", flags.label, "figures are of churn/<runbook>-<label>/: to tell runs apart");
  app.add_option("--rows", flags.rows, "that are there all the time, instead of the runbook's");
  app.add_option("--cycles", flags.cycles, "instead of the runbook's");
  app.add_option("--queries", flags.queries, "searched after each cycle (500)");
  app.add_option("--threads", flags.threads, "CPUs (2)")->check(CLI::Range(1, 1024));
  CLI::App& mixed = *app.add_option_group("mixed", "the runbook mixed");
  mixed.add_option("--data", flags.data,
                   "where its database goes, and that of the runbook disk (beside this program)");
  mixed.add_option("--seconds", flags.seconds, "a phase (30)")->check(CLI::PositiveNumber);
  mixed.add_option("--updates", flags.updates, "rows that leave or come a second (4000)")
      ->check(CLI::PositiveNumber);
  mixed.add_option("--batch", flags.batch, "rows replaced a call (200)")->check(CLI::PositiveNumber);
  mixed.add_option("--searches", flags.searches, "that arrive a second (0: one after another)")
      ->check(CLI::NonNegativeNumber);
  mixed.add_flag("--no-rival", flags.no_rival, "without hnswlib");
}

Result<ChurnOptions> options_of(const Flags& flags) {
  ChurnOptions options = churn_options(flags.common.extent());
  if (!flags.runbooks.empty()) options.runbooks = flags.runbooks;
  for (const std::string& one : flags.index) {
    const size_t at = one.find('=');
    if (at == std::string::npos) return invalid_argument("--index: '{}' is no name=value", one);
    options.index.emplace_back(one.substr(0, at), one.substr(at + 1));
  }
  if (flags.directory) options.directory = *flags.directory;
  if (flags.set) options.set = *flags.set;
  if (flags.kind) options.kind = *flags.kind;
  if (flags.label) options.label = *flags.label;
  if (flags.rows) options.rows = *flags.rows;
  if (flags.cycles) options.cycles = *flags.cycles;
  if (flags.queries) options.queries = *flags.queries;
  if (flags.threads) options.threads = *flags.threads;
  if (flags.data) options.mixed.directory = *flags.data;
  if (flags.seconds) options.mixed.seconds = *flags.seconds;
  if (flags.updates) options.mixed.updates_per_s = *flags.updates;
  if (flags.batch) options.mixed.batch = *flags.batch;
  if (flags.searches) options.mixed.searches_per_s = *flags.searches;
  options.mixed.rival = !flags.no_rival;
  return options;
}

Result<Report> run(const Flags& flags) {
  const ChurnOptions options = TRY(options_of(flags));
  Report report("churn", current_commit(), describe_machine());
  TRY(run_churn_suite(options, report));
  return report;
}

}  // namespace
}  // namespace kith::bench

int main(int argc, char** argv) {
  CLI::App app{"what updates do to an index", "kith_bench_churn"};
  kith::bench::Flags flags;
  kith::bench::add_flags(app, flags);
  CLI11_PARSE(app, argc, argv);
  return kith::bench::finish_report(kith::bench::run(flags), flags.common);
}

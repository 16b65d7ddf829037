// kith_bench_recall: recall against speed on real data, beside hnswlib. See docs/benchmarks.md.
#include <CLI/CLI.hpp>

#include "bench/recall/suite.h"

namespace kith::bench {
namespace {

/// What was given on the command line; empty or unset = as the extent says.
struct Flags {
  CommonOptions common;
  std::vector<std::string> sets, kinds;
  std::vector<uint32_t> efforts;
  std::optional<std::string> report;
  std::optional<size_t> queries, threads;
  std::optional<int> passes;
  bool rival = true;
};

void add_flags(CLI::App& app, Flags& flags) {
  add_common_options(app, flags.common);
  app.add_option("--sets", flags.sets, "fashion-mnist, sift, debian or synthetic, separated by commas")
      ->delimiter(',');
  app.add_option("--kinds", flags.kinds,
                 "index kinds, e.g. hnsw,flat; hnsw-u8 keeps rows in the file's own u8, vamana-f16 rounds "
                 "them to f16, vamana-disk leaves full vectors "
                 "on disk")
      ->delimiter(',');
  app.add_option("--efforts", flags.efforts, "efforts to sweep, ascending")->delimiter(',');
  app.add_option("--queries", flags.queries, "use the first N queries only; 0 = all");
  app.add_option("--passes", flags.passes, "passes an effort, the fastest counts");
  app.add_option("--threads", flags.threads, "CPUs for builds and for the batch figures (2)");
  app.add_option("--report", flags.report, "directory for the drawn curves (bench/report); '' = none");
  app.add_flag("--rival,!--no-rival", flags.rival, "also run hnswlib (default)");
}

Result<RecallOptions> options_of(const Flags& flags) {
  RecallOptions options = recall_options(flags.common.extent());
  if (!flags.sets.empty()) options.sets = flags.sets;
  if (!flags.kinds.empty()) options.kinds = flags.kinds;
  if (!flags.efforts.empty()) options.sweep.efforts = flags.efforts;
  if (flags.queries) options.queries_max = *flags.queries;
  if (flags.passes) options.sweep.passes = *flags.passes;
  if (flags.threads) options.threads = *flags.threads;
  if (flags.report) options.report_directory = *flags.report;
  if (!flags.rival) options.rival_links.clear();
  if (options.threads == 0 || options.threads > 1024)
    return invalid_argument("--threads {}: give 1 to 1024", options.threads);
  if (!std::is_sorted(options.sweep.efforts.begin(), options.sweep.efforts.end()))
    return invalid_argument("--efforts: give them in ascending order");
  return options;
}

Result<Report> run(const Flags& flags) {
  RecallOptions options = TRY(options_of(flags));
  Report report("recall", current_commit(), describe_machine());
  TRY(run_recall_suite(options, report));
  return report;
}

}  // namespace
}  // namespace kith::bench

int main(int argc, char** argv) {
  CLI::App app{"recall against queries per second, build time and memory, beside hnswlib",
               "kith_bench_recall"};
  kith::bench::Flags flags;
  kith::bench::add_flags(app, flags);
  CLI11_PARSE(app, argc, argv);
  return kith::bench::finish_report(kith::bench::run(flags), flags.common);
}

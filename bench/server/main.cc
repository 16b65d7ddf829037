// kith_bench_server: durable load and single-client search, in process and over loopback gRPC. See
// docs/benchmarks.md.
#include <CLI/CLI.hpp>
#include <optional>

#include "bench/server/suite.h"

namespace kith::bench {
namespace {

/// What was given on the command line; unset = as the extent says.
struct Flags {
  CommonOptions common;
  std::optional<std::string> set, program, directory;
  std::vector<std::string> kinds;
  std::optional<size_t> queries;
  std::optional<int> passes;
};

void add_flags(CLI::App& app, Flags& flags) {
  add_common_options(app, flags.common);
  app.add_option("--set", flags.set, "fashion-mnist, sift, debian or synthetic");
  app.add_option("--kinds", flags.kinds, "index kinds (flat,hnsw)")->delimiter(',');
  app.add_option("--queries", flags.queries, "searches a pass of approximate kinds");
  app.add_option("--passes", flags.passes, "passes, the one with the lowest median counts");
  app.add_option("--kith", flags.program, "the kith binary that serves");
  app.add_option("--dir", flags.directory, "where the databases are put, on a disk whose syncs are real");
}

Result<Report> run(const Flags& flags) {
  ServerBenchOptions options = TRY(server_options(flags.common.extent()));
  if (flags.set) options.set = *flags.set;
  if (flags.program) options.program = *flags.program;
  if (flags.directory) options.directory = *flags.directory;
  if (!flags.kinds.empty()) options.kinds = flags.kinds;
  if (flags.queries) options.queries = *flags.queries;
  if (flags.passes) options.passes = *flags.passes;
  if (options.queries == 0 || options.passes < 1)
    return invalid_argument("--queries {} --passes {}: both must be at least 1", options.queries,
                            options.passes);
  Report report("server", current_commit(), describe_machine());
  TRY(run_server_suite(options, report));
  return report;
}

}  // namespace
}  // namespace kith::bench

int main(int argc, char** argv) {
  CLI::App app{"durable load and single-client search, in process and over loopback gRPC",
               "kith_bench_server"};
  kith::bench::Flags flags;
  kith::bench::add_flags(app, flags);
  CLI11_PARSE(app, argc, argv);
  return kith::bench::finish_report(kith::bench::run(flags), flags.common);
}

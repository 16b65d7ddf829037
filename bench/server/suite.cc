#include "bench/server/suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "bench/harness/scratch.h"
#include "bench/server/server_process.h"
#include "bench/server/workload.h"
#include "index/registry.h"
#include "query/database.h"

namespace kith::bench {
namespace {

constexpr double kOverheadAllowedUs = 150;  // loopback gRPC may take 2 × the in-process p50 and this

struct KindFigures {
  LoadFigures remote_load, local_load;
  Latencies local, remote;  // of the best pass each
  double recall = 0;        // of the server's answers
};

/// One loaded place to search, here or in a server.
struct Place {
  Api& api;
  Latencies best;
};

Result<void> search_pass(Place& place, const std::string& kind, const BenchSet& set,
                         const ServerBenchOptions& options, size_t queries) {
  Latencies pass = TRY(search_all(place.api, kind, set, queries, options.k));
  if (place.best.p50_us == 0 || pass.p50_us < place.best.p50_us) place.best = std::move(pass);
  return {};
}

Result<KindFigures> measure_kind(const ServerBenchOptions& options, const std::string& kind,
                                 const BenchSet& set) {
  std::unique_ptr<Scratch> scratch = TRY(Scratch::create(options.directory));
  std::unique_ptr<ServerProcess> server = TRY(ServerProcess::start(options.program, scratch->file("server")));
  std::unique_ptr<Api> remote_api = TRY(connect_remote_api(server->address()));
  std::unique_ptr<Database> database = TRY(Database::open(scratch->file("local"), DatabaseOptions()));
  std::unique_ptr<Api> local_api = make_local_api(*database);
  KindFigures figures;
  figures.remote_load = TRY(load_set(*remote_api, kind, kind, set));
  figures.local_load = TRY(load_set(*local_api, kind, kind, set));
  bool exact = TRY(find_index_kind(kind))->exact;
  size_t queries = std::min(exact ? options.queries_exact : options.queries, set.queries.rows);
  Place local{*local_api, {}}, remote{*remote_api, {}};
  for (int pass = 0; pass < options.passes; ++pass) {
    TRY(search_pass(local, kind, set, options, queries));
    TRY(search_pass(remote, kind, set, options, queries));
  }
  RecallJudge judge =
      TRY(RecallJudge::create(set.base.block(), set.queries.block(), set.metric, set.truth, options.k));
  figures.recall = recall_of(judge, remote.best.answers, options.k);
  figures.local = std::move(local.best);
  figures.remote = std::move(remote.best);
  if (exact && figures.recall < 1.0)
    return corruption("kind '{}' is exact, but its recall over gRPC is {}", kind, figures.recall);
  return figures;
}

Result<void> add_kind(const KindFigures& figures, const std::string& prefix, size_t rows, Report& report) {
  auto rate = [rows](double seconds) { return static_cast<double>(rows) / std::max(seconds, 1e-9); };
  double limit_us = 2 * figures.local.p50_us + kOverheadAllowedUs;
  const Figure all[] = {
      {"load_rows_per_s", rate(figures.remote_load.acknowledged_s), "1/s", {}},
      {"settle_s", figures.remote_load.settled_s, "s", {}},
      {"settled_rows_per_s", rate(figures.remote_load.settled_s), "1/s", {}},
      {"local_load_rows_per_s", rate(figures.local_load.acknowledged_s), "1/s", {}},
      {"search_p50_us", figures.local.p50_us, "us", {}},
      {"search_p99_us", figures.local.p99_us, "us", {}},
      {"search_qps", figures.local.qps, "1/s", {}},
      {"search_grpc_p50_us", figures.remote.p50_us, "us", {}},
      {"search_grpc_p99_us", figures.remote.p99_us, "us", {}},
      {"search_grpc_qps", figures.remote.qps, "1/s", {}},
      {"grpc_overhead_us", figures.remote.p50_us - figures.local.p50_us, "us", {}},
      {"grpc_p50_of_limit", figures.remote.p50_us / limit_us, "", {}},
      {"search_recall", figures.recall, "", {}},
  };
  for (Figure figure : all) {
    figure.name = prefix + figure.name;
    TRY(report.add(std::move(figure)));
  }
  report.note(fmt::format("{}grpc_p50_of_limit: {:.0f} us of 2 x p50 + 150 us = {:.0f} us, {}", prefix,
                          figures.remote.p50_us, limit_us,
                          figures.remote.p50_us <= limit_us ? "kept" : "MISSED"));
  return {};
}

}  // namespace

Result<ServerBenchOptions> server_options(Extent extent) {
  const std::filesystem::path here = std::filesystem::path(TRY(own_program())).parent_path();
  ServerBenchOptions options;
  options.directory = here.string();
  options.program = (here.parent_path() / "server" / "kith").string();
  if (extent == Extent::kFull) return options;
  options.queries = 200;
  options.queries_exact = 50;
  options.passes = 1;
  if (extent == Extent::kSmoke) options.set = "synthetic";
  return options;
}

Result<void> run_server_suite(const ServerBenchOptions& options, Report& report) {
  BenchSet set = TRY(load_bench_set(options.set, 0));
  if (!set.note.empty()) report.note(options.set + ": " + set.note);
  const std::string default_kind = IndexSpec().kind;
  for (const std::string& kind : options.kinds) {
    std::fprintf(stderr, "%s: loading and searching kind %s\n", options.set.c_str(), kind.c_str());
    KindFigures figures = TRY(measure_kind(options, kind, set));
    TRY(add_kind(figures, fmt::format("server/{}/{}/", options.set, kind), set.base.rows, report));
    if (kind == default_kind)
      TRY(add_kind(figures, fmt::format("server/{}/best/", options.set), set.base.rows, report));
  }
  return {};
}

}  // namespace kith::bench

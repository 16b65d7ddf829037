// The server suite: what durability and the wire cost. For each kind one server process and one database in
// this process are loaded alike; then both answer the same queries, pass about, so that noise hits both.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "bench/harness/options.h"
#include "bench/harness/result.h"

namespace kith::bench {

struct ServerBenchOptions {
  std::string set = "fashion-mnist";
  std::vector<std::string> kinds = {"flat", "vamana", "hnsw"};
  std::string program;    // the kith binary
  std::string directory;  // data of the run goes into a new folder in it, removed at the end
  size_t queries = 1000;
  size_t queries_exact = 200;  // of kinds that scan everything
  int passes = 3;
  uint32_t k = 10;
};

/// What each extent means, and the kith binary and directory as found beside this executable.
Result<ServerBenchOptions> server_options(Extent extent);

Result<void> run_server_suite(const ServerBenchOptions& options, Report& report);

}  // namespace kith::bench

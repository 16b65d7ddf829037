// The recovery suite: what an open costs after a clean stop and after a kill, what checkpoints cost searches,
// what the disk holds, and how near durable writes come to bare RocksDB's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/harness/options.h"
#include "bench/harness/result.h"
#include "bench/harness/sets/bench_set.h"
#include "index/index.h"

namespace kith::bench {

struct RecoveryOptions {
  std::string set = "sift";
  std::vector<std::string> parts = {"open", "kill", "checkpoint", "upsert", "jobs"};
  std::string program;    // this one, for child processes
  std::string directory;  // data of the run goes into a new folder in it, removed at the end
  int opens = 3;
  int kills = 5;
  int windows = 10;  // pairs of them: searches without and with checkpoints
  double window_s = 2;
  std::string kind{kDefaultKind};  // of the index that is upserted into
  int slices = 5;                  // of each way to upsert, Kith's and RocksDB's taking turns
  uint64_t points = 10'000;        // of jobs; a kill counts as 25
  uint64_t seed = 0;               // of the moments of kills; 0 = a random one, said in the notes
};

/// What each extent means, with paths as found beside this executable.
Result<RecoveryOptions> recovery_options(Extent extent);

Result<void> run_recovery_suite(const RecoveryOptions& options, Report& report);

}  // namespace kith::bench

// Recall targets as users ask for them: a collection with its payloads, its own calibration, and queries that
// name a target, without a filter and under the set's own filters. What was found beside what was asked.
//
// Up to 512 of the first half of the queries are asked once before the calibration, as recent queries; others
// are measured.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bench/harness/options.h"
#include "bench/harness/result.h"

namespace kith::bench {

struct TargetOptions {
  std::vector<std::string> sets;  // as in load_target_set
  std::vector<double> targets = {0.9, 0.95, 0.99, 0.999};
  std::vector<uint32_t> ks = {1, 10, 100};  // without a filter
  uint32_t k = 10;                          // under filters
  size_t rows = 100'000;                    // of sets that are made
  size_t queries = 1000;                    // that are measured without a filter, at most
  std::string directory = std::filesystem::temp_directory_path().string();  // for data
};

TargetOptions target_options(Extent extent);

/// Figures `filter/<set>/k<k>-at-<target>/recall_minus_target`, `filter/<set>/<share>-at-<target>/…` for
/// filters by decades of the share that they allow, and of all of a set and target
/// `filter/<set>/at-<target>/recall_minus_target_min|recall_minus_target_max|short_answers`.
Result<void> run_target_suite(const TargetOptions& options, Report& report);

}  // namespace kith::bench

// The true answers that `kith bench` measures against, as scores: recall by distance.
//
// A hit counts when it is at least as near as the true k-th neighbour (plus kTieTolerance for rounding), so
// that of several points at the same distance any will do. That is the rule of ANN-Benchmarks.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "datasets/reader.h"
#include "index/distance/distance.h"
#include "server/cli/commands.h"
#include "server/cli/session.h"

namespace kith {

inline constexpr float kTieTolerance =
    1e-5f;  // relative: two kernels may round the same distance differently

struct Truth {
  std::string source;  // "ground truth file" or "exact search of N queries"
  Metric metric = Metric::kL2;
  std::vector<float> worst_score;  // of the k-th neighbour, per query; queries past its end are not judged
  std::vector<uint32_t> expected;  // min(k, points): hits that a perfect answer has

  size_t size() const { return worst_score.size(); }
  /// Hits of `response` that belong into the true answer of query `i`, 0..expected[i].
  uint32_t found(size_t i, const v1::SearchResponse& response) const;
};

/// From the ground truth file (ids are id_start + row), else by exact search over options.sample queries.
Result<Truth> find_truth(const BenchOptions& options, const v1::FieldInfo& field, const Matrix& queries,
                         Session& session, Console& console);

/// The request for query `i`, without effort.
v1::SearchRequest bench_request(const BenchOptions& options, const v1::VectorField& field,
                                const Matrix& queries, size_t i);

}  // namespace kith

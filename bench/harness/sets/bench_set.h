// BenchSet: one data set as the suites use it: base and queries as f32 (what the rivals take), the
// same in the file's own type where that is smaller, and exact neighbours.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"
#include "datasets/reader.h"
#include "datasets/recall.h"
#include "index/distance/distance.h"

namespace kith::bench {

struct BenchSet {
  std::string name;  // as in figure names
  Metric metric = Metric::kL2;
  Matrix base;         // f32
  Matrix queries;      // f32
  Matrix native_base;  // as in the file (u8); no rows where the file holds f32
  Matrix native_queries;
  Neighbors truth;   // exact, nearest first, one row a query
  std::string note;  // what a reader of the figures must know; "" = nothing

  const float* query(size_t number) const {
    return reinterpret_cast<const float*>(queries.data.data()) + number * queries.dim;
  }
};

/// `name` is fashion-mnist, sift, debian, any other name of datasets/catalog.h, or synthetic: a small
/// clustered set that proves that the suite runs. NAME@ROWS takes that many of its rows, evenly spread, to
/// see how figures change with size. Keeps the first `queries_max` queries, 0 = all.
Result<BenchSet> load_bench_set(const std::string& name, size_t queries_max);

/// The name in datasets/catalog.h of a set that figures name shortly.
std::string catalog_name(const std::string& name);

/// Mean recall@k, by distance, of the answers to queries 0, 1, …; k rows a query.
double recall_of(const RecallJudge& judge, std::span<const Row> answers, size_t k);

}  // namespace kith::bench

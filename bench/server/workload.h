// What a client does to an Api, timed: loads a set durably, and searches one query after the other. The same
// code runs against a database in this process and against a server in another, so that the difference is the
// wire's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/harness/sets/bench_set.h"
#include "server/api/api.h"

namespace kith::bench {

struct LoadFigures {
  double acknowledged_s = 0;  // first batch sent to last batch answered, each durable
  double settled_s = 0;       // first batch sent to index caught up
};

/// Creates `collection` with one f32 field of index `kind` and upserts all rows, ids 0.., through
/// UpsertStream with SYNC durability.
Result<LoadFigures> load_set(Api& api, const std::string& collection, const std::string& kind,
                             const BenchSet& set);

struct Latencies {
  double p50_us = 0;
  double p99_us = 0;
  double qps = 0;
  std::vector<Row> answers;  // k a query
};

/// One pass: queries 0..queries-1, one at a time, k nearest with the kind's default effort.
Result<Latencies> search_all(Api& api, const std::string& collection, const BenchSet& set, size_t queries,
                             uint32_t k);

}  // namespace kith::bench

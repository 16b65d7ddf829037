// Durable upserts beside bare RocksDB's writes of the same bytes: each slice of requests goes through Kith
// and then, as the batches that Kith makes of it, through a RocksDB with the same options, syncing each; the
// next slice the other way round.
#pragma once

#include "bench/recovery/suite.h"

namespace kith::bench {

/// Databases go below `parent`. Figures recovery/<way>/rows_per_s with the rival's, and settled_rows_per_s.
Result<void> measure_upserts(const RecoveryOptions& options, const BenchSet& set, const std::string& parent,
                             Report& report);

}  // namespace kith::bench

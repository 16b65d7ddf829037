// Exact scan: the nearest rows by reading every stored vector of a field from one snapshot, without any
// index. Always right, for as long as it takes: serves exact=true where the index kind is approximate, fields
// whose index cannot be asked, and range searches of kinds that have none.
#pragma once

#include <limits>
#include <vector>

#include "base/row_set.h"
#include "base/thread_pool.h"
#include "index/index.h"
#include "query/types.h"
#include "storage/kv/kv_store.h"
#include "storage/rows/keys.h"

namespace kith {

struct ExactScan {
  const KvSnapshot& view;
  CollectionNumber collection;
  uint8_t position;  // of the field
  const VectorField& field;
  Row rows_end;           // every row of the view is below
  const RowSet& expired;  // rows that are no answer
  const RowSet* allowed;  // the only rows that may be; null: all
  VectorBlock queries;
  size_t k;  // nearest rows kept per query
  float distance_max = std::numeric_limits<float>::infinity();
  Stop stop;
};

/// One answer per query. Parallel over ranges of rows. Corruption names the row whose vector has the wrong
/// size.
Result<std::vector<SearchAnswer>> exact_scan(const ExactScan& scan, ThreadPool& pool);

}  // namespace kith

// Filters of the real sets: `filters.jsonl`, one filtered query a line, and what each allows, evaluated over
// the set's attributes (one JSON object a base row). For benchmarks and tests; what Kith's users write is
// query/filter.
//
//   {"qid": 630, "kind": "own-tag", "filter": {"op": "contains", "field": "tags", "value": "a::b"},
//   "matches": 7}
//
// Operations: eq and contains (one of the values at `field` equals `value`), in (… one of `values`), range
// (gte, gt, lte, lt), and, or (`args`), not (`arg`). A field is a name of the object; an array has several
// values. Files are not trusted: InvalidArgument names file, line and what is wrong.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/row_set.h"

namespace kith {

struct FilteredQuery {
  size_t query = 0;  // number of its vector among the set's queries
  std::string kind;  // as the file says: "own-tag"
  std::string text;  // the filter as Kith's users write it (docs/filters.md); "" for and, or of nothing
  RowSet allowed;    // base rows
};

/// All of them, in the order of the file. InvalidArgument where a filter does not allow as many rows as its
/// line says ("matches", where there is one).
Result<std::vector<FilteredQuery>> read_filtered_queries(const std::string& filters_path,
                                                         const std::string& attributes_path);

/// A number field of each line; NaN where a line has none.
Result<std::vector<double>> read_numbers(const std::string& attributes_path, const std::string& field);

}  // namespace kith

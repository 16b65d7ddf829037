// What reads of a collection have in common, see local_collection.h.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/row_set.h"
#include "index/index.h"
#include "query/collection/search_course.h"
#include "query/types.h"

namespace kith {

/// Tries without holding writers off, when rows were removed while an index was asked.
inline constexpr int kOptimisticTries = 3;

/// So many rows are sorted by id rather than found among all ids.
inline constexpr uint64_t kSortedRowsMax = 16'384;

/// Rows that a search has to find, those skipped included.
inline size_t wanted(const Query& query) {
  return size_t{query.offset} + query.k;
}

/// `allowed` null: there is no filter.
inline Returnable returnable(const Index& index, const RowSet* allowed) {
  const uint64_t rows = index.stats().rows;
  if (allowed == nullptr) return {rows, std::nullopt};
  return {rows, allowed->size()};
}

/// Without how it is to be answered.
inline SearchRequest request_of(const Query& query, const VectorField& field, size_t k) {
  SearchRequest request;
  request.query = {query.vector.data(), query_type(field.type), field.dim};
  request.k = static_cast<uint32_t>(k);
  request.effort = query.effort;
  request.stop = query.stop;
  return request;
}

inline std::vector<Row> rows_of(const RowSet& set) {
  std::vector<Row> rows;
  rows.reserve(set.size());
  set.for_each([&](Row row) {
    rows.push_back(row);
    return true;
  });
  return rows;
}

inline bool near_enough(Metric metric, float score, float threshold) {
  return higher_is_nearer(metric) ? score >= threshold : score <= threshold;
}

/// Skips `offset`, keeps `count`.
inline void cut(std::vector<Neighbor>& neighbors, size_t offset, size_t count) {
  neighbors.erase(neighbors.begin(),
                  neighbors.begin() + static_cast<ptrdiff_t>(std::min(offset, neighbors.size())));
  if (neighbors.size() > count) neighbors.resize(count);
}

}  // namespace kith

// RowScorer: distances from one prepared query to the rows of an ExtentStore, full vectors or codes alike, as
// beam_search asks for them.
#pragma once

#include <algorithm>

#include "index/distance/distance.h"
#include "index/extent_store.h"
#include "index/stats.h"

namespace kith {

struct RowScorer {
  const ExtentStore* rows;
  const void* query;
  DistanceFn kernel;
  uint32_t dim;
  bool codes;  // rows are codes: distances are estimates
  uint32_t prefetch_bytes;

  RowScorer(const ExtentStore& store, const void* prepared, DistanceFn distances, uint32_t dimensions,
            bool estimates)
      : rows(&store),
        query(prepared),
        kernel(distances),
        dim(dimensions),
        codes(estimates),
        prefetch_bytes(static_cast<uint32_t>(std::min<size_t>(store.stride(), 512))) {}

  const void* row(Node node) const { return rows->at(node); }
  void prefetch(const void* row) const {
    for (uint32_t offset = 0; offset < prefetch_bytes; offset += 64)
      __builtin_prefetch(static_cast<const std::byte*>(row) + offset);
  }
  void score(const void* const* selected, size_t count, float* out) const {
    kernel(query, selected, count, dim, out);
  }
  float score_one(Node node) const {
    const void* one = row(node);
    float distance = 0;
    kernel(query, &one, 1, dim, &distance);
    return distance;
  }
  void count(uint64_t measured, SearchStats& stats) const {
    (codes ? stats.code_distances : stats.full_distances) += measured;
  }
};

}  // namespace kith

// VectorScorer: distances from one query to stored vectors, as beam_search asks for them.
#pragma once

#include <algorithm>

#include "index/vector_store.h"

namespace kith {

struct VectorScorer {
  const VectorStore* vectors;
  const void* query;
  DistanceFn kernel;
  uint32_t dim;
  uint32_t prefetch_bytes;

  VectorScorer(const VectorStore& store, const void* kernel_query)
      : vectors(&store),
        query(kernel_query),
        kernel(store.space().kernel),
        dim(store.space().dim),
        prefetch_bytes(static_cast<uint32_t>(std::min<size_t>(store.space().bytes(), 256))) {}

  const void* row(Node node) const { return (*vectors)[node]; }
  void prefetch(const void* row) const {
    for (uint32_t offset = 0; offset < prefetch_bytes; offset += 64)
      __builtin_prefetch(static_cast<const std::byte*>(row) + offset);
  }
  void score(const void* const* rows, size_t count, float* out) const {
    kernel(query, rows, count, dim, out);
  }
};

}  // namespace kith

// NN-descent: an approximate k-nearest-neighbour graph (Dong, Charikar, Li, "Efficient k-nearest neighbor
// graph construction for generic similarity measures", WWW 2011). Neighbours of a node are likely neighbours
// of each other: each round measures, for every node, its new neighbours (and those it is a new neighbour of)
// against each other and the old ones, until little changes. It starts from the leaves of a few random
// partitions rather than from chance, which spares most rounds.
#pragma once

#include "base/stop.h"
#include "base/thread_pool.h"
#include "index/graph/candidate_pool.h"
#include "index/vector_store.h"

namespace kith {

/// Lists of k neighbours, nearest first, for some nodes.
class KnnGraph {
 public:
  KnnGraph(std::span<const Node> nodes, uint32_t k);

  uint32_t k() const { return k_; }
  std::span<const Candidate> list(Node node) const {
    const size_t at = positions_[node];
    return {entries_.data() + at * k_, sizes_[at]};
  }

  /// As beam_search sees it.
  uint32_t degree_max() const { return k_; }
  uint32_t read(Node node, Node* out) const;
  void prefetch(Node node) const { __builtin_prefetch(entries_.data() + positions_[node] * k_); }

 private:
  friend class NnDescent;

  uint32_t k_;
  std::vector<uint32_t> positions_;  // by node
  std::vector<Candidate> entries_;   // by position, k each
  std::vector<uint32_t> sizes_;
};

/// Of `nodes`, no two equal; k ≥ 1. The stop is asked between rounds.
Result<KnnGraph> nn_descent(const VectorStore& vectors, std::span<const Node> nodes, uint32_t k,
                            uint64_t seed, ThreadPool* pool, const Stop& stop);

}  // namespace kith

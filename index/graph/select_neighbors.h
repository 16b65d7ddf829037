// select_neighbors: the pruning rule of relative-neighbourhood graphs (SELECT-NEIGHBORS-HEURISTIC, Algorithm
// 4 of Malkov and Yashunin): go through candidates from near to far; keep one unless a kept one is nearer to
// it than the centre is, d(candidate, kept) < d(candidate, centre). It is RobustPrune of Vamana with α = 1;
// L2 is compared squared here and in all of index/graph, so an α would have to be squared too.
//
// Three things make it cheap. A candidate is measured against the kept ones by calls of the batch kernel, a
// few rows at a time, nearest first, because most candidates fall early. Candidates known to have passed
// against each other (the `checked` prefix that an earlier pruning of the same list left) are not measured
// again: the result is the same, the work is that of the newcomers only. And distances to the centre come
// with the candidates.
//
// `forced` candidates are kept whatever the rule says: the edges that hold the graph together
// (hnsw/linker.h).
#pragma once

#include <span>
#include <vector>

#include "index/graph/candidate_pool.h"
#include "index/vector_store.h"

namespace kith {

struct PruneCandidate {
  float distance;  // to the centre
  Node node;
  bool checked = false;  // passed the rule against all other checked ones
  bool forced = false;
};

struct PruneScratch {
  std::vector<PruneCandidate> candidates;  // input, near to far
  std::vector<PruneCandidate> kept;        // output
  std::vector<const void*> rows;           // of all kept
  std::vector<const void*> fresh_rows;     // of kept ones that are not checked
  std::vector<float> distances;
  KernelQuery query;
  uint64_t measured = 0;  // distances taken, ever
};

namespace graph {

inline constexpr size_t kPruneStep = 8;  // rows a kernel call: a full group of the widest kernels

/// True when one of `rows` is nearer to `query` than `limit`.
inline bool any_nearer(const VectorSpace& space, const void* query, const std::vector<const void*>& rows,
                       float limit, PruneScratch& scratch) {
  float distances[kPruneStep];
  for (size_t begin = 0; begin < rows.size(); begin += kPruneStep) {
    const size_t count = std::min(kPruneStep, rows.size() - begin);
    space.kernel(query, rows.data() + begin, count, space.dim, distances);
    scratch.measured += count;
    for (size_t i = 0; i < count; ++i)
      if (distances[i] < limit) return true;
  }
  return false;
}

}  // namespace graph

/// Selects at most `max` of scratch.candidates into scratch.kept, near to far. With `keep_pruned` the nearest
/// rejected ones fill what is left (not checked). At most `max` candidates may be forced.
inline void select_neighbors(const VectorStore& vectors, uint32_t max, bool keep_pruned,
                             PruneScratch& scratch) {
  scratch.kept.clear();
  scratch.rows.clear();
  scratch.fresh_rows.clear();
  size_t forced_left = 0;
  for (const PruneCandidate& candidate : scratch.candidates) forced_left += candidate.forced;
  for (PruneCandidate& candidate : scratch.candidates) {
    if (scratch.kept.size() == max) break;
    const std::byte* row = vectors[candidate.node];
    if (candidate.forced) {
      --forced_left;
    } else {
      if (scratch.kept.size() + forced_left >= max) continue;
      const auto& against = candidate.checked ? scratch.fresh_rows : scratch.rows;
      const void* query = against.empty() ? nullptr : scratch.query.from_stored(vectors.space(), row);
      if (graph::any_nearer(vectors.space(), query, against, candidate.distance, scratch)) continue;
    }
    scratch.rows.push_back(row);
    if (!candidate.checked) scratch.fresh_rows.push_back(row);
    scratch.kept.push_back(candidate);
    scratch.kept.back().checked = true;
    candidate.node = kNoNode;
  }
  if (!keep_pruned) return;
  for (const PruneCandidate& candidate : scratch.candidates) {
    if (scratch.kept.size() == max) break;
    if (candidate.node != kNoNode) scratch.kept.push_back({candidate.distance, candidate.node, false, false});
  }
}

}  // namespace kith

// BatchLinker: links nodes so that the graph depends on the seed, the rows and the calls of add alone, not on
// threads (option `deterministic`). After ParlayANN (Manohar et al., PPoPP 2024): the nodes of a batch look
// for their places in the graph as it was before the batch, all at once; then their edges are applied target
// by target, those of one target in the order of the nodes. A batch is 1/50 of the graph so far, so that
// early nodes are linked one by one.
//
// One at a time. Readers go on meanwhile: a node's own lists are whole before any edge leads to it.
#pragma once

#include <unordered_map>

#include "index/graph/linker.h"
#include "index/graph/scratch_pool.h"
#include "index/row_table.h"

namespace kith {

/// An edge to be added to the list of `to`; edge.node is new there.
struct TargetEdge {
  Node to;
  uint32_t layer;
  PruneCandidate edge;
};

/// Adds edges target by target, on all threads, those of one target in the order of their nodes.
void connect_all(GraphStore& graph, ScratchPool<LinkScratch>& scratch, ThreadPool* pool,
                 std::vector<TargetEdge>& edges);

/// body(i) for all i below `count`, on the pool if there is one.
template <typename Body>
void for_all(ThreadPool* pool, size_t count, Body body) {
  constexpr size_t kGrain = 16;
  if (pool != nullptr && count > kGrain) return pool->parallel_for(count, kGrain, body);
  for (size_t i = 0; i < count; ++i) body(i);
}

class BatchLinker {
 public:
  /// `pool` may be null.
  BatchLinker(GraphStore& graph, const RowTable& rows, ScratchPool<LinkScratch>& scratch, ThreadPool* pool)
      : graph_(graph), rows_(rows), scratch_(scratch), pool_(pool) {}

  /// Links nodes [begin, end); all below `begin` are linked.
  void link(Node begin, Node end);

 private:
  void link_batch(Node begin, Node end);
  /// Nodes of the batch with the bytes of an earlier one of it: they do not see each other in the graph.
  void find_twins();
  void choose_parents();
  void apply_edges();
  void finish();

  GraphStore& graph_;
  const RowTable& rows_;
  ScratchPool<LinkScratch>& scratch_;
  ThreadPool* pool_;
  Node begin_ = 0;
  std::vector<LinkPlan> plans_;  // of the batch
  std::vector<Node> twins_;      // of each: an earlier node with its bytes, or kNoNode
  std::vector<bool> skipped_;    // removed before they were linked: nobody will ever ask for them
  std::vector<TargetEdge> edges_;
};

}  // namespace kith

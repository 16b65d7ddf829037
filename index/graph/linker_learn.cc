// Linker::learn: edges for queries that come from elsewhere than rows (GraphIndex::learn).
#include <algorithm>

#include "index/graph/linker.h"

namespace kith {
namespace {

/// Of a list, the part up to which learnt edges are kept whatever the rule says: half of it is the tree's.
constexpr float kLearntShare = 0.375f;

}  // namespace

void Linker::learn(std::span<const Node> nearest) {
  constexpr uint32_t kEdges = 8;
  LinkScratch& s = scratch_;
  const Node pivot = nearest.front();
  const RowScorer scorer = measure_.between(pivot, s.query);  // its vector may be on disk
  s.prune.candidates.clear();
  for (const Node node : nearest.subspan(1)) s.prune.candidates.push_back({scorer.score_one(node), node});
  std::sort(s.prune.candidates.begin(), s.prune.candidates.end(),
            [](const PruneCandidate& a, const PruneCandidate& b) {
              return a.distance < b.distance || (a.distance == b.distance && a.node < b.node);
            });
  select_neighbors(measure_, graph_.options().rule, pivot, kEdges, false, s.prune, graph_.edge_labels());
  const std::vector<PruneCandidate> kept = s.prune.kept;  // connecting may prune, in the same scratch
  for (const PruneCandidate& other : kept) {
    connect_learnt(pivot, {other.distance, other.node, false, true});
    connect_learnt(other.node, {other.distance, pivot, false, true});
  }
}

/// Kept for ever where the list has room for it beside the edges of the tree; else as good as any other.
void Linker::connect_learnt(Node to, PruneCandidate edge) {
  LinkScratch& s = scratch_;
  const uint32_t capacity = graph_.base().capacity();
  s.ids.resize(capacity);
  const auto guard = graph_.locks().lock(to);
  const ListMarks marks = graph_.marks(to);
  const uint32_t count = graph_.base().read(to, s.ids.data());
  uint32_t forced = 0;
  for (uint32_t position = 0; position < count; ++position) {
    if (s.ids[position] == edge.node) return;
    forced += marks.forced(position);
  }
  edge.forced = static_cast<float>(forced) < kLearntShare * static_cast<float>(capacity);
  connect_locked(to, {&edge, 1});
}

}  // namespace kith

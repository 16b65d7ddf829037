#include "index/graph/select_recoverable.h"

#include <algorithm>

namespace kith {

void select_recoverable(const AdjacencyStore& lists, const RecoverableList& list, Node nodes,
                        VisitedSet& reached, PruneScratch& scratch) {
  std::vector<PruneCandidate>& kept = scratch.kept;
  kept.clear();
  reached.reset(nodes);
  std::vector<Node> neighbors(lists.capacity());
  size_t forced_left = 0;
  for (const PruneCandidate& candidate : scratch.candidates) forced_left += candidate.forced;
  size_t led_to = 0;
  for (const PruneCandidate& candidate : scratch.candidates) {
    if (candidate.forced) {
      --forced_left;
    } else if (kept.size() + forced_left >= list.max || led_to >= list.reach) {
      continue;
    }
    const bool far = kept.size() >= list.verbatim;
    if (far && !candidate.forced && reached.contains(candidate.node)) continue;
    led_to += reached.insert(candidate.node);
    kept.push_back({candidate.distance, candidate.node, false, candidate.forced});
    if (far) led_to += reached.keep_fresh(neighbors.data(), lists.read(candidate.node, neighbors.data()));
  }
}

}  // namespace kith

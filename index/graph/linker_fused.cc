// Linker's part in the fused metric (fused_metric.h): from what the ordinary walk found another one goes on,
// by fused distances, to the nodes near by that have a node's labels; the pruning rule then takes its
// distances from the fused metric (select_neighbors.h). NHQ has one walk, by fused distances alone: these
// lists serve searches that ask for no attributes, or for few of them, too.
#include <algorithm>

#include "index/graph/fused_metric.h"
#include "index/graph/linker.h"

namespace kith {

/// Candidates keep the distances of their vectors: equal ones are known by them.
void Linker::add_fused_candidates(Node node, const RowScorer& scorer, Node nodes) {
  LinkScratch& s = scratch_;
  std::vector<Candidate>& candidates = s.plan.candidates;
  const LabelTable& labels = *graph_.labels();
  const LabelSetNumber own = labels.walk_set(node);
  const float floor = raw_floor(graph_.space());
  const auto stretch = [&](Node other) { return fused_stretch(labels, own, labels.walk_set(other)); };
  const auto fuse = [&](float raw, Node other) { return floor + (raw - floor) * stretch(other); };
  s.pool.reset(graph_.options().ef_construction);
  s.pool.keep_trail(nullptr);  // what it drops of the candidates stays among them
  s.visited.reset(nodes);
  s.reached.reset(nodes);
  for (const Candidate& candidate : candidates) {
    s.visited.insert(candidate.node);
    s.reached.insert(candidate.node);
    s.pool.insert(fuse(candidate.distance, candidate.node), candidate.node, true);
  }
  s.trail.clear();
  s.pool.keep_trail(graph_.options().rule.ladder() ? &s.trail : nullptr);
  FusedPool pool(s.pool, s.distances, fuse);
  CHECK(beam_search(BaseLayer{&graph_.base()}, scorer, AllNodes{}, pool, s.visited, s.step, Stop{}, stats_)
            .ok());
  const auto add = [&](Candidate found) {
    if (!s.reached.insert(found.node)) return;
    candidates.push_back({floor + (found.distance - floor) / stretch(found.node), found.node});
  };
  for (size_t i = 0; i < s.pool.size(); ++i) add(s.pool[i]);
  for (const Candidate& left : s.trail) add(left);
  std::ranges::sort(candidates, {}, [](const Candidate& c) { return std::pair(c.distance, c.node); });
}

}  // namespace kith

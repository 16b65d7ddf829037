// How an edge comes into the list of a node that is in the graph already: there is room, or the list is
// pruned.
#include <algorithm>

#include "index/graph/linker.h"

namespace kith {

void Linker::connect(Node to, uint32_t layer, PruneCandidate edge) {
  const auto guard = graph_.locks().lock(to);
  if (graph_.some_left() && leads_to(to, layer, edge)) return;
  layer == 0 ? connect_locked(to, {&edge, 1}) : connect_upper(to, layer, {&edge, 1});
}

/// Whoever takes nodes out near by may have made the edge meanwhile. It is to be a forced one, if this one
/// is.
bool Linker::leads_to(Node to, uint32_t layer, const PruneCandidate& edge) {
  std::vector<Node>& ids = scratch_.ids;
  const uint32_t count = read_list(to, layer, ids);
  const auto at = static_cast<uint32_t>(std::find(ids.begin(), ids.end(), edge.node) - ids.begin());
  if (at == count) return false;
  if (layer == 0 && edge.forced) graph_.marks(to).set_forced(at, true);
  return true;
}

uint32_t Linker::forced_count(Node node) const {
  const auto guard = graph_.locks().lock(node);
  const ListMarks marks = graph_.marks(node);
  uint32_t count = 0;
  for (uint32_t position = 0; position < graph_.base().capacity(); ++position)
    count += marks.forced(position);
  return count;
}

void Linker::connect_locked(Node to, std::span<PruneCandidate> edges) {
  connect_locked(to, edges, {graph_.base().capacity(), graph_.options().degree_kept});
}

void Linker::connect_locked(Node to, std::span<PruneCandidate> edges, const ListRoom& room) {
  LinkScratch& s = scratch_;
  AdjacencyStore& lists = graph_.base();
  s.ids.resize(lists.capacity());
  ListMarks marks = graph_.marks(to);
  uint32_t count = lists.read(to, s.ids.data());
  if (count + edges.size() <= room.full) {
    for (const PruneCandidate& edge : edges) {
      marks.set_forced(count, edge.forced);
      lists.set(to, count++, edge.node);
    }
    return;
  }
  uint32_t forced = 0;
  for (uint32_t position = 0; position < count; ++position) forced += marks.forced(position);
  for (PruneCandidate& edge : edges) {
    edge.forced = edge.forced && forced + 1 < graph_.options().degree_kept;
    forced += edge.forced;
  }
  const Measure measure = load_candidates(to, count, marks.checked(), edges);
  prune(measure, to, 0, room.kept);
  s.ids.clear();
  size_t checked = 0;
  for (const PruneCandidate& kept : s.prune.kept) {
    marks.set_forced(static_cast<uint32_t>(s.ids.size()), kept.forced);
    checked += kept.checked;
    s.ids.push_back(kept.node);
  }
  for (size_t position = s.ids.size(); position < lists.capacity(); ++position)
    marks.set_forced(static_cast<uint32_t>(position), false);
  marks.set_checked(checked);
  lists.assign(to, s.ids);
}

void Linker::drop_unworthy(Node to, const ListRoom& room, std::vector<PruneCandidate>& edges) {
  const GraphOptions& options = graph_.options();
  const auto count = static_cast<uint32_t>(scratch_.ids.size());
  if (!options.rule.ladder() || options.fused() || count + edges.size() <= room.kept) return;
  load_candidates(measure_, to, count, kNoMarks, {});
  select_worthy(measure_, options.rule, to, room.kept - std::min(count, room.kept), edges, scratch_.prune,
                graph_.edge_labels());
}

void Linker::connect_upper(Node to, uint32_t layer, std::span<PruneCandidate> edges) {
  LinkScratch& s = scratch_;
  AdjacencyStore& lists = graph_.upper();
  s.ids.resize(lists.capacity());
  const uint64_t list = graph_.upper_list(to, layer);
  uint32_t count = lists.read(list, s.ids.data());
  if (count + edges.size() <= lists.capacity()) {
    for (const PruneCandidate& edge : edges) lists.set(list, count++, edge.node);
    return;
  }
  const Measure measure = load_candidates(to, count, kNoMarks, edges);
  prune(measure, to, layer, lists.capacity());
  s.ids.clear();
  for (const PruneCandidate& kept : s.prune.kept) s.ids.push_back(kept.node);
  lists.assign(list, s.ids);
}

Measure Linker::load_candidates(Node centre, uint32_t count, uint32_t checked,
                                std::span<PruneCandidate> edges) {
  const Measure measure = graph_.measure();
  load_candidates(measure, centre, count, checked, edges);
  if (!measure.on_codes()) return measure;
  const std::vector<PruneCandidate>& found = scratch_.prune.candidates;
  if (!measure.blurred(scratch_.centre, found[std::min(found.size(), Measure::kBlurRank) - 1].node))
    return measure;
  const Measure exact = measure.on_vectors();
  const RowScorer scorer = exact.between(centre, scratch_.centre);
  for (PruneCandidate& edge : edges) edge.distance = scorer.score_one(edge.node);
  load_candidates(exact, centre, count, checked, edges);
  return exact;
}

void Linker::load_candidates(const Measure& measure, Node centre, uint32_t count, uint32_t checked,
                             std::span<const PruneCandidate> edges) {
  LinkScratch& s = scratch_;
  const RowScorer scorer = measure.between(centre, s.centre);
  s.rows.resize(count);
  s.distances.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    s.rows[i] = scorer.row(s.ids[i]);
    scorer.prefetch(s.rows[i]);
  }
  scorer.score(s.rows.data(), count, s.distances.data());
  s.prune.measured += count;
  const bool marked = checked != kNoMarks;
  const ListMarks marks = graph_.marks(centre);
  s.prune.candidates.clear();
  for (uint32_t i = 0; i < count; ++i)
    s.prune.candidates.push_back(
        {s.distances[i], s.ids[i], marked && i < checked, marked && marks.forced(i)});
  s.prune.candidates.insert(s.prune.candidates.end(), edges.begin(), edges.end());
  std::sort(s.prune.candidates.begin(), s.prune.candidates.end(),
            [](const PruneCandidate& a, const PruneCandidate& b) {
              return a.distance < b.distance || (a.distance == b.distance && a.node < b.node);
            });
}

}  // namespace kith

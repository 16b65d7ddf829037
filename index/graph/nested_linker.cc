#include "index/graph/nested_linker.h"

#include <algorithm>

namespace kith {
namespace {

constexpr size_t kNear = 48;         // rows above, and below, that a node's edges are chosen from
constexpr size_t kInsideBeam = 48;   // of the walk for neighbours in the group
constexpr size_t kWayBeam = 16;      // of a walk to where an edge between two groups may be
constexpr size_t kBeamGrowth = 8;    // of the former, where nobody found has room for the node
constexpr size_t kBelow = 64;        // groups right below from which one is led to, at most
constexpr size_t kInsideStarts = 8;  // rows of the group, met before, at which it begins

bool nearer(const Candidate& a, const Candidate& b) {
  return a.distance < b.distance || (a.distance == b.distance && a.node < b.node);
}

void keep_nearest(std::vector<Candidate>& candidates) {
  const size_t kept = std::min(kNear, candidates.size());
  std::ranges::partial_sort(candidates, candidates.begin() + static_cast<ptrdiff_t>(kept), nearer);
  candidates.resize(kept);
}

}  // namespace

void NestedLinker::link(Node node) {
  LabelGroups& groups = nested_.groups;
  LabelSetNumber group = groups.place(labels_.set_of(node));
  labels_.walk_as(node, group);
  Near near = sort_met(group);
  bool begun = false;
  while (!groups.has(group)) {
    const std::lock_guard lock(groups.begin_mutex());
    if (groups.has(group)) break;
    begun = begin_group(node, group, near);
    if (begun) break;
    group = groups.place(labels_.set_of(node));
    labels_.walk_as(node, group);
    near = {};
  }
  if (!begun) {
    join_group(node, group, near);
    write_above(node, near, {});
  }
  groups.count_row(group, node);
  connect_below(node, near);
}

NestedLinker::Near NestedLinker::sort_met(LabelSetNumber group) {
  Near near;
  for (const Candidate& candidate : scratch_.met) {
    const LabelSetNumber other = labels_.walk_set(candidate.node);
    if (other == group) {
      near.inside.push_back(candidate);
    } else if (labels_.within(group, other)) {
      near.above.push_back(candidate);
    } else if (labels_.within(other, group)) {
      near.below.push_back(candidate);
    }
  }
  scratch_.met.clear();
  keep_nearest(near.inside);
  keep_nearest(near.above);
  keep_nearest(near.below);
  return near;
}

/// Its start has lists of its own before any edge leads to it, and edges before it begins.
bool NestedLinker::begin_group(Node node, LabelSetNumber group, const Near& near) {
  LabelGroups& groups = nested_.groups;
  std::vector<Candidate> forced;
  std::vector<LabelSetNumber> led;
  for (const LabelSetNumber upper : groups.above(group)) {
    if (forced.size() == NestedStore::kStay) break;
    for (const Candidate& found : walk_group(node, upper, kWayBeam)) {
      if (!joined(found.node, upper)) continue;
      forced.push_back(found);
      led.push_back(upper);
      break;
    }
  }
  write_above(node, near, forced);
  if (!groups.begin(group, node)) return false;
  for (const LabelSetNumber upper : led) groups.lead(group, upper);
  lead_into(group);
  return true;
}

/// From some of very many: nobody else begins a group meanwhile. Who asks for none of those begins in it.
void NestedLinker::lead_into(LabelSetNumber group) {
  const Node start = nested_.groups.entries(group).front();
  const std::vector<LabelSetNumber> below = nested_.groups.below(group);
  for (const LabelSetNumber lower : std::span(below).first(std::min(kBelow, below.size())))
    lead_from(lower, start, group);
}

void NestedLinker::lead_from(LabelSetNumber below, Node start, LabelSetNumber group) {
  std::vector<Candidate> found = walk_group(start, below, kWayBeam);
  std::erase_if(found, [&](const Candidate& candidate) { return !joined(candidate.node, below); });
  if (force_edge_from(found, nested_.above, start) != kNoNode) nested_.groups.lead(below, group);
}

bool NestedLinker::joined(Node node, LabelSetNumber group) const {
  if (nested_.groups.entries(group).front() == node) return true;
  return tree_ != nullptr ? tree_->has(node) : graph_.linked(node);
}

Node NestedLinker::force_edge_from(std::span<const Candidate> nodes, MarkedLists& lists, Node to) {
  for (const Candidate& from : nodes)
    if (from.node != to && connect(lists, from.node, {from.distance, to, false, true})) return from.node;
  return kNoNode;
}

/// The node's own list, then the edge from its parent, then the others to it.
void NestedLinker::join_group(Node node, LabelSetNumber group, const Near& near) {
  PruneScratch& prune = scratch_.prune;
  Node parent = kNoNode;
  for (size_t beam = kInsideBeam; parent == kNoNode; beam *= kBeamGrowth) {
    const std::vector<Candidate> found = walk_group(node, group, beam, near.inside);
    if (beam == kInsideBeam) {
      prune.candidates.clear();
      for (const Candidate& candidate : found)
        prune.candidates.push_back({candidate.distance, candidate.node});
      select_neighbors(measure_, graph_.options().rule, node, NestedStore::kKept, false, prune);
      const std::vector<PruneCandidate> kept = prune.kept;  // pruning others' lists uses the same scratch
      write(nested_.inside, node, kept);
      for (const PruneCandidate& neighbor : kept)
        connect(nested_.inside, neighbor.node, {neighbor.distance, node});
    }
    std::vector<Candidate> parents = found;
    std::erase_if(parents, [&](const Candidate& candidate) { return !joined(candidate.node, group); });
    parent = force_edge_from(parents, nested_.inside, node);
    if (parent == kNoNode && found.size() < beam) return nested_.groups.count_loose(group);
  }
  const RowScorer scorer = measure_.between(node, scratch_.centre);
  connect(nested_.inside, node, {scorer.score_one(parent), parent, false, true});
}

void NestedLinker::write_above(Node node, const Near& near, std::span<const Candidate> forced) {
  std::vector<PruneCandidate> candidates;
  for (const Candidate& candidate : forced)
    candidates.push_back({candidate.distance, candidate.node, false, true});
  for (const Candidate& candidate : near.above)
    if (std::ranges::find(forced, candidate.node, &Candidate::node) == forced.end())
      candidates.push_back({candidate.distance, candidate.node});
  std::vector<Node> inside;
  load(measure_, node, candidates, inside);
  const auto max = static_cast<uint32_t>(NestedStore::kKept + inside.size());
  select_neighbors(measure_, graph_.options().rule, node, max, false, scratch_.prune,
                   {&labels_, LabelRule::Kind::kUp});
  write(nested_.above, node, kept_besides(inside));
}

void NestedLinker::connect_below(Node node, const Near& near) {
  std::vector<PruneCandidate> candidates;
  for (const Candidate& candidate : near.below) candidates.push_back({candidate.distance, candidate.node});
  std::vector<Node> inside;
  load(measure_, node, candidates, inside);
  const auto max = static_cast<uint32_t>(graph_.options().cross_edges + inside.size());
  select_neighbors(measure_, graph_.options().rule, node, max, false, scratch_.prune,
                   {&labels_, LabelRule::Kind::kDown});
  for (const PruneCandidate& from : kept_besides(inside))
    connect(nested_.above, from.node, {from.distance, node});
}

std::vector<Candidate> NestedLinker::walk_group(Node node, LabelSetNumber group, size_t beam,
                                                std::span<const Candidate> near) {
  LinkScratch& s = scratch_;
  const RowScorer scorer = measure_.between(node, s.query);
  s.visited.reset(graph_.grown());
  s.visited.insert(node);
  s.pool.reset(beam);
  s.pool.keep_trail(nullptr);
  s.pool.keep_met(nullptr);
  for (const Candidate& start : near.first(std::min(kInsideStarts, near.size())))
    if (s.visited.insert(start.node)) s.pool.insert(start.distance, start.node, true);
  for (const Node start : nested_.groups.entries(group)) {
    if (!s.visited.insert(start)) continue;
    s.pool.insert(scorer.score_one(start), start, true);
    scorer.count(1, stats_);
  }
  CHECK(beam_search(BaseLayer{&nested_.inside.lists()}, scorer, AllNodes{}, s.pool, s.visited, s.step, Stop{},
                    stats_)
            .ok());
  std::vector<Candidate> found;
  for (size_t i = 0; i < s.pool.size(); ++i) found.push_back(s.pool[i]);
  return found;
}

bool NestedLinker::connect(MarkedLists& lists, Node to, PruneCandidate edge) {
  std::vector<Node>& ids = scratch_.ids;
  ids.resize(std::max<size_t>(ids.size(), lists.capacity()));
  const auto guard = graph_.locks().lock(to);
  ListMarks marks = lists.marks(to);
  const uint32_t count = lists.lists().read(to, ids.data());
  uint32_t forced = 0, at = count;
  for (uint32_t position = 0; position < count; ++position) {
    forced += marks.forced(position);
    if (ids[position] == edge.node) at = position;
  }
  if (at < count && (!edge.forced || marks.forced(at))) return true;
  if (edge.forced && forced >= NestedStore::kStay) return false;
  if (at < count) {
    marks.set_forced(at, true);
  } else if (count < lists.capacity()) {
    marks.set_forced(count, edge.forced);
    lists.lists().set(to, count, edge.node);
  } else {
    prune_full(lists, to, std::span(ids).first(count), edge);
  }
  return true;
}

/// The caller holds the node's lock. Edges above are pruned against those inside, too.
void NestedLinker::prune_full(MarkedLists& lists, Node to, std::span<const Node> ids, PruneCandidate edge) {
  ListMarks marks = lists.marks(to);
  std::vector<PruneCandidate> candidates{edge};
  for (uint32_t i = 0; i < ids.size(); ++i) candidates.push_back({0, ids[i], false, marks.forced(i)});
  const Measure measure = measure_list(to, candidates);
  std::vector<Node> inside;
  const bool rises = &lists == &nested_.above;
  if (rises) {
    load(measure, to, candidates, inside);
  } else {
    scratch_.prune.candidates = candidates;
  }
  const auto max = static_cast<uint32_t>(NestedStore::kKept + inside.size());
  select_neighbors(measure, graph_.options().rule, to, max, false, scratch_.prune,
                   {rises ? &labels_ : nullptr, LabelRule::Kind::kUp});
  assign(lists, to, kept_besides(inside));
}

void NestedLinker::write(MarkedLists& lists, Node node, std::span<const PruneCandidate> kept) {
  const auto guard = graph_.locks().lock(node);
  assign(lists, node, kept);
}

void NestedLinker::assign(MarkedLists& lists, Node node, std::span<const PruneCandidate> kept) {
  ListMarks marks = lists.marks(node);
  std::vector<Node> ids;
  for (uint32_t i = 0; i < lists.capacity(); ++i) marks.set_forced(i, i < kept.size() && kept[i].forced);
  for (const PruneCandidate& neighbor : kept) ids.push_back(neighbor.node);
  lists.lists().assign(node, ids);
}

/// As for ordinary lists: on codes where these tell the candidates apart (Measure::blurred).
Measure NestedLinker::measure_list(Node centre, std::vector<PruneCandidate>& candidates) {
  const auto measure_all = [&](const Measure& measure) {
    const RowScorer scorer = measure.between(centre, scratch_.centre);
    for (PruneCandidate& candidate : candidates) candidate.distance = scorer.score_one(candidate.node);
    scratch_.prune.measured += candidates.size();
    std::ranges::sort(candidates, {}, [](const auto& c) { return std::pair(c.distance, c.node); });
  };
  const Measure measure = graph_.measure();
  measure_all(measure);
  const Node near = candidates[std::min(candidates.size(), Measure::kBlurRank) - 1].node;
  if (!measure.on_codes() || !measure.blurred(scratch_.centre, near)) return measure;
  measure_all(measure.on_vectors());
  return measure.on_vectors();
}

void NestedLinker::load(const Measure& measure, Node centre, std::span<const PruneCandidate> candidates,
                        std::vector<Node>& inside) {
  PruneScratch& prune = scratch_.prune;
  prune.candidates.assign(candidates.begin(), candidates.end());
  inside.resize(nested_.inside.capacity());
  inside.resize(nested_.inside.lists().read(centre, inside.data()));
  const RowScorer scorer = measure.between(centre, scratch_.centre);
  for (const Node node : inside) prune.candidates.push_back({scorer.score_one(node), node, false, true});
  prune.measured += inside.size();
  std::ranges::sort(prune.candidates, {}, [](const auto& c) { return std::pair(c.distance, c.node); });
}

std::vector<PruneCandidate> NestedLinker::kept_besides(std::span<const Node> inside) const {
  std::vector<PruneCandidate> kept = scratch_.prune.kept;
  std::erase_if(kept,
                [&](const PruneCandidate& c) { return std::ranges::find(inside, c.node) != inside.end(); });
  return kept;
}

}  // namespace kith

#include "index/graph/linker.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/random.h"
#include "base/schedule.h"
#include "index/graph/mean_vector.h"
#include "index/graph/select_recoverable.h"
#include "index/graph/starts.h"

namespace kith {
namespace {

bool is_zero(const std::byte* vector, size_t bytes) {
  return vector[0] == std::byte{0} && std::memcmp(vector, vector + 1, bytes - 1) == 0;
}

}  // namespace

Candidate descend(const GraphStore& graph, const RowScorer& scorer, uint32_t layer, Candidate from,
                  StepScratch& scratch, SearchStats& stats) {
  const UpperLayer lists{&graph, layer};
  scratch.reserve(lists.degree_max());
  for (bool moved = true; moved;) {
    moved = false;
    const uint32_t degree = lists.read(from.node, scratch.nodes.data());
    for (uint32_t i = 0; i < degree; ++i) {
      scratch.rows[i] = scorer.row(scratch.nodes[i]);
      scorer.prefetch(scratch.rows[i]);
    }
    scorer.score(scratch.rows.data(), degree, scratch.distances.data());
    for (uint32_t i = 0; i < degree; ++i) {
      if (!(scratch.distances[i] < from.distance) || graph.left(scratch.nodes[i])) continue;
      from = {scratch.distances[i], scratch.nodes[i]};
      moved = true;
    }
    ++stats.hops;
    scorer.count(degree, stats);
  }
  return from;
}

void Linker::link(Node node, Node nodes) {
  if (link_first(node)) return graph_.set_linked(node);
  find_place(node, nodes);
  LinkPlan& plan = scratch_.plan;
  if (plan.equal != kNoNode) return hang(plan.equal, node);
  schedule_point();
  choose_parent(node, plan, [](Node) { return 0u; });
  write_lists(node, plan);
  schedule_point();
  const std::vector<PruneCandidate>& base = plan.selected[0];
  connect(base[plan.parent].node, 0, {base[plan.parent].distance, node, false, true});
  for (size_t i = 0; i < base.size(); ++i)
    if (schedule_point(); i != plan.parent) connect(base[i].node, 0, {base[i].distance, node});
  for (uint32_t layer = 1; layer < plan.selected.size(); ++layer)
    for (const PruneCandidate& neighbor : plan.selected[layer])
      connect(neighbor.node, layer, {neighbor.distance, node});
  finish(node);
}

bool Linker::link_first(Node node) {
  if (graph_.entry()) return false;
  std::lock_guard lock(graph_.first_entry_mutex());
  if (graph_.entry()) return false;
  if (graph_.space().metric == Metric::kCosine && is_zero(graph_.vectors()[node], graph_.space().bytes()))
    graph_.set_zero_node(node);
  graph_.offer_entry(node, graph_.level(node));
  schedule_point();
  join_labels(node);
  return true;
}

void Linker::find_place(Node node, Node nodes) {
  LinkPlan& plan = scratch_.plan;
  plan.equal = find_zero(node);
  scratch_.first_start = mix64(node);
  if (plan.equal != kNoNode) return;
  RowScorer scorer = measure_.from_node(node, scratch_.query);
  const uint32_t level = graph_.level(node);
  const GraphEntry entry = *graph_.entry();
  Candidate nearest = way_in(graph_, entry, scorer, nodes, scratch_.step, stats_);
  for (uint32_t layer = entry.level; layer > level; --layer)
    nearest = descend(graph_, scorer, layer, nearest, scratch_.step, stats_);
  const uint32_t top = std::min(level, entry.level);
  plan.selected.resize(top + 1);
  for (uint32_t layer = top + 1; layer-- > 0;) {
    find_candidates_of(node, scorer, nearest, layer, nodes);
    if (layer == 0 && graph_.labels() != nullptr) {
      add_label_candidates(node, scorer, nodes);
      drop_leaving(plan.candidates);
    }
    nearest = plan.candidates.front();
    if (layer == 0) plan.equal = find_equal(node, scorer);
    if (plan.equal != kNoNode) return;
    if (graph_.options().extend_candidates) extend_candidates(scorer, layer, nodes);
    select(node, layer);
  }
}

void Linker::finish(Node node) {
  graph_.offer_entry(node, graph_.level(node));
  join_labels(node);
  if (graph_.space().metric == Metric::kCosine && is_zero(graph_.vectors()[node], graph_.space().bytes()))
    graph_.set_zero_node(node);
  graph_.set_linked(node);
}

void Linker::renew_ways_in(Node node, Node nodes, bool again) {
  const GraphOptions& options = graph_.options();
  if (!options.entry_moves || options.levels || node == 0 || GraphStore::landmark_step(node) != node) return;
  if (!again && std::has_single_bit(node)) move_entry(node);
  graph_.choose_landmarks(again ? nodes : node);
}

/// Under cosine, the node at which a zero vector hangs.
Node Linker::find_zero(Node node) const {
  if (graph_.space().metric != Metric::kCosine) return kNoNode;
  const Node zero = graph_.zero_node();
  if (zero == kNoNode || !is_zero(graph_.vectors()[node], graph_.space().bytes())) return kNoNode;
  return zero;
}

/// To the node nearest to the mean, as the number of nodes has doubled. It stays where the mean cannot be
/// had.
void Linker::move_entry(Node nodes) {
  const auto stays = [this](Node node) { return graph_.linked(node) && !graph_.left(node); };
  const Result<std::vector<std::byte>> mean = mean_of_sample(graph_.vectors(), nodes, graph_.seed(), stays);
  if (!mean) return;
  const RowScorer scorer = measure_.from_vector(mean->data(), scratch_.query);
  const Node entry = graph_.entry()->node;
  find_candidates(scorer, {scorer.score_one(entry), entry}, 0, nodes);
  graph_.move_entry(scratch_.plan.candidates.front().node);
}

/// A candidate with the same bytes. Equal vectors have the same distance to the new one as it has to itself,
/// but for the rounding of kernels (of the cosine's own size even where the distance is about 0), so few are
/// compared. Nothing comes to hang at a node that leaves.
Node Linker::find_equal(Node node, const RowScorer& scorer) {
  const VectorSpace& space = graph_.space();
  const float self = scorer.score_one(node);
  const bool cosine = space.metric == Metric::kCosine;
  const float slack = 1e-4f * (cosine ? std::max(1.0f, std::abs(self)) : std::abs(self));
  for (const Candidate& candidate : scratch_.plan.candidates) {
    if (std::abs(candidate.distance - self) <= slack && !graph_.leaving(candidate.node) &&
        same_vector(node, candidate.node))
      return candidate.node;
    if (space.metric != Metric::kInnerProduct && candidate.distance > self + slack) break;
  }
  return kNoNode;
}

/// A vector that cannot be read back counts as another one: then there is a node too many, no harm else.
bool Linker::same_vector(Node a, Node b) {
  const Node both[2] = {a, b};
  const Result<const void* const*> rows = graph_.vectors().fetch(both, scratch_.fetched, stats_);
  return rows && std::memcmp((*rows)[0], (*rows)[1], graph_.space().bytes()) == 0;
}

void Linker::find_candidates(const RowScorer& scorer, Candidate from, uint32_t layer, Node nodes) {
  LinkScratch& s = scratch_;
  s.visited.reset(nodes);
  s.visited.insert(from.node);
  s.pool.reset(graph_.options().ef_construction);
  s.pool.insert(from.distance, from.node, true);
  if (layer == 0)
    add_starts(graph_, scorer, s.first_start, nodes, s.visited, stats_,
               [&](float distance, Node node) { s.pool.insert(distance, node, true); });
  s.trail.clear();
  s.pool.keep_trail(graph_.options().rule.ladder() || s.whole_trail ? &s.trail : nullptr);
  s.pool.keep_met(layer == 0 && graph_.nested() != nullptr ? &s.met : nullptr);
  const Stop never;
  const Result<void> walked = layer == 0 ? beam_search(BaseLayer{&graph_.base()}, scorer, AllNodes{}, s.pool,
                                                       s.visited, s.step, never, stats_)
                                         : beam_search(UpperLayer{&graph_, layer}, scorer, AllNodes{}, s.pool,
                                                       s.visited, s.step, never, stats_);
  CHECK(walked.ok());
  s.plan.candidates.clear();
  for (size_t i = 0; i < s.pool.size(); ++i) s.plan.candidates.push_back(s.pool[i]);
  std::sort(s.trail.begin(), s.trail.end(),
            [](const Candidate& a, const Candidate& b) { return a.distance < b.distance; });
  s.plan.candidates.insert(s.plan.candidates.end(), s.trail.begin(), s.trail.end());
  drop_leaving(s.plan.candidates);
}

/// From nodes that an edge is to lead to. Where all leave, those stay that are of the graph still.
void Linker::drop_leaving(std::vector<Candidate>& candidates) const {
  if (!graph_.some_left()) return;
  const auto leaves = [&](const Candidate& candidate) { return graph_.leaving(candidate.node); };
  const bool all = std::all_of(candidates.begin(), candidates.end(), leaves);
  std::erase_if(candidates, [&](const Candidate& candidate) {
    return all ? graph_.left(candidate.node) : graph_.leaving(candidate.node);
  });
}

void Linker::find_candidates_of(Node node, RowScorer& scorer, Candidate from, uint32_t layer, Node nodes) {
  find_candidates(scorer, from, layer, nodes);
  const std::vector<Candidate>& found = scratch_.plan.candidates;
  if (!measure_.on_codes() ||
      !measure_.blurred(scratch_.query, found[std::min(found.size(), Measure::kBlurRank) - 1].node))
    return;
  measure_ = measure_.on_vectors();
  scorer = measure_.from_node(node, scratch_.query);
  from.distance = scorer.score_one(from.node);
  find_candidates(scorer, from, layer, nodes);
}

/// Algorithm 4, lines 3 to 7. The walk has seen all neighbours of its beam and dropped the far ones: these
/// come back.
void Linker::extend_candidates(const RowScorer& scorer, uint32_t layer, Node nodes) {
  LinkScratch& s = scratch_;
  s.visited.reset(nodes);
  for (const Candidate& candidate : s.plan.candidates) s.visited.insert(candidate.node);
  s.step.reserve(std::max(graph_.base().capacity(), graph_.upper().capacity()));
  const size_t found = s.plan.candidates.size();
  for (size_t i = 0; i < found; ++i) {
    const Node node = s.plan.candidates[i].node;
    const size_t count =
        layer == 0 ? graph::gather_unvisited(BaseLayer{&graph_.base()}, scorer, node, s.visited, s.step)
                   : graph::gather_unvisited(UpperLayer{&graph_, layer}, scorer, node, s.visited, s.step);
    scorer.score(s.step.rows.data(), count, s.step.distances.data());
    for (size_t j = 0; j < count; ++j) s.plan.candidates.push_back({s.step.distances[j], s.step.nodes[j]});
  }
  drop_leaving(s.plan.candidates);
  std::sort(s.plan.candidates.begin(), s.plan.candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.distance < b.distance; });
}

void Linker::select(Node node, uint32_t layer) {
  LinkScratch& s = scratch_;
  s.prune.candidates.clear();
  for (const Candidate& candidate : s.plan.candidates)
    s.prune.candidates.push_back({candidate.distance, candidate.node});
  const GraphOptions& options = graph_.options();
  const bool two_hops = options.rule.kind == PruneRule::Kind::kTwoHops;
  prune(measure_, node, layer,
        !two_hops    ? options.links
        : layer == 0 ? options.degree_kept
                     : graph_.upper().capacity());
  s.plan.selected[layer] = s.prune.kept;
}

void Linker::prune(const Measure& measure, Node centre, uint32_t layer, uint32_t max) {
  const GraphOptions& options = graph_.options();
  if (options.rule.kind == PruneRule::Kind::kTwoHops && layer == 0)
    return select_recoverable(graph_.base(), {options.verbatim, options.links * options.gamma, max},
                              graph_.grown(), scratch_.reached, scratch_.prune);
  select_neighbors(measure, options.rule, centre, max, options.keep_pruned, scratch_.prune,
                   layer == 0 ? graph_.edge_labels() : nullptr);
}

/// Under inner products the first of all lists are the longest vectors, and edges that pruning never drops
/// would fill theirs with short ones that answer nothing: the nearest by Euclidean distance does as well.
template <typename HasRoom>
std::vector<PruneCandidate>::iterator Linker::nearest_in_space(std::vector<PruneCandidate>& selected,
                                                               HasRoom has_room) {
  auto nearest = selected.end();
  float least = 0;
  for (auto candidate = selected.begin(); candidate != selected.end(); ++candidate) {
    const float norm = -measure_.between(candidate->node, scratch_.query).score_one(candidate->node);
    const float squared = norm + 2 * candidate->distance;  // less the node's own norm
    if ((nearest != selected.end() && !(squared < least)) || !has_room(*candidate)) continue;
    nearest = candidate;
    least = squared;
  }
  return nearest;
}

/// Where all selected ones are full (hubs, as inner products have them) a candidate further away takes the
/// node, or one met on a random walk from the nearest: most nodes of a tree have room, so that is short.
void Linker::choose_parent(Node node, LinkPlan& plan, const Taken& taken) {
  LinkScratch& s = scratch_;
  std::vector<PruneCandidate>& selected = plan.selected[0];
  const auto has_room = [&](const auto& candidate) {
    return forced_count(candidate.node) + taken(candidate.node) < graph_.base().capacity() / 2;
  };
  const auto near = measure_.space().metric == Metric::kInnerProduct
                        ? nearest_in_space(selected, has_room)
                        : std::find_if(selected.begin(), selected.end(), has_room);
  plan.parent = near == selected.end() ? 0 : near - selected.begin();
  if (near != selected.end()) return;
  const auto far = std::find_if(plan.candidates.begin(), plan.candidates.end(), has_room);
  PruneCandidate parent{0, far != plan.candidates.end() ? far->node : selected[0].node};
  s.ids.resize(graph_.base().capacity());
  constexpr uint64_t kStepsMax = 10'000;
  for (uint64_t step = 0; far == plan.candidates.end() && !has_room(parent); ++step) {
    const uint32_t degree = graph_.base().read(parent.node, s.ids.data());
    if (degree == 0 || step == kStepsMax) return;
    const Node next = s.ids[mix64(mix64(node) + step) % degree];
    if (!graph_.left(next)) parent.node = next;
  }
  parent.distance = measure_.between(node, s.query).score_one(parent.node);
  if (selected.size() == graph_.base().capacity()) selected.pop_back();
  plan.parent = selected.size();
  selected.push_back(parent);
}

/// Where nothing is pruned by direction (NSW), a node's own links stay for ever: those of early nodes are the
/// long ones that later walks need, and would lose to nearer newcomers.
void Linker::write_lists(Node node, const LinkPlan& plan) {
  const bool keep_all = graph_.options().rule.kind == PruneRule::Kind::kClosest;
  std::vector<Node>& ids = scratch_.ids;
  for (uint32_t layer = 0; layer < plan.selected.size(); ++layer) {
    ids.clear();
    size_t checked = 0;
    for (const PruneCandidate& neighbor : plan.selected[layer]) {
      ids.push_back(neighbor.node);
      checked += neighbor.checked;
    }
    const auto guard = graph_.locks().lock(node);
    if (layer > 0) {
      graph_.upper().assign(graph_.upper_list(node, layer), ids);
      continue;
    }
    ListMarks marks = graph_.marks(node);
    marks.set_checked(checked);
    for (size_t i = 0; i < ids.size(); ++i)
      if (i == plan.parent || keep_all) marks.set_forced(static_cast<uint32_t>(i), true);
    graph_.base().assign(node, ids);
  }
}

}  // namespace kith

// Taking nodes out of a graph in place (Xu et al., "In-Place Updates of a Graph Index for Streaming
// Approximate Nearest Neighbor Search" (IP-DiskANN), 2025, Algorithm 5): no list says who leads to a node, so
// a walk to its own vector looks for them, as far as it goes, and they get edges to some of what else it
// found. Edges that it missed lead nowhere until a sweep drops them.
//
// What is ours: edges of the spanning tree (graph_store.h) are not left to luck. The neighbours in it of a
// node that leaves are joined to one another, along a tree of least distances, before its lists are emptied,
// so that each node that stays can be reached from the entry at any time.
#include <algorithm>

#include "base/schedule.h"
#include "index/graph/fused_metric.h"
#include "index/graph/linker.h"
#include "index/graph/starts.h"

namespace kith {
namespace {

constexpr size_t kStandIns = 50;  // k: of the nearest that stay, among whom neighbours choose
constexpr size_t kCopies = 4;  // c: that each of them gets; 3 in the paper, which loses where rows only leave
constexpr size_t kLabelStandIns = 16;  // of these, with each of the node's labels at least
constexpr size_t kLabelCopies = 2;     // of those, with each label that a neighbour shares with the node
constexpr float kJoinShare = 0.5f;     // of a list that edges of the tree may take

}  // namespace

uint32_t Linker::read_list(Node node, uint32_t layer, std::vector<Node>& out) const {
  const AdjacencyStore& lists = layer == 0 ? graph_.base() : graph_.upper();
  out.resize(lists.capacity());
  out.resize(lists.read(layer == 0 ? node : graph_.upper_list(node, layer), out.data()));
  return static_cast<uint32_t>(out.size());
}

void Linker::bypass(Node node, Node nodes) {
  LinkScratch& s = scratch_;
  s.first_start = mix64(node);
  RowScorer scorer =
      graph_.vectors().leaves_memory() ? measure_.between(node, s.query) : measure_.from_node(node, s.query);
  const GraphEntry entry = *graph_.entry();
  Candidate nearest = way_in(graph_, entry, scorer, nodes, s.step, stats_);
  const uint32_t top = std::min(graph_.level(node), entry.level);
  for (uint32_t layer = entry.level; layer > top; --layer)
    nearest = descend(graph_, scorer, layer, nearest, s.step, stats_);
  s.whole_trail = true;
  for (uint32_t layer = top + 1; layer-- > 0;) {
    find_candidates_of(node, scorer, nearest, layer, nodes);
    if (layer == 0 && graph_.labels() != nullptr) add_label_candidates(node, scorer, nodes);
    nearest = s.plan.candidates.front();
    nearest.distance = scorer.score_one(nearest.node);
    bypass_on(node, layer);
  }
  s.whole_trail = false;
}

/// The nearest that stay; where walks keep to labels the nearest with each of the node's, too.
std::vector<Node> Linker::stand_ins_of(Node node) const {
  std::vector<Node> out;
  const LabelTable* const labels = graph_.has_label_trees() ? graph_.labels() : nullptr;
  const std::span<const Label> own =
      labels == nullptr ? std::span<const Label>() : labels->labels(labels->walk_set(node));
  std::vector<size_t> with(own.size());
  for (const Candidate& candidate : scratch_.plan.candidates) {
    if (graph_.leaving(candidate.node)) continue;
    bool wanted = out.size() < kStandIns;
    for (size_t i = 0; i < own.size(); ++i)
      if (with[i] < kLabelStandIns && labels->walked_by(candidate.node, own[i])) {
        ++with[i];
        wanted = true;
      }
    if (wanted) out.push_back(candidate.node);
  }
  return out;
}

/// To which of the stand-ins `other` is to lead instead of to one that leaves, near to far: the nearest, and
/// of those that carry a label which both have some for each.
void Linker::find_copies(Node other, Node leaving, std::span<const Node> stand_ins) {
  LinkScratch& s = scratch_;
  s.distances.resize(stand_ins.size());
  measure_.between(other, s.centre).score(s.rows.data(), stand_ins.size(), s.distances.data());
  s.prune.measured += stand_ins.size();
  const LabelTable* const labels = graph_.edge_labels();
  const bool fused = graph_.options().fused();
  const float floor = fused ? raw_floor(graph_.space()) : 0;
  s.ranked.clear();
  for (size_t i = 0; i < stand_ins.size(); ++i) {
    if (stand_ins[i] == other) continue;
    const float raw = s.distances[i];
    const float stretch =
        fused ? fused_stretch(*labels, labels->walk_set(other), labels->walk_set(stand_ins[i])) : 1;
    s.ranked.emplace_back(floor + (raw - floor) * stretch, Candidate{raw, stand_ins[i]});
  }
  const auto rank = [](const auto& one) { return std::pair(one.first, one.second.node); };
  s.copies.clear();
  if (!graph_.has_label_trees()) {
    const auto end = s.ranked.begin() + static_cast<ptrdiff_t>(std::min(kCopies, s.ranked.size()));
    std::ranges::partial_sort(s.ranked.begin(), end, s.ranked.end(), {}, rank);
    for (auto one = s.ranked.begin(); one != end; ++one) s.copies.push_back(one->second);
    return;
  }
  std::ranges::sort(s.ranked, {}, rank);
  std::vector<Label> shared;
  std::ranges::copy_if(labels->labels(labels->walk_set(other)), std::back_inserter(shared),
                       [&](Label label) { return labels->walked_by(leaving, label); });
  std::vector<size_t> with(shared.size());
  for (const auto& [distance, candidate] : s.ranked) {
    bool wanted = s.copies.size() < kCopies;
    for (size_t i = 0; i < shared.size(); ++i)
      if (with[i] < kLabelCopies && labels->walked_by(candidate.node, shared[i])) {
        ++with[i];
        wanted = true;
      }
    if (wanted) s.copies.push_back(candidate);
  }
}

/// By what was found around the node on a layer.
void Linker::bypass_on(Node node, uint32_t layer) {
  LinkScratch& s = scratch_;
  const std::vector<Node> stand_ins = stand_ins_of(node);
  if (stand_ins.empty()) return;
  std::vector<Node> own, around, list;
  read_list(node, layer, own);
  for (const Candidate& candidate : s.plan.candidates) around.push_back(candidate.node);
  around.insert(around.end(), own.begin(), own.end());
  std::sort(around.begin(), around.end());
  around.erase(std::unique(around.begin(), around.end()), around.end());
  std::sort(own.begin(), own.end());
  s.edits.clear();
  s.rows.resize(stand_ins.size());
  for (size_t i = 0; i < stand_ins.size(); ++i) s.rows[i] = measure_.row(stand_ins[i]);
  for (const Node other : around) {
    if (graph_.leaving(other)) continue;
    read_list(other, layer, list);
    const bool leads_here = std::find(list.begin(), list.end(), node) != list.end();
    const bool led_to = std::binary_search(own.begin(), own.end(), other);
    if (!leads_here && !led_to) continue;
    if (leads_here) s.edits.push_back({other, {0, kNoNode}});  // loses one even where it gets none
    find_copies(other, node, stand_ins);
    for (const auto [distance, stand_in] : s.copies) {
      if (leads_here) s.edits.push_back({other, {distance, stand_in}});
      if (led_to) s.edits.push_back({stand_in, {distance, other}});
    }
  }
  apply_edits(node, layer);
}

/// Of a list that gets edges in place of others: it neither grows nor shrinks for long. One of a batch build
/// may have far fewer than it has room for, and each more costs every walk that comes by. Pruned to an
/// eleventh below where it is full it takes some more before it is pruned again.
ListRoom Linker::as_long_as(uint32_t count) const {
  const uint32_t full = std::min(std::max(count, graph_.options().links * 5 / 4), graph_.base().capacity());
  return {full, std::max(full - full / 11, std::min(full, graph_.options().degree_kept))};
}

/// Each list once: what is to come in is there already, or fits, or makes it be pruned.
void Linker::apply_edits(Node leaving, uint32_t layer) {
  LinkScratch& s = scratch_;
  std::stable_sort(s.edits.begin(), s.edits.end(),
                   [](const ListEdit& a, const ListEdit& b) { return a.to < b.to; });
  std::vector<PruneCandidate> fresh;
  std::vector<Node> list;
  for (size_t begin = 0, end = 0; begin < s.edits.size(); begin = end) {
    const Node to = s.edits[begin].to;
    const auto guard = graph_.locks().lock(to);
    if (graph_.left(to)) {
      while (end < s.edits.size() && s.edits[end].to == to) ++end;
      continue;
    }
    const ListRoom room = as_long_as(read_list(to, layer, list));
    drop_locked(to, layer, [&](Node other, bool forced) { return other == leaving && !forced; });
    read_list(to, layer, s.ids);
    list = s.ids;
    fresh.clear();
    for (end = begin; end < s.edits.size() && s.edits[end].to == to; ++end) {
      const PruneCandidate& edge = s.edits[end].edge;
      if (edge.node == kNoNode || edge.node == to ||
          std::find(list.begin(), list.end(), edge.node) != list.end())
        continue;
      fresh.push_back(edge);
      list.push_back(edge.node);
    }
    if (layer == 0) drop_unworthy(to, room, fresh);
    if (fresh.empty()) continue;
    layer == 0 ? connect_locked(to, fresh, room) : connect_upper(to, layer, fresh);
  }
}

void Linker::consolidate(Node node) {
  for (uint32_t layer = 0; layer <= graph_.level(node); ++layer) consolidate_on(node, layer);
}

void Linker::consolidate_on(Node node, uint32_t layer) {
  LinkScratch& s = scratch_;
  std::vector<Node> own, theirs, fresh;
  const auto guard = graph_.locks().lock(node);
  const ListRoom room = as_long_as(read_list(node, layer, own));
  for (const Node other : own) {
    if (!graph_.leaving(other)) continue;
    read_list(other, layer, theirs);
    std::copy_if(theirs.begin(), theirs.end(), std::back_inserter(fresh), [&](Node next) {
      return next != node && !graph_.leaving(next) && std::find(own.begin(), own.end(), next) == own.end();
    });
  }
  const auto gone = [&](Node other, bool forced) { return !forced && graph_.leaving(other); };
  drop_locked(node, layer, gone);
  std::sort(fresh.begin(), fresh.end());
  fresh.erase(std::unique(fresh.begin(), fresh.end()), fresh.end());
  if (fresh.empty()) return;
  s.rows.resize(fresh.size());
  s.distances.resize(fresh.size());
  for (size_t i = 0; i < fresh.size(); ++i) s.rows[i] = measure_.row(fresh[i]);
  measure_.between(node, s.centre).score(s.rows.data(), fresh.size(), s.distances.data());
  s.prune.measured += fresh.size();
  std::vector<PruneCandidate> edges;
  for (size_t i = 0; i < fresh.size(); ++i) edges.push_back({s.distances[i], fresh[i]});
  layer == 0 ? connect_locked(node, edges, room) : connect_upper(node, layer, edges);
}

/// Marks move with their edges.
template <typename Drops>
void Linker::drop_locked(Node node, uint32_t layer, Drops drops) {
  std::vector<Node>& ids = scratch_.ids;
  const uint32_t count = read_list(node, layer, ids);
  ListMarks marks = graph_.marks(node);
  uint32_t checked = marks.checked();
  uint32_t kept = 0;
  for (uint32_t position = 0; position < count; ++position) {
    const bool forced = layer == 0 && marks.forced(position);
    if (drops(ids[position], forced)) {
      if (position < marks.checked()) --checked;
      continue;
    }
    if (layer == 0) marks.set_forced(kept, forced);
    ids[kept++] = ids[position];
  }
  if (kept == count) return;
  const std::span<const Node> left(ids.data(), kept);
  if (layer > 0) return graph_.upper().assign(graph_.upper_list(node, layer), left);
  for (uint32_t position = kept; position < count; ++position) marks.set_forced(position, false);
  marks.set_checked(checked);
  graph_.base().assign(node, left);
}

void Linker::drop_left(Node node) {
  const auto guard = graph_.locks().lock(node);
  const auto drops = [&](Node other, bool /*forced*/) { return graph_.left(other); };
  drop_locked(node, 0, drops);
  for (uint32_t layer = 1; layer <= graph_.level(node); ++layer) drop_locked(node, layer, drops);
}

void Linker::join_again(Node node, Node nodes) {
  const RowScorer scorer = measure_.between(node, scratch_.query);
  const GraphEntry entry = *graph_.entry();
  Candidate nearest = way_in(graph_, entry, scorer, nodes, scratch_.step, stats_);
  for (uint32_t layer = entry.level; layer > 0; --layer)
    nearest = descend(graph_, scorer, layer, nearest, scratch_.step, stats_);
  find_candidates(scorer, nearest, 0, nodes);
  const std::vector<Candidate> found =
      scratch_.plan.candidates;  // forcing an edge may prune, in the same scratch
  for (const Candidate& other : found)
    if (other.node != node && force_edge(other.node, {other.distance, node}, kJoinShare)) {
      (void)force_edge(node, {other.distance, other.node}, 1);
      return;
    }
}

/// A tree of least distances (Prim) over the nodes that hung at one that leaves, each of which has room for
/// `limit` edges in all that stay. False where there is not enough.
bool Linker::plan_joins(std::span<const Held> held, uint32_t limit, std::vector<Join>& out) {
  out.clear();
  if (held.size() < 2) return true;
  std::vector<size_t> forced;
  for (const Held& one : held) forced.push_back(one.forced.size());
  std::vector<bool> joined(held.size());
  joined[0] = true;
  std::vector<float> distances(held.size() * held.size());
  std::vector<const void*> rows;
  for (const Held& one : held) rows.push_back(measure_.row(one.node));
  for (size_t a = 0; a < held.size(); ++a)
    measure_.between(held[a].node, scratch_.centre)
        .score(rows.data(), held.size(), &distances[a * held.size()]);
  const auto has = [&](size_t from, size_t to) {
    const std::vector<Node>& edges = held[from].forced;
    return std::find(edges.begin(), edges.end(), held[to].node) != edges.end();
  };
  while (out.size() + 1 < held.size()) {
    Join best{0, 0, 0};
    bool found = false;
    for (size_t a = 0; a < held.size(); ++a) {
      if (!joined[a]) continue;
      for (size_t b = 0; b < held.size(); ++b) {
        if (joined[b] || (forced[a] >= limit && !has(a, b)) || (forced[b] >= limit && !has(b, a))) continue;
        const float distance = distances[a * held.size() + b];
        if (found && !(distance < best.distance)) continue;
        best = {a, b, distance};
        found = true;
      }
    }
    if (!found) return false;
    joined[best.b] = true;
    forced[best.a] += !has(best.a, best.b);
    forced[best.b] += !has(best.b, best.a);
    out.push_back(best);
  }
  return true;
}

/// The nodes at which edges that stay hang from `node`, but for one.
std::vector<Node> Linker::forced_edges(Node node, Node but_for) const {
  const auto guard = graph_.locks().lock(node);
  std::vector<Node> out;
  read_list(node, 0, out);
  size_t kept = 0;
  for (size_t position = 0; position < out.size(); ++position)
    if (out[position] != but_for && graph_.marks(node).forced(static_cast<uint32_t>(position)))
      out[kept++] = out[position];
  out.resize(kept);
  return out;
}

/// Edges of the tree stay on both sides, but for those that found no room on one. So do others on one side:
/// a node's own links (NSW), and those of a label that both ends carry, which that label's tree does without
/// by now.
bool Linker::holds(Node node, Node other, bool forced, bool forced_back) const {
  if (forced == forced_back) return forced;
  if (graph_.options().rule.kind == PruneRule::Kind::kClosest) return false;
  if (!graph_.has_label_trees()) return true;
  const LabelTable& labels = *graph_.labels();
  const LabelSetNumber own = labels.walk_set(node), theirs = labels.walk_set(other);
  return !labels.universal(own) && !labels.universal(theirs) &&
         std::ranges::none_of(labels.labels(own), [&](Label label) { return labels.has(theirs, label); });
}

bool Linker::leave(Node node) {
  if (node == graph_.zero_node()) return false;
  std::vector<Node> own, list;
  read_list(node, 0, own);
  std::vector<Held> held;
  Node near = kNoNode;  // the first that stays
  for (size_t position = 0; position < own.size(); ++position) {
    const Node other = own[position];
    const bool again = std::find(own.begin(), own.begin() + static_cast<ptrdiff_t>(position), other) !=
                       own.begin() + static_cast<ptrdiff_t>(position);
    read_list(other, 0, list);
    if (list.empty() || again) continue;
    if (near == kNoNode && !graph_.leaving(other)) near = other;
    const auto back = std::find(list.begin(), list.end(), node) - list.begin();
    const bool leads_back = static_cast<size_t>(back) < list.size();
    const bool forced_back = leads_back && graph_.marks(other).forced(static_cast<uint32_t>(back));
    const bool forced = graph_.marks(node).forced(static_cast<uint32_t>(position));
    if (holds(node, other, forced, forced_back)) held.push_back({other, forced_edges(other, node)});
  }
  if (near == kNoNode) near = graph_.entry()->node;
  if (near == node) return false;
  std::vector<Join> joins;
  const uint32_t most = std::max(graph_.options().degree_kept, 2u) - 2;
  if (!plan_joins(held, std::min(graph_.base().capacity() / 2, most), joins) &&
      !plan_joins(held, most, joins))
    return false;
  graph_.leave_entry(node, near);
  schedule_point();
  for (const Join& join : joins) {
    const Node a = held[join.a].node, b = held[join.b].node;
    CHECK(force_edge(a, {join.distance, b}, 1) && force_edge(b, {join.distance, a}, 1));
    schedule_point();
  }
  const auto here = [&](Node other, bool /*forced*/) { return other == node; };
  for (uint32_t layer = 0; layer <= graph_.level(node); ++layer) {
    read_list(node, layer, own);
    for (const Node other : own) {
      const auto guard = graph_.locks().lock(other);
      drop_locked(other, layer, here);
    }
  }
  const auto all = [](Node, bool) { return true; };
  const auto guard = graph_.locks().lock(node);
  graph_.set_left(node);
  for (uint32_t layer = 0; layer <= graph_.level(node); ++layer) drop_locked(node, layer, all);
  return true;
}

}  // namespace kith

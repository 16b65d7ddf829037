// Linker's part in label edges: what makes the nodes of each label a graph of their own within the one graph
// (FilteredVamana: Gollapudi et al., Filtered-DiskANN, WWW 2023).
//
// A node's candidates are those of the ordinary walk and, for each of its labels but very frequent ones, of a
// walk that keeps to the label. (The paper walks once over all that share a label with the node. That
// leaves labels without common rows unconnected, where one graph is to answer unfiltered searches too, and a
// frequent label crowds a rare one out of the beam.) The pruning rule then spares what a label needs. Beyond
// the paper, each label has a spanning tree from its start, of edges that no pruning drops, as the whole
// graph has one: a node joins it through a neighbour that is linked, so was joined before, and so on down to
// the start. Nobody joins by a node that leaves, and label_tree.h has those join others that did before.
#include <algorithm>

#include "index/graph/label_layer.h"
#include "index/graph/linker.h"
#include "index/graph/nested_linker.h"
#include "index/graph/starts.h"

namespace kith {
namespace {

/// Of a list, the part that trees of labels may take: half of it is kept for the tree of the whole graph.
constexpr float kLabelShare = 0.375f;
/// The same of a label's start where nobody else has room: a node that is there may become the start of more.
constexpr float kStartShare = 0.5f;
constexpr double kFrequentShare = 0.5;  // of all rows: a label that walks without one know well enough
constexpr size_t kBeamGrowth = 8;

}  // namespace

void Linker::walk_label(const RowScorer& scorer, Label label, size_t beam, Node nodes) {
  LinkScratch& s = scratch_;
  const LabelTable& labels = *graph_.labels();
  const auto walks = [&](Node node) { return labels.walked_by(node, label); };
  s.visited.reset(nodes);
  s.pool.reset(beam);
  s.trail.clear();
  s.pool.keep_trail(graph_.options().rule.ladder() || s.whole_trail ? &s.trail : nullptr);
  const Node start = labels.start(label);
  const std::span<const Node> starts(&start, start == kNoNode ? 0 : 1);
  add_label_starts(graph_, scorer, starts, walks, nodes, s.visited, s.step, stats_,
                   [&](float distance, Node node) { s.pool.insert(distance, node, true); });
  CHECK(beam_search(LabelLayer(graph_.base(), walks), scorer, AllNodes{}, s.pool, s.visited, s.step, Stop{},
                    stats_)
            .ok());
}

/// Where the nearest rows are a label's own cluster, the ordinary walk knows no way from it to the label's
/// other rows: it came by rows of other labels.
void Linker::add_label_candidates(Node node, const RowScorer& scorer, Node nodes) {
  if (graph_.options().fused()) return add_fused_candidates(node, scorer, nodes);
  LinkScratch& s = scratch_;
  std::vector<Candidate>& candidates = s.plan.candidates;
  if (graph_.nested() != nullptr) return;
  const LabelTable& labels = *graph_.labels();
  const size_t found = candidates.size();
  for (const Label label : labels.labels(labels.walk_set(node))) {
    if (static_cast<double>(labels.rows(label)) > kFrequentShare * static_cast<double>(nodes)) continue;
    walk_label(scorer, label, graph_.options().ef_construction / 2 + 1, nodes);
    for (size_t i = 0; i < s.pool.size(); ++i) candidates.push_back(s.pool[i]);
    candidates.insert(candidates.end(), s.trail.begin(), s.trail.end());
  }
  if (candidates.size() == found) return;
  const auto key = [](const Candidate& c) { return std::pair(c.distance, c.node); };
  std::ranges::sort(candidates, {}, key);
  const auto same = [](const Candidate& a, const Candidate& b) { return a.node == b.node; };
  candidates.erase(std::unique(candidates.begin(), candidates.end(), same), candidates.end());
}

void Linker::join_labels(Node node) {
  const LabelTable* labels = graph_.labels();
  if (labels == nullptr || graph_.options().fused()) return;
  if (graph_.nested() != nullptr) return NestedLinker(graph_, scratch_, measure_, stats_).link(node);
  for (const Label label : labels->labels(labels->walk_set(node))) join(node, label);
}

void Linker::join_labels_again(Node node) {
  const LabelTable& labels = *graph_.labels();
  for (const Label label : labels.labels(labels.walk_set(node))) join(node, label);
}

/// A search by the fused metric that found the chain's new member by a representative that lacks its labels
/// would take what these cost for a distance, so the representative has them first. Where memory ends it goes
/// without.
void Linker::hang(Node representative, Node node) {
  LabelTable* const labels = graph_.labels();
  const bool fused = labels != nullptr && graph_.options().fused();
  if (fused) (void)labels->widen(representative, labels->set_of(node));
  const bool has_lists = graph_.add_equal(representative, node);
  if (graph_.nested() != nullptr) {
    if (has_lists) join_labels(node);
  } else if (labels != nullptr && !fused) {
    hang_labels(representative, node);
  }
  graph_.set_linked(node);
}

/// Labels that the representative does not carry yet are joined first: who meets it by one finds it in that
/// label's tree. But a label that nobody has had begins at a node that carries it. Where memory ends its
/// walks are given up.
void Linker::hang_labels(Node representative, Node node) {
  LabelTable& labels = *graph_.labels();
  const LabelSetNumber more = labels.set_of(node);
  std::vector<Label> fresh;
  std::ranges::copy_if(labels.labels(more), std::back_inserter(fresh),
                       [&](Label label) { return !labels.has(labels.walk_set(representative), label); });
  if (fresh.empty()) return;
  const auto first_new = std::stable_partition(fresh.begin(), fresh.end(),
                                               [&](Label label) { return labels.start(label) != kNoNode; });
  for (auto label = fresh.begin(); label != first_new; ++label) join(representative, *label);
  if (!labels.widen(representative, more)) {
    for (const Label label : fresh) labels.count_loose(label);
    return;
  }
  for (auto label = first_new; label != fresh.end(); ++label) join(representative, *label);
}

void Linker::link_nested_again(Node node, const NodeBits& tree) {
  if (!graph_.entry()) return;
  const RowScorer scorer = measure_.between(node, scratch_.query);  // its vector may not be in memory
  const GraphEntry entry = *graph_.entry();
  Candidate nearest = way_in(graph_, entry, scorer, graph_.grown(), scratch_.step, stats_);
  for (uint32_t layer = entry.level; layer > 0; --layer)
    nearest = descend(graph_, scorer, layer, nearest, scratch_.step, stats_);
  find_candidates(scorer, nearest, 0, graph_.grown());
  NestedLinker(graph_, scratch_, measure_, stats_, &tree).link(node);
}

void Linker::join(Node node, Label label, const LabelReach* reach) {
  LabelTable& labels = *graph_.labels();
  const Node start = reach != nullptr ? reach->start : labels.claim_start(label, node);
  if (start == node || join_near(node, label, reach)) return;
  for (size_t beam = graph_.options().ef_construction; scratch_.pool.size() == beam;)
    if (join_by_walk(node, label, reach, beam *= kBeamGrowth)) return;
  // No node that the walk reaches has room. A start that was there before its label may have none at first:
  // then it is this one that leads to it, and is the start.
  const float distance = measure_.between(node, scratch_.query).score_one(start);
  if (graph_.leaving(start)) return labels.count_loose(label);
  if (force_edge(start, {distance, node}, kStartShare)) return;
  if (reach != nullptr || !force_edge(node, {distance, start}, kStartShare)) return labels.count_loose(label);
  if (!labels.move_start(label, start, node)) join(node, label, nullptr);
}

/// A node that is being linked has neighbours by whom it may join. One that was linked before may lead to
/// these by now, and asks a walk from the start, but where it is known whom that reaches.
bool Linker::join_near(Node node, Label label, const LabelReach* reach) {
  if ((reach != nullptr || !graph_.linked(node)) && join_by_list(node, label, reach)) return true;
  return join_by_walk(node, label, reach, graph_.options().ef_construction);
}

bool Linker::may_lead(Node from, Label label, const LabelReach* reach) const {
  const LabelTable& labels = *graph_.labels();
  if (!labels.has(labels.walk_set(from), label) || graph_.leaving(from)) return false;
  if (reach != nullptr) return reach->nodes.contains(from);
  return graph_.linked(from) || from == labels.start(label);
}

/// By one of its own neighbours, the nearest first.
bool Linker::join_by_list(Node node, Label label, const LabelReach* reach) {
  std::vector<Node> neighbors(graph_.base().capacity());
  neighbors.resize(graph_.base().read(node, neighbors.data()));
  const RowScorer scorer = measure_.between(node, scratch_.centre);
  return std::ranges::any_of(neighbors, [&](Node other) {
    return may_lead(other, label, reach) && force_edge(other, {scorer.score_one(other), node});
  });
}

bool Linker::join_by_walk(Node node, Label label, const LabelReach* reach, size_t beam) {
  walk_label(measure_.between(node, scratch_.query), label, beam, graph_.grown());
  std::vector<Candidate> found;  // forcing an edge may prune, in the same scratch
  for (size_t i = 0; i < scratch_.pool.size(); ++i) found.push_back(scratch_.pool[i]);
  return std::ranges::any_of(found, [&](const Candidate& other) {
    return other.node != node && may_lead(other.node, label, reach) &&
           force_edge(other.node, {other.distance, node});
  });
}

bool Linker::force_edge(Node to, PruneCandidate edge) {
  return force_edge(to, edge, kLabelShare);
}

bool Linker::force_edge(Node to, PruneCandidate edge, float share) {
  LinkScratch& s = scratch_;
  const uint32_t capacity = graph_.base().capacity();
  s.ids.resize(capacity);
  const auto guard = graph_.locks().lock(to);
  ListMarks marks = graph_.marks(to);
  const uint32_t count = graph_.base().read(to, s.ids.data());
  uint32_t forced = 0;
  uint32_t at = count;
  for (uint32_t position = 0; position < count; ++position) {
    forced += marks.forced(position);
    if (s.ids[position] == edge.node) at = position;
  }
  if (at < count && marks.forced(at)) return true;
  if (static_cast<float>(forced) >= share * static_cast<float>(capacity)) return false;
  if (at < count) {
    marks.set_forced(at, true);
  } else {
    edge.forced = true;
    connect_locked(to, {&edge, 1});
  }
  return true;
}

}  // namespace kith

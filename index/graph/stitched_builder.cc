#include "index/graph/stitched_builder.h"

#include <algorithm>
#include <map>

#include "index/graph/batch_linker.h"
#include "index/graph/list_writer.h"

namespace kith {
namespace {

constexpr uint32_t kSmallDegree = 32;       // R_small
constexpr uint32_t kSmallCandidates = 100;  // L_small

/// Neighbours of all nodes, by their number.
using Lists = std::vector<std::vector<Node>>;

GraphOptions small_options(const GraphOptions& options) {
  GraphOptions small;
  small.rule = options.rule;
  small.entry_moves = true;
  small.degree = std::min(kSmallDegree, options.degree);
  small.links = small.degree_kept = std::max(small.degree * 10 / 13, 1u);
  small.ef_construction = std::min(kSmallCandidates, options.ef_construction);
  return small;
}

/// Adds the lists of a graph of `members` alone.
Result<void> add_small_graph(const BuildInput& in, std::span<const Node> members, Lists& lists) {
  GraphStore small(in.graph.space(), small_options(in.graph.options()), in.graph.seed());
  const auto count = static_cast<Node>(members.size());
  TRY(small.grow(count));
  std::vector<Row> numbers(count);
  for (Node i = 0; i < count; ++i) {
    small.vectors().set_stored(i, in.graph.vectors()[members[i]]);
    numbers[i] = i;
  }
  RowTable rows;
  TRY(rows.reserve(numbers));
  rows.publish(numbers);
  ScratchPool<LinkScratch> scratch;
  BatchLinker(small, rows, scratch, in.pool).link(0, count);
  std::vector<Node> list(small.base().capacity());
  for (Node i = 0; i < count; ++i) {
    const uint32_t degree = small.base().read(i, list.data());
    for (const Node neighbor : std::span(list).first(degree)) lists[members[i]].push_back(members[neighbor]);
  }
  return in.stop.check();
}

struct StitchScratch {
  KernelQuery query;
  PruneScratch prune;
};

void stitch(GraphStore& graph, Node node, std::vector<Node>& list, StitchScratch& scratch) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
  const RowScorer scorer =
      exact_scorer(graph.vectors(), scratch.query.from_stored(graph.space(), graph.vectors()[node]));
  std::vector<PruneCandidate>& candidates = scratch.prune.candidates;
  candidates.clear();
  for (const Node neighbor : list) candidates.push_back({scorer.score_one(neighbor), neighbor});
  std::ranges::sort(candidates, {}, [](const PruneCandidate& c) { return std::pair(c.distance, c.node); });
  write_pruned_list(graph, node, scratch.prune);
}

}  // namespace

Result<void> build_stitched(const BuildInput& in) {
  const LabelTable& labels = *in.graph.labels();
  std::map<Label, std::vector<Node>> members;
  for (const Node node : in.nodes)
    for (const Label label : labels.labels(labels.walk_set(node))) members[label].push_back(node);
  Lists lists(in.nodes.back() + 1);
  TRY(add_small_graph(in, in.nodes, lists));
  for (const auto& [label, nodes] : members)
    if (nodes.size() > 1 && nodes.size() < in.nodes.size()) TRY(add_small_graph(in, nodes, lists));
  ScratchPool<StitchScratch> scratch;
  for_all(in.pool, in.nodes.size(), [&](size_t i) {
    const auto lease = scratch.borrow();
    stitch(in.graph, in.nodes[i], lists[in.nodes[i]], *lease);
  });
  return in.stop.check();
}

}  // namespace kith

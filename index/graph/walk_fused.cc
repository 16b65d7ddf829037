// GraphWalk's walk by the fused metric (fused_metric.h). It goes over the whole graph, as an inline one does,
// and rows that match alone enter the answer; but nodes come in the order of their fused distances, and most
// that do not match are not measured.
//
// It begins where a walk of width 1 that asks for no labels ends. Begun all over the graph it would stay in
// whatever cluster it first met rows that match in, since those next to the query that do not are farther
// yet.
#include <algorithm>
#include <cmath>

#include "index/graph/fused_metric.h"
#include "index/graph/graph_walk.h"

namespace kith {
namespace {

constexpr float kMissing = 0.75f;       // what a label that is missing costs, in median distances
constexpr uint32_t kRandomStarts = 32;  // where there are no landmarks

/// Median of the finite ones, above `floor`, or 0.
float median_above(float floor, std::span<const float> distances, std::vector<float>& scratch) {
  scratch.clear();
  std::ranges::copy_if(distances, std::back_inserter(scratch), [](float d) { return std::isfinite(d); });
  if (scratch.empty()) return 0;
  const auto middle = scratch.begin() + static_cast<ptrdiff_t>(scratch.size() / 2);
  std::nth_element(scratch.begin(), middle, scratch.end());
  return std::max(0.0f, *middle - floor);
}

}  // namespace

/// Measures nodes all over the graph, which tell the scale of distances, and walks from the nearest of them
/// towards the query; where that ended is in the linear pool.
Result<float> GraphWalk::approach(const RowScorer& scorer) {
  StepScratch& step = scratch_.step;
  step.reserve(Landmarks::kMax + 1);
  size_t count = graph_.landmarks().read(nodes_, step.nodes.data());
  if (count == 0)
    for (; count < kRandomStarts; ++count)
      step.nodes[count] = graph_.start(count, nodes_);  // kNoNode is dropped as beyond the graph
  step.nodes[count++] = graph_.entry()->node;
  count = scratch_.visited.keep_fresh(step.nodes.data(), count);
  for (size_t i = 0; i < count; ++i) step.rows[i] = scorer.row(step.nodes[i]);
  scorer.score(step.rows.data(), count, step.distances.data());
  scorer.count(count, stats_);
  budget_.take(count);
  const float scale =
      median_above(raw_floor(graph_.space()), std::span(step.distances).first(count), scratch_.fused);
  scratch_.linear.reset(1);
  for (size_t i = 0; i < count; ++i) scratch_.linear.insert(step.distances[i], step.nodes[i], true);
  BudgetedPool pool(scratch_.linear, budget_);
  TRY(beam_search(BaseLayer{&graph_.base()}, scorer, AllNodes{}, pool, scratch_.visited, step, stop_,
                  stats_));
  return scale;
}

Result<void> GraphWalk::walk_fused(const RowScorer& scorer) {
  FusedQuery query(*graph_.labels(), filter_.labels()->query());
  query.set_weight(kMissing * TRY(approach(scorer)));
  const auto fuse = [&](float raw, Node node) { return raw + query.extra(node); };
  FilteredPool& accepted = scratch_.filtered;
  scratch_.visited.reset(nodes_);
  if (left_out_ != kNoNode) scratch_.visited.insert(left_out_);
  for (size_t i = 0; i < scratch_.linear.size(); ++i) {
    const auto [distance, node] = scratch_.linear[i];
    scratch_.visited.insert(node);
    accepted.insert(fuse(distance, node), node, passes(node));
  }
  BudgetedPool budgeted(accepted, budget_);
  FusedPool pool(budgeted, scratch_.fused, fuse);
  const float floor = raw_floor(graph_.space());
  const FusedLayer layer(graph_.base(), accepted, [&](Node node) { return fuse(floor, node); });
  const auto passing = [this](Node node) { return passes(node); };
  return beam_search(layer, scorer, passing, pool, scratch_.visited, scratch_.step, stop_, stats_);
}

}  // namespace kith

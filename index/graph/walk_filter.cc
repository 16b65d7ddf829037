// GraphWalk's searches under a filter: one function a plan, and the order in which one plan follows another
// until the answer has as many rows as there are.
#include <algorithm>
#include <limits>

#include "index/graph/graph_walk.h"
#include "index/graph/label_layer.h"
#include "index/graph/nested_layer.h"
#include "index/graph/starts.h"

namespace kith {
namespace {

/// Allowed rows all over the graph among which a two-hop walk begins. Lists that are not pruned by direction
/// (ACORN-γ) seldom lead out of a cluster, so there it begins in more of them.
constexpr size_t kSeeds = 32, kUnprunedSeeds = 128;
constexpr size_t kPostWiden = 4;    // times as wide each time that kPost finds too few
constexpr uint64_t kGroupStep = 8;  // distances that a walk of groups takes per candidate of its beam

}  // namespace

Result<SearchAnswer> GraphWalk::nearest_allowed(const SearchRequest& request, uint32_t effort) {
  const FilterPlan asked = request.plan;
  const LabelFilter* const labels = filter_.labels();
  PlanInput input{.nodes = std::max<uint64_t>(nodes_, 1),
                  .matches = returnable_,
                  .k = request.k,
                  .effort = effort,
                  .codes = codes_ != nullptr,
                  .labels = labels != nullptr && labels->walkable() && !scan_beats_groups(request.k, effort),
                  .gamma = graph_.options().gamma,
                  .distances_max = request.distances_max,
                  .fallback = request.fallback};
  const size_t wanted = std::min<uint64_t>(request.k, returnable_);  // more may have come since
  const size_t most = std::min<uint64_t>(request.k, nodes_);
  plan_ = first_plan(asked, input);
  const FilterPlan begun = plan_;
  while (true) {
    TopK top(most), pending(most);
    const bool answered = TRY(run_plan(input, walk_budget(asked, plan_, input), top, pending));
    if (answered) {
      TRY(stop_.check());
      SearchAnswer answer = merge(top, pending, most);
      answer.plan_begun = begun;
      answer.plan = plan_;
      if (plan_ == FilterPlan::kScan || answer.neighbors.size() >= wanted) return answer;
    }
    input.codes = codes_ != nullptr;  // a walk may have turned away from them
    plan_ = next_plan(asked, plan_, input);
  }
}

/// A walk of groups takes about so many distances at least, and a scan misses nothing.
bool GraphWalk::scan_beats_groups(uint32_t k, uint32_t effort) const {
  return filter_.labels()->nested() && returnable_ <= kGroupStep * std::max(k, effort);
}

Result<bool> GraphWalk::run_plan(const PlanInput& input, uint64_t budget, TopK& top, TopK& pending) {
  if (plan_ == FilterPlan::kCodeScan) return run_code_scan(input, top, pending);
  if (plan_ == FilterPlan::kScan) {
    TRY(scan_all(top));
    return true;
  }
  make_bits();
  budget_ = WalkBudget(budget);
  TRY(scan_pending(pending));
  if (plan_ == FilterPlan::kLabels) TRY(scan_unmet(pending));
  TRY(run_walk(input));
  if (budget_.spent()) return false;
  TRY(collect(top));
  return true;
}

/// Where codes tell neighbours apart no more, their scan was in vain and exact distances decide.
Result<bool> GraphWalk::run_code_scan(const PlanInput& input, TopK& top, TopK& pending) {
  TRY(scan_codes(code_scan_width(input), pending));
  if (blurred(input.k)) return false;
  TRY(rerank(top));
  return true;
}

/// A walk over allowed rows, or to those with labels, meets few others: what it asks says nothing of their
/// share.
Result<void> GraphWalk::run_walk(const PlanInput& input) {
  const uint64_t asked = filter_.asked(), passed = filter_.passed();
  TRY(walk_by_plan(input));
  if (plan_ == FilterPlan::kTwoHop || plan_ == FilterPlan::kLabels) return {};
  stats_.walk_evaluations += filter_.asked() - asked;
  stats_.walk_passes += filter_.passed() - passed;
  return {};
}

Result<void> GraphWalk::walk_by_plan(const PlanInput& input) {
  if (plan_ == FilterPlan::kPost) return walk_wider_until_enough(input);
  const uint64_t beam = plan_ == FilterPlan::kInline ? inline_width(input) : std::max(input.k, input.effort);
  return walk_nearest(std::min(beam, input.nodes), std::min(input.k, input.nodes), input.k);
}

Result<void> GraphWalk::walk_wider_until_enough(const PlanInput& input) {
  const size_t wanted = std::min(input.k, input.matches);
  for (uint64_t width = post_width(input);; width = std::min(width * kPostWiden, input.nodes)) {
    // No early end: where those that pass lie far off, the nearest stop changing long before they are met.
    TRY(walk_nearest(width, width, wanted));
    scratch_.linear.keep([this](Node node) { return passes(node); });
    if (found_count() >= wanted || width == input.nodes || budget_.spent()) return {};
  }
}

void GraphWalk::make_bits() {
  if (filter_.allowed() == nullptr || filter_.has_bits() ||
      !bits_pay(filter_.allowed()->block_count(), nodes_))
    return;
  scratch_.bits.assign(*filter_.allowed());
  filter_.use(scratch_.bits);
}

Result<void> GraphWalk::walk_inline(const RowScorer& scorer, Candidate nearest) {
  scratch_.visited.insert(nearest.node);
  scratch_.filtered.insert(nearest.distance, nearest.node, passes(nearest.node));
  add_starts(graph_, scorer, 0, nodes_, scratch_.visited, stats_,
             [&](float distance, Node node) { scratch_.filtered.insert(distance, node, passes(node)); });
  BudgetedPool pool(scratch_.filtered, budget_);
  return beam_search(
      BaseLayer{&graph_.base()}, scorer, [this](Node node) { return passes(node); }, pool, scratch_.visited,
      scratch_.step, stop_, stats_);
}

Result<void> GraphWalk::walk_two_hop(const RowScorer& scorer, Candidate nearest) {
  TwoHopLayer layer(graph_, scratch_.visited, scratch_.two_hop, budget_,
                    [this](Node node) { return passes(node); });
  enter_allowed(layer, scorer, nearest);
  BudgetedPool pool(scratch_.linear, budget_);
  TRY(beam_search(layer, scorer, AllNodes{}, pool, scratch_.visited, scratch_.step, stop_, stats_));
  stats_.hops += layer.crossed();
  return {};
}

Candidate GraphWalk::descend_allowed(const RowScorer& scorer, uint32_t layer, Candidate from) {
  StepScratch& step = scratch_.step;
  const UpperLayer lists{&graph_, layer};
  step.reserve(lists.degree_max());
  if (!passes(from.node)) from.distance = std::numeric_limits<float>::infinity();
  for (bool moved = true; moved;) {
    moved = false;
    const std::span<Node> neighbors(step.nodes.data(), lists.read(from.node, step.nodes.data()));
    size_t passing = 0;
    for (const Node node : neighbors)
      if (passes(node)) step.nodes[passing++] = node;
    const size_t count = std::min<size_t>(passing, graph_.options().links);
    for (size_t i = 0; i < count; ++i) {  // from all over the list: its end leads to other clusters
      step.nodes[i] = step.nodes[i * passing / count];
      step.rows[i] = scorer.row(step.nodes[i]);
    }
    scorer.score(step.rows.data(), count, step.distances.data());
    scorer.count(count, stats_);
    ++stats_.hops;
    for (size_t i = 0; i < count; ++i) {
      if (!(step.distances[i] < from.distance)) continue;
      from = {step.distances[i], step.nodes[i]};
      moved = true;
    }
  }
  return from;
}

/// Rows that may be returned, from all over the set where there is one.
std::vector<Node> GraphWalk::allowed_seeds() {
  const size_t wanted = graph_.options().gamma > 1 ? kUnprunedSeeds : kSeeds;
  std::vector<Node> seeds;
  if (filter_.allowed() != nullptr) {
    for (const Row row : filter_.allowed()->spread(wanted)) seeds.push_back(index_.rows().find(row));
    return seeds;
  }
  filter_.labels()->for_each([&](Node node) {
    seeds.push_back(node);
    return seeds.size() < wanted;
  });
  return seeds;
}

Result<void> GraphWalk::walk_labels(const RowScorer& scorer) {
  if (graph_.options().fused()) return walk_fused(scorer);
  const LabelFilter& labels = *filter_.labels();
  const auto walks = [&](Node node) { return labels.walks(node); };
  const auto walk_in = [&](const auto& layer, auto& pool, auto passes_too) {
    add_label_starts(graph_, scorer, labels.starts(), walks, nodes_, scratch_.visited, scratch_.step, stats_,
                     [&](float distance, Node node) {
                       budget_.take(1);
                       pool.insert(distance, node, passes_too(node));
                     });
    BudgetedPool budgeted(pool, budget_);
    return beam_search(layer, scorer, passes_too, budgeted, scratch_.visited, scratch_.step, stop_, stats_);
  };
  const auto walk_on = [&](const auto& layer) {
    if (labels_alone_) return walk_in(layer, scratch_.linear, AllNodes{});
    return walk_in(layer, scratch_.filtered, [this](Node node) { return passes(node); });
  };
  return labels.nested() ? walk_on(NestedLayer(graph_, labels)) : walk_on(LabelLayer(graph_.base(), walks));
}

template <typename Layer>
void GraphWalk::enter_allowed(Layer& layer, const RowScorer& scorer, Candidate nearest) {
  StepScratch& step = scratch_.step;
  step.reserve(std::max<uint32_t>(layer.degree_max(), kUnprunedSeeds + 1));
  const auto measure_and_insert = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) {
      step.rows[i] = scorer.row(step.nodes[i]);
      scorer.prefetch(step.rows[i]);
    }
    scorer.score(step.rows.data(), count, step.distances.data());
    scorer.count(count, stats_);
    budget_.take(count);
    for (size_t i = 0; i < count; ++i) scratch_.linear.insert(step.distances[i], step.nodes[i], true);
  };
  size_t seeds = 0;
  for (const Node node : allowed_seeds()) {
    if (node >= nodes_ || !graph_.linked(node) || !graph_.base().has_any(node)) continue;
    if (passes(node) && scratch_.visited.insert(node)) step.nodes[seeds++] = node;
  }
  measure_and_insert(seeds);
  if (!scratch_.visited.insert(nearest.node)) return;
  if (passes(nearest.node)) return scratch_.linear.insert(nearest.distance, nearest.node, true);
  measure_and_insert(layer.read_fresh(nearest.node, scratch_.visited, step.nodes.data()));
}

}  // namespace kith

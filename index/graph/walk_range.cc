// GraphWalk's range search: a walk to the query's neighbourhood, and from there all around to the rim.
#include <algorithm>

#include "index/graph/graph_walk.h"

namespace kith {
namespace {

constexpr float kRingSigmas = 2.5f;  // of an estimate's error: a row this far beyond the rim is not read

}  // namespace

Result<SearchAnswer> GraphWalk::within(float radius, uint32_t rows_max, uint32_t effort) {
  TopK top(std::min<uint64_t>(rows_max, nodes_));
  TopK pending(std::min<uint64_t>(rows_max, nodes_));
  if (scan_is_cheaper(effort)) {
    TRY(scan_all(top));
  } else {
    make_bits();
    TRY(scan_pending(pending));
    const size_t beam = std::min<uint64_t>(effort, nodes_);
    const bool reads = codes_ != nullptr && graph_.vectors().leaves_memory();
    const RowScorer scorer = reads ? code_scorer() : exact_;
    plan_ = filtered_ ? FilterPlan::kInline : FilterPlan::kAuto;
    TRY(walk(beam, beam, scorer));
    TRY(widen_to_radius(radius, scorer, top));
  }
  SearchAnswer answer = merge(top, pending, rows_max);
  auto& found = answer.neighbors;
  found.erase(
      std::find_if(found.begin(), found.end(), [&](const Neighbor& n) { return !(n.distance <= radius); }),
      found.end());
  return answer;
}

/// So may one whose estimate is no number.
bool GraphWalk::may_lie_within(float radius, Candidate estimate) {
  return estimate.distance <= radius || !(estimate.distance - code_error(estimate, kRingSigmas) > radius);
}

Result<void> GraphWalk::start_ring(float radius, bool estimates, TopK& top) {
  Node nodes[kScanStep];
  float distances[kScanStep];
  const size_t step = scan_step();
  scratch_.ring.clear();
  for (size_t next = 0; next < found_count();) {
    size_t count = 0;
    for (; next < found_count() && count < step; ++next) {
      const Candidate candidate = found(next);
      if (estimates ? !may_lie_within(radius, candidate) : candidate.distance > radius) continue;
      nodes[count] = candidate.node;
      distances[count++] = candidate.distance;
    }
    if (estimates) TRY(measure({nodes, count}, distances));
    for (size_t i = 0; i < count; ++i) {
      if (!(distances[i] <= radius)) continue;
      scratch_.ring.push_back({distances[i], nodes[i]});
      push_group(scratch_.ring.back(), top);
    }
  }
  return {};
}

/// Of the nodes that were gathered with `code` keeps those worth a read; how many.
size_t GraphWalk::keep_within(float radius, const RowScorer& code, size_t count) {
  StepScratch& step = scratch_.step;
  code.score(step.rows.data(), count, step.distances.data());
  code.count(count, stats_);
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i)
    if (may_lie_within(radius, {step.distances[i], step.nodes[i]})) step.nodes[kept++] = step.nodes[i];
  return kept;
}

/// From what the walk found within the radius, on to all that can be reached from there without leaving it.
/// The radius shrinks to that of the nearest rows_max when there are more.
Result<void> GraphWalk::widen_to_radius(float user_radius, const RowScorer& scorer, TopK& top) {
  const float offset = graph_.space().offset;  // rounding of the subtraction must not cut off the rim
  const float radius = offset == 0 ? user_radius : user_radius - offset + 1e-6f;
  std::vector<Candidate>& ring = scratch_.ring;
  StepScratch& step = scratch_.step;
  TRY(start_ring(radius, scorer.codes, top));
  // The walk has seen the neighbours of all these and kept only the nearest of them: they are asked again.
  scratch_.visited.reset(nodes_);
  for (const Candidate& seen : ring) scratch_.visited.insert(seen.node);
  step.reserve(graph_.base().capacity());
  for (size_t next = 0; next < ring.size(); ++next) {
    if (next % 32 == 31) TRY(stop_.check());
    if (ring[next].distance > top.bound()) continue;
    size_t count =
        graph::gather_unvisited(BaseLayer{&graph_.base()}, scorer, ring[next].node, scratch_.visited, step);
    if (scorer.codes) count = keep_within(std::min(radius, top.bound()), scorer, count);
    TRY(measure({step.nodes.data(), count}, step.distances.data()));
    ++stats_.hops;
    for (size_t i = 0; i < count; ++i) {
      const Candidate found{step.distances[i], step.nodes[i]};
      if (!(found.distance <= radius) || found.distance > top.bound()) continue;
      ring.push_back(found);
      push_group(found, top);
    }
  }
  return stop_.check();
}

}  // namespace kith

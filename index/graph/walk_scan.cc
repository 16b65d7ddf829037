// GraphWalk's scans: of all rows that may be returned, exactly or by their codes, and of those not linked
// yet.
#include <algorithm>
#include <functional>

#include "base/schedule.h"
#include "index/graph/graph_walk.h"

namespace kith {
namespace {

constexpr size_t kScanBytes = 1 << 20;  // a kernel call in exact scans, at most
constexpr size_t kCodeStep = 32;        // codes a kernel call

}  // namespace

Result<void> GraphWalk::measure(std::span<const Node> nodes, float* out) {
  schedule_point();
  exact_.score(TRY(graph_.vectors().fetch(nodes, scratch_.fetched, stats_)), nodes.size(), out);
  exact_.count(nodes.size(), stats_);
  return {};
}

size_t GraphWalk::scan_step() const {
  return std::clamp<size_t>(kScanBytes / graph_.vectors().stride(), 1, kScanStep);
}

Result<void> GraphWalk::scan(std::span<const Node> nodes, TopK& top) {
  const size_t step = scan_step();
  float distances[kScanStep];
  for (; !nodes.empty(); nodes = nodes.subspan(std::min(step, nodes.size()))) {
    const auto some = nodes.first(std::min(step, nodes.size()));
    TRY(measure(some, distances));
    for (size_t i = 0; i < some.size(); ++i)
      if (distances[i] <= top.bound()) top.push({distances[i], index_.rows().row(some[i])});
    TRY(stop_.check());
  }
  return {};
}

/// Visits the nodes that may be returned, those of allowed rows ascending, until `visit` returns false.
template <typename Visit>
void GraphWalk::for_each_returnable(Visit visit) {
  const RowTable& rows = index_.rows();
  if (filter_.allowed() == nullptr && filter_.labels() != nullptr) return for_each_labelled(visit);
  if (filter_.allowed() == nullptr) {
    for (Node node = 0; node < nodes_ && (rows.removed(node) || visit(node)); ++node) {
    }
    return;
  }
  uint64_t asked = 0;
  RowCursor cursor(rows);
  filter_.allowed()->for_each([&](Row row) {
    ++asked;
    const Node node = cursor.find(row);
    if (cursor.ended()) return false;
    if (node >= nodes_ || rows.removed(node)) return true;
    return (filter_.labels() != nullptr && !filter_.labels()->matches(node)) || visit(node);
  });
  filter_.count(asked);
}

template <typename Visit>
void GraphWalk::for_each_labelled(Visit visit) {
  uint64_t asked = 0;
  filter_.labels()->for_each([&](Node node) {
    ++asked;
    return node >= nodes_ || index_.rows().removed(node) || visit(node);
  });
  filter_.count(asked);
}

Result<void> GraphWalk::scan_all(TopK& top) {
  std::vector<Node> nodes;
  Result<void> scanned;
  for_each_returnable([&](Node node) {
    nodes.push_back(node);
    if (nodes.size() < kScanStep) return true;
    scanned = scan(nodes, top);
    nodes.clear();
    return scanned.ok();
  });
  TRY(std::move(scanned));
  return scan(nodes, top);
}

Result<void> GraphWalk::scan_pending(TopK& top) {
  std::vector<Node> nodes;
  index_.for_each_pending(nodes_, [&](Node node) {
    if (!graph_.linked(node) && filter_.returnable(node)) nodes.push_back(node);
  });
  // One that was used again may be met twice.
  if (std::adjacent_find(nodes.begin(), nodes.end(), std::greater_equal<>()) != nodes.end()) {
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  }
  stats_.pending_scanned += nodes.size();
  return scan(nodes, top);
}

Result<void> GraphWalk::scan_unmet(TopK& top) {
  std::vector<Node> nodes;
  filter_.labels()->for_each_unmet([&](Node node) {
    if (node < nodes_ && filter_.returnable(node)) nodes.push_back(node);
    return true;
  });
  budget_.take(nodes.size());
  return scan(nodes, top);
}

/// Rows that are not linked have no codes: they are pushed to `pending`.
Result<void> GraphWalk::scan_codes(size_t width, TopK& pending) {
  const RowScorer scorer = code_scorer();
  StepScratch& step = scratch_.step;
  step.reserve(kCodeStep);
  scratch_.linear.reset(width);
  beam_ = width;
  std::vector<Node> unlinked;
  Result<void> stopped;
  size_t count = 0;
  uint64_t scanned = 0;
  const auto flush = [&] {
    scorer.score(step.rows.data(), count, step.distances.data());
    scratch_.linear.offer(step.distances.data(), step.nodes.data(), count, AllNodes{});
    if ((scanned += count) % (kCodeStep * 32) == 0) stopped = stop_.check();
    count = 0;
    return stopped.ok();
  };
  for_each_returnable([&](Node node) {
    if (!graph_.linked(node)) {
      unlinked.push_back(node);
      return true;
    }
    step.nodes[count] = node;
    step.rows[count] = scorer.row(node);
    scorer.prefetch(step.rows[count]);
    return ++count < kCodeStep || flush();
  });
  TRY(std::move(stopped));
  if (count > 0) flush();
  scorer.count(scanned, stats_);
  stats_.pending_scanned += unlinked.size();
  TRY(scan(unlinked, pending));
  return stop_.check();
}

}  // namespace kith

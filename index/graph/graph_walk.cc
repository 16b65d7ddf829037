#include "index/graph/graph_walk.h"

#include <algorithm>

#include "base/schedule.h"
#include "index/graph/starts.h"

namespace kith {
namespace {

constexpr uint64_t kStepDegree = 16;  // distances that a walk takes per candidate of its beam, about
constexpr Node kFewRemoved = 64;      // up to one row in so many removed, walks ignore that they are
constexpr uint64_t kKeptMore = 4;     // candidates beyond k, at least, where some may fall out
constexpr size_t kPatience = 12;      // hops that change nothing among the best k, see LinearPool::reset

}  // namespace

GraphWalk::GraphWalk(const GraphIndex& index, WalkScratch& scratch, const VectorView& query,
                     const RowsAsked& asked, const Stop& stop)
    : index_(index),
      graph_(index.graph()),
      scratch_(scratch),
      stop_(stop),
      filter_(graph_, index.rows(), asked, stop),
      codes_(graph_.codes()),
      exact_(Measure(graph_.vectors(), nullptr).from_user(query, scratch.query)),
      removed_(index.tombstones()),
      returnable_(index.rows().live_count()),
      nodes_(index.rows().size()),
      filtered_(filter_.narrows() || index.tombstones() > nodes_ / kFewRemoved),
      labels_alone_(asked.labels != nullptr && asked.labels->exact() && asked.allowed == nullptr &&
                    !graph_.options().fused() && index.tombstones() <= nodes_ / kFewRemoved) {
  if (asked.allowed != nullptr) returnable_ = std::min(returnable_, asked.allowed->size());
  if (asked.labels != nullptr) returnable_ = std::min(returnable_, asked.labels->rows());
}

/// A walk whose filter passes a share s takes about beam · degree / s distances, a scan of what passes s · n.
bool GraphWalk::scan_is_cheaper(uint64_t beam) const {
  if (nodes_ <= beam) return true;
  if (!filtered_) return false;
  const double share = static_cast<double>(returnable_) / nodes_;
  return share * static_cast<double>(returnable_) <= static_cast<double>(beam * kStepDegree);
}

void GraphWalk::leave_out(Row row) {
  const Node node = index_.rows().find(row);
  if (node < nodes_ && graph_.next_equal(node) == kNoNode) left_out_ = node;
}

Result<SearchAnswer> GraphWalk::nearest(const SearchRequest& request, uint32_t effort) {
  if (request.left_out != kNoRow) leave_out(request.left_out);
  if (filter_.narrows()) return nearest_allowed(request, effort);
  if (request.plan == FilterPlan::kScan) return scan_of_all(request.k);
  return nearest_of_all(request.k, request.effort == 0 ? std::max(request.k, effort) : effort);
}

Result<SearchAnswer> GraphWalk::scan_of_all(uint32_t k) {
  TopK top(std::min<uint64_t>(k, nodes_)), none(0);
  TRY(scan_all(top));
  SearchAnswer answer = merge(top, none, k);
  answer.plan_begun = answer.plan = FilterPlan::kScan;
  return answer;
}

Result<SearchAnswer> GraphWalk::nearest_of_all(uint32_t k, uint32_t effort) {
  // Codes do not tell which of those that they put about k-th belong to the answer, and of removed rows a few
  // may be among them.
  const bool more = !filtered_ && (codes_ != nullptr || removed_ > 0);
  const uint64_t kept = more ? k + std::max<uint64_t>(kKeptMore, k / 2) : k;
  const uint64_t nodes = std::max<Node>(nodes_, 1);
  const uint64_t beam = std::min<uint64_t>(std::max<uint64_t>(kept, effort), nodes);
  const size_t wanted = std::min<uint64_t>(k, returnable_);
  TopK top(std::min<uint64_t>(k, nodes_));
  TopK pending(std::min<uint64_t>(k, nodes_));
  expanded_ = effort;
  if (scan_is_cheaper(beam)) {
    TRY(scan_all(top));
    return merge(top, pending, k);
  }
  schedule_point();
  TRY(scan_pending(pending));
  schedule_point();
  plan_ = filtered_ ? FilterPlan::kInline : FilterPlan::kAuto;
  TRY(walk_nearest(beam, k, k));
  TRY(collect(top));
  if (!filtered_ && returnable_ < nodes_ && !top.full()) {  // too many of the beam were removed rows
    plan_ = FilterPlan::kInline;
    TRY(walk_nearest(std::min<uint64_t>(std::max(k, effort), nodes), k, k));
    top = TopK(top.capacity());
    TRY(collect(top));
  }
  TRY(stop_.check());
  SearchAnswer answer = merge(top, pending, k);
  if (answer.neighbors.size() >= wanted) return answer;
  // The walk came back short: there are rows it could not reach. Exact, then.
  TopK all(std::min<uint64_t>(k, nodes_));
  TopK none(0);
  TRY(scan_all(all));
  return merge(all, none, k);
}

bool GraphWalk::blurred(size_t k) {
  const size_t near = std::min(std::max(k, Measure::kBlurRank), found_count());
  return near > 0 && Measure(graph_.vectors(), codes_).blurred(scratch_.code, found(near - 1).node);
}

Result<void> GraphWalk::walk_nearest(size_t beam, size_t watched, size_t k) {
  if (codes_ != nullptr) {
    TRY(walk(beam, watched, code_scorer()));
    if (!blurred(k)) return {};
    codes_ = nullptr;
  }
  return walk(beam, watched, exact_);
}

/// Without it there may be no way into the group.
bool GraphWalk::starts_group(Node node) const {
  const std::vector<Node> entries = graph_.nested()->groups.entries(graph_.labels()->walk_set(node));
  return !entries.empty() && entries.front() == node;
}

Result<void> GraphWalk::walk(size_t beam, size_t watched, const RowScorer& scorer) {
  const bool in_groups = plan_ == FilterPlan::kLabels && graph_.nested() != nullptr;
  const bool by_left_out = in_groups && left_out_ != kNoNode && starts_group(left_out_);
  beam += by_left_out;  // push_group drops it
  beam_ = beam;
  // They come upon near rows late, in groups that they enter late.
  const size_t patience = in_groups ? SIZE_MAX : kPatience + std::min(beam, expanded_) / 3;
  scratch_.linear.reset(beam, watched, patience, expanded_);
  scratch_.filtered.reset(beam);
  const std::optional<GraphEntry> entry = graph_.entry();
  if (!entry) return {};
  nodes_ = index_.rows().size();  // the entry may be newer than the search
  scratch_.visited.reset(nodes_);
  if (left_out_ != kNoNode && !by_left_out) scratch_.visited.insert(left_out_);
  if (plan_ == FilterPlan::kLabels) return walk_labels(scorer);
  Candidate nearest = way_in(graph_, *entry, scorer, nodes_, scratch_.step, stats_);
  const bool among_allowed = plan_ == FilterPlan::kTwoHop && graph_.options().gamma > 1;
  for (uint32_t layer = entry->level; layer > 0; --layer)
    nearest = among_allowed ? descend_allowed(scorer, layer, nearest)
                            : descend(graph_, scorer, layer, nearest, scratch_.step, stats_);
  switch (plan_) {
    case FilterPlan::kInline:
      return walk_inline(scorer, nearest);
    case FilterPlan::kTwoHop:
      return walk_two_hop(scorer, nearest);
    default:
      return walk_all(scorer, nearest);
  }
}

Result<void> GraphWalk::walk_all(const RowScorer& scorer, Candidate nearest) {
  const BaseLayer base{&graph_.base()};
  scratch_.visited.insert(nearest.node);
  scratch_.linear.insert(nearest.distance, nearest.node, true);
  add_starts(graph_, scorer, 0, nodes_, scratch_.visited, stats_,
             [&](float distance, Node node) { scratch_.linear.insert(distance, node, true); });
  if (plan_ == FilterPlan::kAuto)
    return beam_search(base, scorer, AllNodes{}, scratch_.linear, scratch_.visited, scratch_.step, stop_,
                       stats_);
  BudgetedPool pool(scratch_.linear, budget_);
  return beam_search(base, scorer, AllNodes{}, pool, scratch_.visited, scratch_.step, stop_, stats_);
}

/// Both nearest first, each row once, in the distances that callers see.
SearchAnswer GraphWalk::merge(TopK& graph, TopK& pending, size_t k) {
  SearchAnswer answer;
  answer.stats = stats_;
  answer.stats.predicate_evaluations = filter_.asked();
  answer.neighbors = graph.take();
  std::vector<Neighbor> extra = pending.take();
  auto& all = answer.neighbors;
  if (!extra.empty()) {
    all.insert(all.end(), extra.begin(), extra.end());
    std::sort(all.begin(), all.end(), [](const Neighbor& a, const Neighbor& b) { return a.row < b.row; });
    all.erase(std::unique(all.begin(), all.end(),
                          [](const Neighbor& a, const Neighbor& b) { return a.row == b.row; }),
              all.end());
    std::sort(all.begin(), all.end());
    if (all.size() > k) all.resize(k);
  }
  if (const float offset = graph_.space().offset; offset != 0)
    for (Neighbor& neighbor : all) neighbor.distance += offset;
  return answer;
}

}  // namespace kith

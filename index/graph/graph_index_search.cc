// GraphIndex's searches.
#include <algorithm>
#include <mutex>

#include "base/schedule.h"
#include "index/graph/graph_index.h"
#include "index/graph/graph_walk.h"

namespace kith {

/// A search that began before there were codes walks on vectors in memory. Where these have left it meanwhile
/// the answer is of no use, and the search begins again, on codes now: once at most.
template <typename Request, typename Ask>
Result<SearchAnswer> GraphIndex::walk(const Request& request, const RowBits* bits, const LabelFilter* labels,
                                      Ask ask) const {
  const auto scratch = walk_scratch_.borrow();
  while (true) {
    GraphWalk walk(*this, *scratch, request.query, {request.allowed, bits, labels}, request.stop);
    Result<SearchAnswer> answer = ask(walk);
    if (!walk.overtaken()) return answer;
  }
}

Result<SearchAnswer> GraphIndex::search(const SearchRequest& request) const {
  TRY(graph_.space().check_query(request.query));
  if (request.k == 0) return invalid_argument("k is 0; ask for at least 1 neighbour");
  TRY(request.stop.check());
  const uint32_t effort = request.effort == 0 ? graph_.options().ef : request.effort;
  const GracePeriod::Reader reader(free_.grace());
  if (request.labels != nullptr) return search_labels(request, effort);
  return walk(request, request.allowed_bits, nullptr,
              [&](GraphWalk& walk) { return walk.nearest(request, effort); });
}

Result<SearchAnswer> GraphIndex::range_search(const RangeRequest& request) const {
  TRY(graph_.space().check_query(request.query));
  if (request.rows_max == 0) return invalid_argument("rows_max is 0; ask for at least 1 row");
  TRY(request.stop.check());
  const uint32_t effort = request.effort == 0 ? graph_.options().ef : request.effort;
  const GracePeriod::Reader reader(free_.grace());
  return walk(request, nullptr, nullptr,
              [&](GraphWalk& walk) { return walk.within(request.radius, request.rows_max, effort); });
}

/// A start that left meanwhile may have led nowhere. There was another one before.
Result<SearchAnswer> GraphIndex::search_labels(const SearchRequest& request, uint32_t effort) const {
  TRY(check_query_labels(*request.labels));
  while (true) {
    const LabelFilter labels(*graph_.labels(), *request.labels, graph_.nested());
    schedule_point();
    Result<SearchAnswer> answer = walk(request, request.allowed_bits, &labels,
                                       [&](GraphWalk& walk) { return walk.nearest(request, effort); });
    const auto gone = [&](Node start) { return graph_.left(start); };
    if (std::ranges::none_of(labels.starts(), gone)) return answer;
  }
}

bool GraphIndex::begins_with_walk(const SearchRequest& request) const {
  if (request.labels != nullptr) return true;
  PlanInput input;
  input.nodes = std::max<Node>(rows_.size(), 1);
  input.matches = std::min<uint64_t>(rows_.live_count(), request.allowed->size());
  input.k = request.k;
  input.effort = request.effort == 0 ? graph_.options().ef : request.effort;
  input.codes = graph_.codes() != nullptr;
  const FilterPlan plan = first_plan(request.plan, input);
  return plan != FilterPlan::kScan && plan != FilterPlan::kCodeScan;
}

Result<std::vector<SearchAnswer>> GraphIndex::search_batch(VectorBlock queries,
                                                           const SearchRequest& request) const {
  std::vector<SearchAnswer> answers(queries.count);
  std::mutex mutex;
  Result<void> failed;  // the first failure; guarded by mutex
  RowBits bits;
  SearchRequest of_all = request;
  if (request.allowed != nullptr && request.allowed_bits == nullptr && begins_with_walk(request) &&
      bits_pay(request.allowed->block_count(), rows_.size())) {
    bits.assign(*request.allowed);
    of_all.allowed_bits = &bits;
  }
  const auto one = [&](size_t i) {
    SearchRequest mine = of_all;
    mine.query = queries[i];
    Result<SearchAnswer> answer = search(mine);
    if (answer) {
      answers[i] = std::move(answer).value();
      return;
    }
    std::lock_guard lock(mutex);
    if (failed) failed = answer.error();
  };
  if (spec_.pool != nullptr) {
    spec_.pool->parallel_for(queries.count, 8, one);
  } else {
    for (size_t i = 0; i < queries.count; ++i) one(i);
  }
  TRY(std::move(failed));
  return answers;
}

}  // namespace kith

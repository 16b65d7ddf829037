// Edges for queries that come from elsewhere than rows: see GraphIndex::learn.
#include "index/graph/batch_linker.h"
#include "index/graph/graph_index.h"

namespace kith {
namespace {

constexpr uint32_t kLearnt = 32;        // nearest nodes of a training query
constexpr uint32_t kLearnEffort = 200;  // of the search for them

}  // namespace

Result<void> GraphIndex::learn_one(VectorView query, const Stop& stop) {
  SearchRequest request;
  request.query = query;
  request.k = kLearnt;
  request.effort = kLearnEffort;
  request.stop = stop;
  const GracePeriod::Reader reader(free_.grace());
  const SearchAnswer answer = TRY(search(request));
  std::vector<Node> nearest;  // nodes of the graph: neither waiting nor in a chain
  for (const Neighbor& neighbor : answer.neighbors)
    if (const Node node = rows_.find(neighbor.row);  // it may have been removed meanwhile
        node != kNoNode && graph_.linked(node) && graph_.base().has_any(node))
      nearest.push_back(node);
  const std::shared_lock linking = beside_linkers();
  std::erase_if(nearest, [&](Node node) { return graph_.leaving(node); });
  if (nearest.size() < 2) return {};
  const auto scratch = link_scratch_.borrow();
  Linker(graph_, *scratch).learn(nearest);
  return {};
}

Result<void> GraphIndex::learn(VectorBlock queries, const Stop& stop) {
  if (queries.count == 0) return {};
  TRY(graph_.space().check_query(queries[0]));
  TRY(settle(stop));
  std::mutex mutex;
  Result<void> failed;  // the first failure; guarded by mutex
  const auto one = [&](size_t i) {
    if (Result<void> learnt = learn_one(queries[i], stop); !learnt) {
      std::lock_guard lock(mutex);
      if (failed) failed = learnt.error();
    }
  };
  for_all(graph_.options().deterministic ? nullptr : spec_.pool, queries.count, one);
  return failed;
}

}  // namespace kith

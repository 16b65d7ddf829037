#include "index/hnsw/hnsw_index.h"

#include <algorithm>
#include <mutex>

#include "index/hnsw/hnsw_codec.h"
#include "index/hnsw/hnsw_walk.h"

namespace kith {
namespace {

constexpr size_t kAddSlice = 1024;  // rows published at a time

}  // namespace

HnswIndex::HnswIndex(const IndexSpec& spec, const VectorSpace& space, const HnswOptions& options)
    : spec_(spec), graph_(space, options, spec.seed), queue_(*this, spec.pool) {}

HnswIndex::~HnswIndex() = default;

Result<std::unique_ptr<HnswIndex>> HnswIndex::create(const IndexSpec& spec) {
  const VectorSpace space = TRY(VectorSpace::of(spec.metric, spec.type, spec.dim));
  const HnswOptions options = TRY(HnswOptions::parse(spec.options));
  return std::unique_ptr<HnswIndex>(new HnswIndex(spec, space, options));
}

Result<std::unique_ptr<HnswIndex>> HnswIndex::open(FileSystem& fs, const std::string& path,
                                                   ThreadPool* pool) {
  const SectionFile file = TRY(open_hnsw_file(fs, path));
  CheckpointSpec found = TRY(read_spec(file));
  found.spec.kind = kHnswKind.name;
  found.spec.pool = pool;
  auto created = create(found.spec);
  if (!created) return corruption("{}: section SPEC: {}", path, created.error().message);
  std::unique_ptr<HnswIndex> index = std::move(created).value();
  TRY(check_hnsw_lengths(file, found.nodes, index->graph_));
  TRY(index->graph_.grow(found.nodes));
  TRY(read_common(file, found.nodes, index->rows_, index->graph_.vectors()));
  TRY(read_hnsw_graph(file, found.nodes, index->graph_));
  Node done = 0;
  while (done < found.nodes && index->graph_.linked(done)) ++done;
  index->queue_.assume_done(done);
  if (done < found.nodes) index->queue_.publish(found.nodes);
  return index;
}

Result<void> HnswIndex::add(std::span<const Row> rows, VectorBlock vectors) {
  TRY(graph_.space().check_block(rows, vectors));
  const uint64_t count = uint64_t{rows_.size()} + rows.size();
  if (count > kNodesMax)
    return resource_exhausted("an hnsw index holds at most {} vectors, not {}", kNodesMax, count);
  TRY(rows_.reserve(rows));
  TRY(graph_.grow(static_cast<Node>(count)));
  for (size_t begin = 0; begin < rows.size(); begin += kAddSlice) {
    const size_t end = std::min(rows.size(), begin + kAddSlice);
    const Node first = rows_.size();
    for (size_t i = begin; i < end; ++i)
      graph_.vectors().set(static_cast<Node>(first + i - begin), vectors[i].data);
    rows_.publish(rows.subspan(begin, end - begin));
    queue_.publish(rows_.size());
    queue_.wait_at_most(graph_.options().pending_max);
  }
  return {};
}

Result<void> HnswIndex::remove(Row row) {
  if (const Node node = rows_.find(row); node != kNoNode) rows_.remove(node);
  return {};
}

void HnswIndex::link(Node node) {
  if (rows_.removed(node)) return graph_.set_linked(node);  // nobody will ever ask for it
  const auto scratch = link_scratch_.borrow();
  Linker(graph_, *scratch).link(node, rows_.size());
}

Result<SearchAnswer> HnswIndex::search(const SearchRequest& request) const {
  TRY(graph_.space().check_query(request.query));
  if (request.k == 0) return invalid_argument("k is 0; ask for at least 1 neighbour");
  TRY(request.stop.check());
  const auto scratch = walk_scratch_.borrow();
  HnswWalk walk(*this, *scratch, request.query, request.allowed, request.stop);
  return walk.nearest(request.k, request.effort == 0 ? graph_.options().ef : request.effort);
}

Result<SearchAnswer> HnswIndex::range_search(const RangeRequest& request) const {
  TRY(graph_.space().check_query(request.query));
  if (request.rows_max == 0) return invalid_argument("rows_max is 0; ask for at least 1 row");
  TRY(request.stop.check());
  const auto scratch = walk_scratch_.borrow();
  HnswWalk walk(*this, *scratch, request.query, request.allowed, request.stop);
  return walk.within(request.radius, request.rows_max,
                     request.effort == 0 ? graph_.options().ef : request.effort);
}

Result<std::vector<SearchAnswer>> HnswIndex::search_batch(VectorBlock queries,
                                                          const SearchRequest& request) const {
  std::vector<SearchAnswer> answers(queries.count);
  std::mutex mutex;
  Result<void> failed;  // the first failure; guarded by mutex
  const auto one = [&](size_t i) {
    SearchRequest mine = request;
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

Result<void> HnswIndex::checkpoint(FileSystem& fs, const std::string& path) const {
  return write_hnsw(fs, path, spec_, rows_.size(), rows_, graph_);
}

IndexMemory HnswIndex::memory() const {
  const uint64_t nodes = rows_.size();
  const uint64_t per_node = sizeof(Slot) * graph_.base().capacity() +
                            ListMarks::bytes(graph_.base().capacity()) + sizeof(Row) + 1 + sizeof(uint32_t) +
                            1 + sizeof(uint32_t);
  return {nodes * graph_.vectors().stride(),
          nodes * per_node + graph_.upper_lists() * sizeof(Slot) * graph_.upper().capacity()};
}

IndexStats HnswIndex::stats() const {
  return {rows_.live_count(), rows_.removed_count(), queue_.pending()};
}

namespace {

Result<std::unique_ptr<Index>> create_hnsw(const IndexSpec& spec) {
  return std::unique_ptr<Index>(TRY(HnswIndex::create(spec)));
}

Result<std::unique_ptr<Index>> open_hnsw(FileSystem& fs, const std::string& path, ThreadPool* pool) {
  return std::unique_ptr<Index>(TRY(HnswIndex::open(fs, path, pool)));
}

Result<SearchAnswer> hnsw_range(const Index& index, const RangeRequest& request) {
  return static_cast<const HnswIndex&>(index).range_search(request);
}

Result<std::vector<SearchAnswer>> hnsw_batch(const Index& index, VectorBlock queries,
                                             const SearchRequest& request) {
  return static_cast<const HnswIndex&>(index).search_batch(queries, request);
}

Result<void> hnsw_settle(Index& index, const Stop& stop) {
  return static_cast<HnswIndex&>(index).settle(stop);
}

}  // namespace

constinit const IndexKind kHnswKind = {
    .name = "hnsw",
    .summary = "hierarchical navigable small world graph: fast, approximate, grows in place",
    .exact = false,
    .create = create_hnsw,
    .open = open_hnsw,
    .range_search = hnsw_range,
    .search_batch = hnsw_batch,
    .settle = hnsw_settle,
};

}  // namespace kith

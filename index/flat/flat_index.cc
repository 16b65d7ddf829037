#include "index/flat/flat_index.h"

#include <algorithm>

#include "index/flat/flat_batch.h"
#include "index/flat/flat_codec.h"
#include "index/option_reader.h"

namespace kith {
namespace {

constexpr size_t kBlock = 256;  // rows a kernel call

Result<void> check_asked(const SearchRequest& request) {
  if (request.k == 0) return invalid_argument("k is 0; ask for at least 1 neighbour");
  if (request.labels != nullptr)
    return invalid_argument("flat: rows carry no labels; search among rows allowed instead");
  return {};
}

}  // namespace

FlatIndex::FlatIndex(const IndexSpec& spec, const VectorSpace& space) : spec_(spec), vectors_(space) {}

Result<std::unique_ptr<FlatIndex>> FlatIndex::create(const IndexSpec& spec) {
  const VectorSpace space = TRY(VectorSpace::of(spec.metric, spec.type, spec.dim));
  TRY(OptionReader(spec.options, "flat").finish());
  return std::unique_ptr<FlatIndex>(new FlatIndex(spec, space));
}

Result<std::unique_ptr<FlatIndex>> FlatIndex::open(const CheckpointInput& in,
                                                   const CheckpointContext& context) {
  const SectionFile file = TRY(open_flat_file(in));
  CheckpointSpec found = TRY(read_spec(in, file));
  found.spec.kind = kFlatKind.name;
  found.spec.pool = context.pool;
  auto created = create(found.spec);
  if (!created) return corruption("{}: section SPEC: {}", file.name(), created.error().message);
  std::unique_ptr<FlatIndex> index = std::move(created).value();
  TRY(index->vectors_.grow(found.nodes));
  TRY(index->norms_.grow(found.nodes));
  TRY(read_rows(file, found.nodes, index->rows_));
  const VectorReader reader = TRY(VectorReader::open(in, file, found.nodes, index->vectors_));
  std::vector<OpenJob> jobs;
  for (uint32_t i = 0; i < reader.extents(); ++i) {
    jobs.push_back([&, i]() -> Result<void> {
      TRY(reader.read(i));
      const auto [number, first, end] = reader.extent(i);
      for (Node node = first; node < end; ++node) index->norms_[node] = squared_norm(index->vectors_, node);
      return {};
    });
  }
  TRY(run_jobs(context.pool, jobs));
  return index;
}

Result<void> FlatIndex::add(std::span<const Row> rows, VectorBlock vectors) {
  TRY(vectors_.space().check_block(rows, vectors));
  const Node first = rows_.size();
  const uint64_t count = uint64_t{first} + rows.size();
  TRY(rows_.reserve(rows));
  TRY(vectors_.grow(count));
  TRY(norms_.grow(count));
  for (size_t i = 0; i < rows.size(); ++i) {
    const Node node = static_cast<Node>(first + i);
    vectors_.set(node, vectors[i].data);
    norms_[node] = squared_norm(vectors_, node);
  }
  rows_.publish(rows);
  return {};
}

Result<void> FlatIndex::remove(Row row) {
  if (const Node node = rows_.find(row); node != kNoNode) rows_.remove(node);
  return {};
}

Result<void> FlatIndex::scan(const VectorView& query, const RowSet* allowed, Node nodes, const Stop& stop,
                             TopK& top, SearchStats& stats) const {
  KernelQuery prepared;
  const VectorSpace& space = vectors_.space();
  const void* kernel_query = prepared.from_user(space, query);
  const void* block[kBlock];
  Node members[kBlock];
  float distances[kBlock];
  size_t count = 0;
  Result<void> stopped;
  const auto flush = [&] {
    space.kernel(kernel_query, block, count, space.dim, distances);
    for (size_t i = 0; i < count; ++i)
      if (distances[i] <= top.bound()) top.push({distances[i], rows_.row(members[i])});
    stats.full_distances += count;
    count = 0;
    stopped = stop.check();
    return stopped.ok();
  };
  const auto visit = [&](Node node) {
    if (node >= nodes || rows_.removed(node)) return true;
    block[count] = vectors_[node];
    members[count++] = node;
    return count < kBlock || flush();
  };
  if (allowed != nullptr) {
    allowed->for_each([&](Row row) { return visit(rows_.find(row)); });
    stats.predicate_evaluations += allowed->size();
  } else {
    for (Node node = 0; node < nodes && visit(node); ++node) {
    }
  }
  TRY(std::move(stopped));
  if (count > 0) TRY((flush(), std::move(stopped)));
  return {};
}

SearchAnswer FlatIndex::answer_of(TopK& top, const SearchStats& stats) const {
  SearchAnswer answer{top.take(), stats};
  if (const float offset = vectors_.space().offset; offset != 0)
    for (Neighbor& neighbor : answer.neighbors) neighbor.distance += offset;
  return answer;
}

Result<SearchAnswer> FlatIndex::search(const SearchRequest& request) const {
  TRY(vectors_.space().check_query(request.query));
  TRY(check_asked(request));
  TRY(request.stop.check());
  const Node nodes = rows_.size();
  TopK top(std::min<uint64_t>(request.k, nodes));
  SearchStats stats;
  TRY(scan(request.query, request.allowed, nodes, request.stop, top, stats));
  SearchAnswer answer = answer_of(top, stats);
  if (request.allowed != nullptr) answer.plan_begun = answer.plan = FilterPlan::kScan;
  return answer;
}

Result<SearchAnswer> FlatIndex::range_search(const RangeRequest& request) const {
  TRY(vectors_.space().check_query(request.query));
  if (request.rows_max == 0) return invalid_argument("rows_max is 0; ask for at least 1 row");
  TRY(request.stop.check());
  const Node nodes = rows_.size();
  TopK top(std::min<uint64_t>(request.rows_max, nodes));
  SearchStats stats;
  TRY(scan(request.query, request.allowed, nodes, request.stop, top, stats));
  SearchAnswer answer = answer_of(top, stats);
  auto& found = answer.neighbors;
  found.erase(std::find_if(found.begin(), found.end(),
                           [&](const Neighbor& n) { return !(n.distance <= request.radius); }),
              found.end());
  return answer;
}

Result<std::vector<SearchAnswer>> FlatIndex::search_batch(VectorBlock queries,
                                                          const SearchRequest& request) const {
  TRY(vectors_.space().check_query({queries.data, queries.type, queries.dim}));
  TRY(check_asked(request));
  return FlatBatch(*this, queries, request).run();
}

Result<void> FlatIndex::checkpoint(CheckpointOutput& out) const {
  return write_flat(out, spec_, rows_.size(), rows_, vectors_);
}

IndexMemory FlatIndex::memory() const {
  const uint64_t nodes = rows_.size();
  return {nodes * vectors_.stride(), nodes * (sizeof(Row) + 1 + sizeof(float))};
}

IndexStats FlatIndex::stats() const {
  return {rows_.live_count(), rows_.removed_count(), 0, rows_.rows_end()};
}

namespace {

Result<std::unique_ptr<Index>> create_flat(const IndexSpec& spec) {
  return std::unique_ptr<Index>(TRY(FlatIndex::create(spec)));
}

Result<std::unique_ptr<Index>> open_flat(const CheckpointInput& in, const CheckpointContext& context) {
  return std::unique_ptr<Index>(TRY(FlatIndex::open(in, context)));
}

Result<SearchAnswer> flat_range(const Index& index, const RangeRequest& request) {
  return static_cast<const FlatIndex&>(index).range_search(request);
}

Result<std::vector<SearchAnswer>> flat_batch(const Index& index, VectorBlock queries,
                                             const SearchRequest& request) {
  return static_cast<const FlatIndex&>(index).search_batch(queries, request);
}

}  // namespace

constinit const IndexKind kFlatKind = {
    .name = "flat",
    .summary = "exact scan of all rows; batches by matrix product",
    .exact = true,
    .create = create_flat,
    .open = open_flat,
    .range_search = flat_range,
    .search_batch = flat_batch,
    .settle = nullptr,
    .audit = nullptr,
    .learn = nullptr,
    .add_labeled = nullptr,
    .add_replacing = nullptr,
    .rename = nullptr,
};

}  // namespace kith

#include "index/graph/graph_index.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

#include "index/graph/batch_linker.h"
#include "index/graph/graph_builder.h"
#include "index/graph/graph_reader.h"
#include "index/graph/graph_walk.h"
#include "index/graph/label_tree.h"

namespace kith {
namespace {

constexpr size_t kAddSlice = 1024;      // rows published at a time
constexpr uint32_t kLearnt = 32;        // nearest nodes of a training query
constexpr uint32_t kLearnEffort = 200;  // of the search for them
constexpr uint64_t kCodeRows = 4096;    // that codes are trained on at least; before, walks are on vectors
constexpr uint64_t kPendingBytes = 16 << 20;  // of vectors in memory only until they are linked
constexpr uint64_t kReleaseBytes = 1 << 20;   // of linked vectors leave memory at a time

/// What memory=codes needs of an index.
Result<void> check_disk(const GraphKind& kind, const VectorSpace& space, const GraphOptions& options) {
  if (builder_of(kind, options) != nullptr)
    return invalid_argument("{}: memory=codes: its builder works on full vectors; use hnsw, vamana or nsw",
                            kind.name);
  if (options.code_bits == 0)
    return invalid_argument(
        "{}: memory=codes: codes=none leaves nothing in memory to walk on; give rabitq1 to "
        "rabitq8",
        kind.name);
  if (!CodeStore::serves(space))
    return invalid_argument("{}: memory=codes: there are no codes for metric {} over {}", kind.name,
                            metric_name(space.metric), scalar_name(space.type));
  return {};
}

}  // namespace

GraphIndex::GraphIndex(const GraphKind& kind, const IndexSpec& spec, const VectorSpace& space,
                       const GraphOptions& options)
    : kind_(kind),
      builder_(builder_of(kind, options)),
      spec_(spec),
      graph_(space, options, spec.seed),
      queue_(*this, spec.pool) {}

GraphIndex::~GraphIndex() = default;

Result<std::unique_ptr<GraphIndex>> GraphIndex::make(const GraphKind& kind, const IndexSpec& spec) {
  const VectorSpace space = TRY(VectorSpace::of(spec.metric, spec.type, spec.dim));
  const GraphOptions options = TRY(kind.parse(spec.options, space));
  if (options.vectors_on_disk) TRY(check_disk(kind, space, options));
  return std::unique_ptr<GraphIndex>(new GraphIndex(kind, spec, space, options));
}

Result<void> GraphIndex::check_directory() const {
  if (spec_.fs != nullptr || !graph_.options().vectors_on_disk) return {};
  return invalid_argument("{}: memory=codes: no directory was given to leave the vectors in", kind_.name);
}

Result<std::unique_ptr<GraphIndex>> GraphIndex::create(const GraphKind& kind, const IndexSpec& spec) {
  std::unique_ptr<GraphIndex> index = TRY(make(kind, spec));
  TRY(index->check_directory());
  return index;
}

Result<std::unique_ptr<GraphIndex>> GraphIndex::open(const GraphKind& kind, const CheckpointInput& in,
                                                     const CheckpointContext& context) {
  const SectionFile file = TRY(open_graph_file(in, kind));
  CheckpointSpec found = TRY(read_spec(in, file));
  found.spec.kind = kind.name;
  found.spec.pool = context.pool;
  found.spec.fs = context.fs;
  found.spec.directory = context.directory;
  auto made = make(kind, found.spec);
  if (!made) return corruption("{}: section SPEC: {}", file.name(), made.error().message);
  std::unique_ptr<GraphIndex> index = std::move(made).value();
  TRY(index->check_directory());
  TRY(index->graph_.grow(found.nodes));
  TRY(read_rows(file, found.nodes, index->rows_));
  const Node done = TRY(index->read(in, file, found.nodes, context));
  index->built_ = index->graph_.entry().has_value();
  if (index->waits_for_build()) {
    if (context.pool == nullptr && found.nodes > 0) TRY(index->build_once(Stop{}));
    return index;
  }
  index->queue_.assume_done(done);
  if (done < found.nodes) index->queue_.publish(found.nodes);
  index->backlog_ = context.backlog;
  if (context.pool == nullptr) index->release_vectors(0);
  return index;
}

/// Vectors and graph, with all threads at once. How many nodes from the first on are linked.
Result<Node> GraphIndex::read(const CheckpointInput& in, const SectionFile& main, Node nodes,
                              const CheckpointContext& context) {
  VectorStore& vectors = graph_.vectors();
  const VectorReader vector_reader = TRY(VectorReader::open(in, main, nodes, vectors));
  GraphReader graph_reader(in, main, nodes, graph_);
  std::vector<OpenJob> jobs;
  TRY(graph_reader.begin(jobs));
  const bool filed = vectors.leaves_memory() && graph_.codes() != nullptr;
  TRY(run_jobs(context.pool, jobs));
  jobs.assign(1, [&] {
    graph_reader.finish();
    return Result<void>();
  });
  for (uint32_t i = 0; !filed && i < vector_reader.extents(); ++i)
    jobs.push_back([&vector_reader, i] { return vector_reader.read(i); });
  TRY(run_jobs(context.pool, jobs));
  Node done = 0;
  while (done < nodes && graph_.linked(done)) ++done;
  const bool trees = graph_.labels() != nullptr && !graph_.options().fused();
  if (trees && !(graph_reader.at_rest() && done == nodes)) {
    const auto scratch = link_scratch_.borrow();
    grow_label_trees(graph_, *scratch, nodes);
  }
  if (filed) {
    TRY(vectors.start_file(*context.fs, context.directory));
    TRY(vector_reader.read_to_file(done));
  }
  return done;
}

Result<void> GraphIndex::append(std::span<const Row> rows, VectorBlock vectors,
                                std::span<const LabelSetNumber> sets) {
  TRY(graph_.space().check_block(rows, vectors));
  const uint64_t count = uint64_t{rows_.size()} + rows.size();
  if (count > kNodesMax)
    return resource_exhausted("an index of kind {} holds at most {} vectors, not {}", kind_.name, kNodesMax,
                              count);
  TRY(rows_.reserve(rows));
  TRY(graph_.grow(static_cast<Node>(count)));
  const Node before = rows_.size();
  for (size_t i = 0; i < rows.size(); ++i)
    graph_.vectors().set(static_cast<Node>(before + i), vectors[i].data);
  const bool wants_codes = graph_.options().code_bits > 0;
  const bool first_codes = wants_codes && graph_.codes() == nullptr && count >= kCodeRows;
  first_codes ? TRY(train_codes(static_cast<Node>(count)))
              : TRY(graph_.vectors().write_behind(static_cast<Node>(count)));
  for (size_t begin = 0; begin < rows.size(); begin += kAddSlice) {
    const size_t end = std::min(rows.size(), begin + kAddSlice);
    const Node first = rows_.size();
    if (LabelTable* labels = graph_.labels())
      for (size_t i = begin; i < end; ++i)
        labels->set(before + static_cast<Node>(i), sets.empty() ? LabelTable::kNoLabels : sets[i]);
    rows_.publish(rows.subspan(begin, end - begin));
    publish(first);
    if (waits_for_build()) {
      if (rows_.size() > graph_.options().pending_max) TRY(build_once(Stop{}));
    } else {
      wait_for_linkers(end - begin);
    }
    release_vectors(kReleaseBytes);
  }
  if (spec_.pool == nullptr && waits_for_build() && rows_.size() > 0) TRY(build_once(Stop{}));
  if (spec_.pool == nullptr) release_vectors(0);
  return {};
}

void GraphIndex::publish(Node first) {
  if (graph_.options().deterministic) {
    BatchLinker(graph_, rows_, link_scratch_, spec_.pool).link(first, rows_.size());
    return queue_.assume_done(rows_.size());
  }
  std::lock_guard lock(publish_mutex_);  // a build ends before this, or sees these rows when it does
  if (!waits_for_build()) queue_.publish(rows_.size());
}

Result<void> GraphIndex::build_once(const Stop& stop) {
  std::unique_lock building(build_mutex_, std::try_to_lock);
  while (!building.owns_lock()) {
    TRY(stop.check());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    (void)building.try_lock();
  }
  const Node nodes = rows_.size();
  if (!waits_for_build() || nodes == 0) return {};
  const std::shared_lock linking(linking_);
  TRY(build_graph(builder_, graph_, rows_, nodes, link_scratch_, spec_.pool, stop));
  std::lock_guard lock(publish_mutex_);
  queue_.assume_done(nodes);
  built_.store(true, std::memory_order_release);
  if (rows_.size() > nodes) queue_.publish(rows_.size());
  return {};
}

Result<void> GraphIndex::settle(const Stop& stop) {
  if (waits_for_build()) TRY(build_once(stop));
  TRY(queue_.drain(stop));
  release_vectors(0);
  return {};
}

Result<void> GraphIndex::learn_one(VectorView query, const Stop& stop) {
  SearchRequest request;
  request.query = query;
  request.k = kLearnt;
  request.effort = kLearnEffort;
  request.stop = stop;
  const SearchAnswer answer = TRY(search(request));
  std::vector<Node> nearest;  // nodes of the graph: neither waiting nor in a chain
  for (const Neighbor& neighbor : answer.neighbors)
    if (const Node node = rows_.find(neighbor.row); graph_.linked(node) && graph_.base().has_any(node))
      nearest.push_back(node);
  if (nearest.size() < 2) return {};
  const std::shared_lock linking(linking_);
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

Result<void> GraphIndex::remove(Row row) {
  if (const Node node = rows_.find(row); node != kNoNode) rows_.remove(node);
  return {};
}

void GraphIndex::link(Node node) {
  if (rows_.removed(node)) return graph_.set_linked(node);  // nobody will ever ask for it
  const std::shared_lock linking(linking_);
  const auto scratch = link_scratch_.borrow();
  if (CodeStore* codes = graph_.codes()) codes->encode(node, graph_.vectors());
  Linker(graph_, *scratch).link(node, rows_.size());
  release_vectors(kReleaseBytes);
}

uint64_t GraphIndex::pending_max() const {
  const uint64_t option = graph_.options().pending_max;
  if (!graph_.vectors().leaves_memory()) return option;
  return std::min(option, kPendingBytes / graph_.vectors().stride() + 1);
}

void GraphIndex::wait_for_linkers(uint64_t added) {
  if (graph_.vectors().leaves_memory()) return queue_.wait_at_most(pending_max());
  const uint64_t pending = queue_.pending();
  if (backlog_ > 0) {
    backlog_ -= std::min(backlog_, added);
    backlog_pending_ = pending;
    return;
  }
  backlog_pending_ = std::min(backlog_pending_, pending);
  queue_.wait_at_most(std::max(pending_max(), backlog_pending_));
}

void GraphIndex::release_vectors(uint64_t at_least) {
  VectorStore& vectors = graph_.vectors();
  if (!vectors.leaves_memory() || graph_.codes() == nullptr) return;
  const Node linked = queue_.prefix();
  const Node released = vectors.released();
  if (linked > released && uint64_t{linked - released} * vectors.stride() >= at_least)
    vectors.release(linked);
}

/// Codes come in while no linker is under way: those of linked nodes are written here, all others by the
/// linkers that will meet them. Searches go on. With the codes comes the file, where vectors are to leave
/// memory.
Result<void> GraphIndex::train_codes(Node nodes) {
  std::unique_ptr<CodeStore> codes =
      TRY(CodeStore::train(graph_.vectors(), nodes, graph_.options().code_bits, spec_.seed));
  TRY(codes->grow(nodes));
  if (graph_.vectors().leaves_memory()) {
    TRY(graph_.vectors().start_file(*spec_.fs, spec_.directory));
    TRY(graph_.vectors().write_behind(nodes));
  }
  const std::unique_lock linking(linking_);
  for (Node node = 0; node < rows_.size(); ++node)
    if (graph_.linked(node)) codes->encode(node, graph_.vectors());
  graph_.adopt_codes(std::move(codes));
  return {};
}

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
  std::optional<LabelFilter> labels;
  if (request.labels != nullptr) {
    TRY(check_query_labels(*request.labels));
    labels.emplace(*graph_.labels(), *request.labels, graph_.nested());
  }
  return walk(request, request.allowed_bits, labels ? &*labels : nullptr,
              [&](GraphWalk& walk) { return walk.nearest(request, effort); });
}

Result<SearchAnswer> GraphIndex::range_search(const RangeRequest& request) const {
  TRY(graph_.space().check_query(request.query));
  if (request.rows_max == 0) return invalid_argument("rows_max is 0; ask for at least 1 row");
  TRY(request.stop.check());
  const uint32_t effort = request.effort == 0 ? graph_.options().ef : request.effort;
  return walk(request, nullptr, nullptr,
              [&](GraphWalk& walk) { return walk.within(request.radius, request.rows_max, effort); });
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
      bits_pay(rows_.rows_end(), rows_.size())) {
    bits.assign(*request.allowed, rows_.rows_end());
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

Result<void> GraphIndex::checkpoint(CheckpointOutput& out) const {
  return write_graph(out, kind_, spec_, rows_.size(), rows_, graph_);
}

IndexMemory GraphIndex::memory() const {
  const uint64_t nodes = rows_.size();
  uint64_t per_node = graph_.base().bytes() + ListMarks::bytes(graph_.base().capacity()) + sizeof(Row) + 1 +
                      sizeof(uint32_t) + 1 + sizeof(uint32_t);
  const CodeStore* codes = graph_.codes();
  if (codes != nullptr) per_node += codes->extents().stride();
  per_node += graph_.label_bytes_per_node();
  const VectorStore& vectors = graph_.vectors();
  if (vectors.leaves_memory()) per_node += sizeof(uint32_t);  // checksums
  const uint64_t released = std::min<uint64_t>(vectors.released(), nodes);
  return {.vector_bytes = (nodes - released) * vectors.stride(),
          .structure_bytes = nodes * per_node + graph_.upper_lists() * graph_.upper().bytes() +
                             graph_.label_memory(),
          .disk_bytes = vectors.leaves_memory() && codes != nullptr ? nodes * vectors.stride() : 0};
}

IndexStats GraphIndex::stats() const {
  const uint64_t waiting = waits_for_build() ? rows_.size() : 0;
  return {rows_.live_count(), rows_.removed_count(), queue_.pending() + waiting, rows_.rows_end()};
}

}  // namespace kith

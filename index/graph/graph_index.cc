#include "index/graph/graph_index.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

#include "base/schedule.h"
#include "index/graph/batch_linker.h"
#include "index/graph/graph_builder.h"
#include "index/graph/graph_reader.h"
#include "index/graph/graph_walk.h"
#include "index/graph/label_tree.h"

namespace kith {
namespace {

constexpr size_t kAddSlice = in_schedules(2, 1024);     // rows published at a time
constexpr uint64_t kCodeRows = in_schedules(16, 4096);  // that codes are trained on at least, see train_codes
constexpr uint64_t kPendingBytes = 16 << 20;            // of vectors in memory only until they are linked
constexpr uint64_t kReleaseBytes = 1 << 20;             // of linked vectors leave memory at a time
constexpr uint64_t kReadsPending = 128;  // rows that wait and that each search must read from the file

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

/// False where labels were to begin at nodes that have left, as no file of ours says: they do so no more.
bool begin_labels(GraphStore& graph) {
  bool begin = true;
  for (const LabelStart& start : graph.labels()->starts()) {
    if (start.start == kNoNode || !graph.left(start.start)) continue;
    graph.labels()->move_start(start.label, kNoNode);
    begin = false;
  }
  return begin;
}

}  // namespace

GraphIndex::GraphIndex(const GraphKind& kind, const IndexSpec& spec, const VectorSpace& space,
                       const GraphOptions& options)
    : kind_(kind),
      builder_(builder_of(kind, options)),
      spec_(spec),
      graph_(space, options, spec.seed),
      queue_(*this, spec.pool),
      reused_(*this, spec.pool) {}

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
  const auto [first, done] = TRY(index->read(in, file, found.nodes, context));
  index->built_ = index->graph_.entry().has_value();
  if (index->waits_for_build()) {
    if (context.pool == nullptr && found.nodes > 0) TRY(index->build_once(Stop{}));
    return index;
  }
  index->queue_.assume_done(done);
  if (done < found.nodes) index->queue_.publish(found.nodes);
  if (!first.empty()) index->reused_.publish(first);
  index->backlog_ = context.backlog;
  if (context.pool == nullptr) index->release_vectors(0);
  index->changes_ = found.nodes;  // whether it had drifted when it was saved is not known
  if (context.pool != nullptr && index->drift_is_due()) index->queue_.ask_for_tidying();
  return index;
}

/// Vectors and graph, with all threads at once.
Result<GraphIndex::Waiting> GraphIndex::read(const CheckpointInput& in, const SectionFile& main, Node nodes,
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
  read_removed(nodes);
  Waiting waiting{first_waiting(nodes), 0};
  for (const Node node : waiting.first) vectors.keep(node);
  Node& done = waiting.done;
  while (done < nodes && (graph_.linked(done) || std::ranges::binary_search(waiting.first, done))) ++done;
  const bool trees = graph_.labels() != nullptr && !graph_.options().fused();
  if (trees && !(begin_labels(graph_) && graph_reader.at_rest() && done == nodes && waiting.first.empty())) {
    const auto scratch = link_scratch_.borrow();
    grow_label_trees(graph_, *scratch, nodes);
  }
  if (filed) {
    TRY(vectors.start_file(*context.fs, context.directory));
    TRY(vector_reader.read_to_file(done));
  }
  return waiting;
}

Result<void> GraphIndex::append(std::span<const Row> rows, VectorBlock vectors,
                                std::span<const LabelSetNumber> sets) {
  TRY(graph_.space().check_block(rows, vectors));
  const uint64_t count = uint64_t{rows_.size()} + rows.size();
  if (count > kNodesMax)
    return resource_exhausted("an index of kind {} holds at most {} vectors, not {}", kind_.name, kNodesMax,
                              count);
  std::unique_lock reusing(reuse_mutex_, std::defer_lock);
  if (!renaming_.owns_lock()) reusing.lock();
  if (reuses() || !rows_.ascend()) TRY(free_.look(rows_, false));
  TRY(rows_.reserve(rows));
  TRY(graph_.grow(static_cast<Node>(count)));
  const std::vector<Node> nodes = nodes_for(rows.size());
  const Node before = rows_.size();
  const auto known = [before](Node node) { return node < before; };
  const auto back = std::span(nodes).first(static_cast<size_t>(std::ranges::count_if(nodes, known)));
  VectorStore& store = graph_.vectors();
  Result<void> prepared;
  for (size_t i = 0; i < back.size(); ++i)
    if (Result<void> set = store.set_again(nodes[i], vectors[i].data); !set) prepared = std::move(set);
  for (size_t i = back.size(); i < rows.size(); ++i) store.set(nodes[i], vectors[i].data);
  const Node end = before + static_cast<Node>(rows.size() - back.size());
  const bool wants_codes = graph_.options().code_bits > 0;
  const bool first_codes = wants_codes && graph_.codes() == nullptr && end >= kCodeRows;
  if (prepared) prepared = first_codes ? train_codes(end) : store.write_behind(end);
  if (!prepared) {
    for (const Node node : back) {
      store.let_go(node);
      graph_.set_left(node);
    }
    free_.give(back);
    return prepared;
  }
  if (LabelTable* labels = graph_.labels())
    for (size_t i = 0; i < rows.size(); ++i)
      labels->set(nodes[i], sets.empty() ? LabelTable::kNoLabels : sets[i]);
  if (!back.empty()) publish_some(rows.first(back.size()), back);
  if (reusing.owns_lock()) reusing.unlock();
  for (size_t begin = back.size(); begin < rows.size(); begin += kAddSlice) {
    const size_t slice = std::min(rows.size() - begin, kAddSlice);
    publish_some(rows.subspan(begin, slice), std::span(nodes).subspan(begin, slice));
    if (waits_for_build() && rows_.size() > graph_.options().pending_max) TRY(build_once(Stop{}));
    if (!waits_for_build()) wait_for_linkers(slice);
    release_vectors(kReleaseBytes);
  }
  if (spec_.pool == nullptr && waits_for_build() && rows_.size() > 0) TRY(build_once(Stop{}));
  if (spec_.pool == nullptr) release_vectors(0);
  count_changes(rows.size());
  return {};
}

/// Either nodes that are used again, or new ones.
void GraphIndex::publish_some(std::span<const Row> rows, std::span<const Node> nodes) {
  const bool again = nodes.front() < rows_.size();
  rows_.publish(rows, nodes);
  schedule_point();
  if (again) {
    reused_.publish(nodes);
    const uint64_t most = graph_.vectors().leaves_memory() ? kReadsPending : pending_max();
    if (backlog_ == 0) reused_.wait_at_most(most);
    return;
  }
  if (graph_.options().deterministic) {
    BatchLinker(graph_, rows_, link_scratch_, spec_.pool).link(nodes.front(), rows_.size());
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
  {
    const std::shared_lock linking = beside_linkers();
    TRY(build_graph(builder_, graph_, rows_, nodes, link_scratch_, spec_.pool, stop));
  }
  std::lock_guard lock(publish_mutex_);
  queue_.assume_done(nodes);
  built_.store(true, std::memory_order_release);
  if (rows_.size() > nodes) queue_.publish(rows_.size());
  return {};
}

Result<void> GraphIndex::settle(const Stop& stop) {
  if (waits_for_build()) TRY(build_once(stop));
  TRY(queue_.drain(stop));
  TRY(reused_.drain(stop));
  if (!waits_for_build() && !graph_.options().deterministic) TRY(take_out_all(stop));
  release_vectors(0);
  return finish_renewal(stop);
}

void GraphIndex::link(uint64_t position) {
  const auto node = static_cast<Node>(position);
  const bool again = node < queue_.prefix();  // it was used before
  VectorStore& vectors = graph_.vectors();
  if (rows_.removed(node)) {  // nobody will ever ask for it
    if (again) vectors.let_go(node);
    return graph_.set_left(node);
  }
  schedule_point();
  const GracePeriod::Reader reader(free_.grace());
  const std::shared_lock linking = beside_linkers();
  const auto scratch = link_scratch_.borrow();
  graph_.encode(node);
  Linker linker(graph_, *scratch);
  linker.link(node, rows_.size());
  linker.renew_ways_in(node, rows_.size(), again);
  if (again) vectors.let_go(node);
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
  const auto linked = static_cast<Node>(queue_.prefix());
  const Node released = vectors.released();
  if (linked > released && uint64_t{linked - released} * vectors.stride() >= at_least)
    vectors.release(linked);
}

/// Nothing leaves meanwhile, which would tear the graph, and no node comes back as another row.
Result<void> GraphIndex::checkpoint(CheckpointOutput& out) const {
  struct Saving {
    std::atomic<uint32_t>& count;
    ~Saving() { count.fetch_sub(1); }
  };
  Result<void> written;
  {
    saving_.fetch_add(1);
    schedule_point();
    const Saving saving{saving_};
    { const std::lock_guard no_writer_did_not_see_it(reuse_mutex_); }  // may read vectors
    const std::lock_guard tidying(tidy_mutex_);
    written = write_graph(out, kind_, spec_, rows_.size(), rows_, graph_);
  }
  // Who asked for it meanwhile was turned away.
  if (!tidies_alone() && waiting_to_leave() >= together()) queue_.ask_for_tidying();
  return written;
}

IndexMemory GraphIndex::memory() const {
  const uint64_t nodes = rows_.size();
  uint64_t per_node = graph_.base().bytes() + ListMarks::bytes(graph_.base().capacity()) + sizeof(Row) + 1 +
                      sizeof(uint32_t) + 1 + sizeof(uint32_t);
  const GracePeriod::Reader reader(free_.grace());
  const CodeStore* codes = graph_.codes();
  if (codes != nullptr) per_node += graph_.all_codes().stores() * codes->extents().stride();
  per_node += graph_.label_bytes_per_node();
  const VectorStore& vectors = graph_.vectors();
  if (vectors.leaves_memory()) per_node += sizeof(uint32_t);  // checksums
  if (!rows_.ascend()) per_node += sizeof(RowTable::Order::Pair);
  const uint64_t released = std::min<uint64_t>(vectors.released(), nodes);
  return {.vector_bytes = (nodes - released) * vectors.stride() + vectors.kept_bytes(),
          .structure_bytes =
              nodes * per_node + graph_.upper_lists() * graph_.upper().bytes() + graph_.label_memory(),
          .disk_bytes = vectors.leaves_memory() && codes != nullptr ? nodes * vectors.stride() : 0};
}

IndexStats GraphIndex::stats() const {
  const uint64_t waiting = waits_for_build() ? rows_.size() : 0;
  const GracePeriod::Reader reader(free_.grace());
  const CodeStore* codes = graph_.codes();
  return {rows_.live_count(), rows_.removed_count(), queue_.pending() + reused_.pending() + waiting,
          rows_.rows_end(), codes == nullptr ? 0 : codes->version()};
}

}  // namespace kith

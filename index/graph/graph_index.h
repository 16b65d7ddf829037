// GraphIndex: the index of every graph kind: a GraphStore, the rows it stands for, and the queue that links
// rows in the background. What tells kinds apart is a GraphKind (graph_options.h).
//
// A row is searchable as soon as add returns: what is not linked yet is scanned exactly and merged with the
// graph's answer. The order that makes this complete for a search that starts after add: it first reads the
// number of nodes, then scans those not marked linked, then walks; a node that becomes linked in between is
// found twice, never missed, and merged by row.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>

#include "index/graph/graph_audit.h"
#include "index/graph/graph_store.h"
#include "index/graph/label_filter.h"
#include "index/graph/link_queue.h"
#include "index/graph/linker.h"
#include "index/graph/scratch_pool.h"
#include "index/row_table.h"
#include "index/top_k.h"

namespace kith {

class SectionFile;
struct WalkScratch;

class GraphIndex final : public Index, private LinkQueue::Work {
 public:
  static Result<std::unique_ptr<GraphIndex>> create(const GraphKind& kind, const IndexSpec& spec);
  static Result<std::unique_ptr<GraphIndex>> open(const GraphKind& kind, const CheckpointInput& in,
                                                  const CheckpointContext& context);
  ~GraphIndex() override;

  Result<void> add(std::span<const Row> rows, VectorBlock vectors) override;
  Result<void> add_labeled(std::span<const Row> rows, VectorBlock vectors, std::span<const LabelSet> labels);
  Result<void> remove(Row row) override;
  Result<SearchAnswer> search(const SearchRequest& request) const override;
  Result<void> checkpoint(CheckpointOutput& out) const override;
  IndexMemory memory() const override;
  IndexStats stats() const override;

  Result<SearchAnswer> range_search(const RangeRequest& request) const;
  Result<std::vector<SearchAnswer>> search_batch(VectorBlock queries, const SearchRequest& request) const;
  Result<void> settle(const Stop& stop);
  /// Edges for queries that come from elsewhere than the rows. The nearest nodes of such a query lie far
  /// apart as seen from each other, so pruning leaves no edges between them and a walk that has found one
  /// finds the rest by detours. So each query's nearest is joined, both ways, with those of the next 31 that
  /// pass the rule against each other (the bipartite projection of RoarGraph, Chen et al., PVLDB 2024, and
  /// RobustStitch of OOD-DiskANN, Jaiswal et al., 2022, on a graph that is there already).
  Result<void> learn(VectorBlock queries, const Stop& stop);

  const GraphKind& kind() const { return kind_; }
  /// For audits and checkpoints.
  const GraphStore& graph() const { return graph_; }
  const RowTable& rows() const { return rows_; }
  /// All nodes below it are linked.
  Node pending_prefix() const { return queue_.prefix(); }

 private:
  GraphIndex(const GraphKind& kind, const IndexSpec& spec, const VectorSpace& space,
             const GraphOptions& options);
  static Result<std::unique_ptr<GraphIndex>> make(const GraphKind& kind, const IndexSpec& spec);
  Result<Node> read(const CheckpointInput& in, const SectionFile& main, Node nodes,
                    const CheckpointContext& context);
  /// InvalidArgument where the index needs a scratch file and was given nowhere to put it.
  Result<void> check_directory() const;

  /// True for kinds with a builder as long as it has not run: rows wait for it.
  bool waits_for_build() const { return builder_ != nullptr && !built_.load(std::memory_order_acquire); }
  /// Builds all that is there, if nobody has. Waits for another thread that is at it.
  Result<void> build_once(const Stop& stop);
  /// Links what was published, or leaves it to wait for the build.
  void publish(Node first);

  /// How many rows may wait to be linked.
  uint64_t pending_max() const;
  void wait_for_linkers(uint64_t added);
  /// Lets vectors of linked nodes leave memory, where they are to, if they are this many bytes.
  void release_vectors(uint64_t at_least);
  template <typename Request, typename Ask>
  Result<SearchAnswer> walk(const Request& request, const RowBits* bits, const LabelFilter* labels,
                            Ask ask) const;

  /// Whether a search with this request's set of allowed rows asks it of nodes that a walk meets.
  bool begins_with_walk(const SearchRequest& request) const;

  Result<void> append(std::span<const Row> rows, VectorBlock vectors, std::span<const LabelSetNumber> sets);
  Result<void> check_query_labels(const LabelQuery& query) const;

  void link(Node node) override;
  Result<void> learn_one(VectorView query, const Stop& stop);
  Result<void> train_codes(Node nodes);
  bool linked(Node node) const override { return graph_.linked(node); }

  const GraphKind& kind_;
  const GraphBuild builder_;  // of the first rows, or null
  IndexSpec spec_;
  RowTable rows_;
  GraphStore graph_;
  std::shared_mutex linking_;  // shared by linkers and a build; whole while codes come in
  mutable ScratchPool<WalkScratch> walk_scratch_;
  ScratchPool<LinkScratch> link_scratch_;
  std::mutex build_mutex_;          // of whoever builds, all the time
  std::mutex publish_mutex_;        // between add and the end of a build
  std::atomic<bool> built_{false};  // set under publish_mutex_
  // The writer's own, of an index that was opened: rows still to come that are not waited for, and how many
  // may be pending after them; that falls as they are linked.
  uint64_t backlog_ = 0;
  uint64_t backlog_pending_ = 0;
  LinkQueue queue_;  // last: its destructor stops the linkers before anything they use goes
};

/// The registry's row of a graph kind.
template <const GraphKind& kGraph>
constexpr IndexKind index_kind_of() {
  return {
      .name = kGraph.name,
      .summary = kGraph.summary,
      .exact = false,
      .create = [](const IndexSpec& spec) -> Result<std::unique_ptr<Index>> {
        return std::unique_ptr<Index>(TRY(GraphIndex::create(kGraph, spec)));
      },
      .open = [](const CheckpointInput& in,
                 const CheckpointContext& context) -> Result<std::unique_ptr<Index>> {
        return std::unique_ptr<Index>(TRY(GraphIndex::open(kGraph, in, context)));
      },
      .range_search =
          [](const Index& index, const RangeRequest& request) {
            return static_cast<const GraphIndex&>(index).range_search(request);
          },
      .search_batch =
          [](const Index& index, VectorBlock queries, const SearchRequest& request) {
            return static_cast<const GraphIndex&>(index).search_batch(queries, request);
          },
      .settle = [](Index& index, const Stop& stop) { return static_cast<GraphIndex&>(index).settle(stop); },
      .audit = audit_graph,
      .learn = [](Index& index, VectorBlock queries,
                  const Stop& stop) { return static_cast<GraphIndex&>(index).learn(queries, stop); },
      .add_labeled =
          !kGraph.labels
              ? nullptr
              : +[](Index& index, std::span<const Row> rows, VectorBlock vectors,
                    std::span<const LabelSet>
                        labels) { return static_cast<GraphIndex&>(index).add_labeled(rows, vectors, labels); },
  };
}

}  // namespace kith

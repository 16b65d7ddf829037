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

#include "index/graph/free_nodes.h"
#include "index/graph/graph_audit.h"
#include "index/graph/graph_store.h"
#include "index/graph/label_filter.h"
#include "index/graph/link_queue.h"
#include "index/graph/linker.h"
#include "index/graph/reused_queue.h"
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
  Result<std::vector<Renaming>> add_replacing(std::span<const Row> rows, VectorBlock vectors,
                                              std::span<const Row> replaced);
  void rename(std::span<const Renaming> rows);
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
  /// Removed nodes that are in the graph still.
  uint64_t tombstones() const {
    return graph_.options().deletes == Deletes::kKeep ? rows_.removed_count()
                                                      : tombstones_.load(std::memory_order_relaxed);
  }
  /// Visits all nodes that are not linked yet, and some that are. The first `nodes` nodes.
  template <typename Visit>
  void for_each_pending(Node nodes, Visit visit) const {
    for (auto node = static_cast<Node>(queue_.prefix()); node < nodes; ++node) visit(node);
    reused_.for_each(visit);
  }

 private:
  GraphIndex(const GraphKind& kind, const IndexSpec& spec, const VectorSpace& space,
             const GraphOptions& options);
  static Result<std::unique_ptr<GraphIndex>> make(const GraphKind& kind, const IndexSpec& spec);
  /// What waits to be linked: nodes from `done` on, and the first ones.
  struct Waiting {
    std::vector<Node> first;
    Node done;
  };
  Result<Waiting> read(const CheckpointInput& in, const SectionFile& main, Node nodes,
                       const CheckpointContext& context);
  /// InvalidArgument where the index needs a scratch file and was given nowhere to put it.
  Result<void> check_directory() const;

  /// True for kinds with a builder as long as it has not run: rows wait for it.
  bool waits_for_build() const { return builder_ != nullptr && !built_.load(std::memory_order_acquire); }
  /// Builds all that is there, if nobody has. Waits for another thread that is at it.
  Result<void> build_once(const Stop& stop);

  /// How many rows may wait to be linked.
  uint64_t pending_max() const;
  void wait_for_linkers(uint64_t added);
  /// Lets vectors of linked nodes leave memory, where they are to, if they are this many bytes.
  void release_vectors(uint64_t at_least);
  /// The caller is a reader of free_.grace().
  template <typename Request, typename Ask>
  Result<SearchAnswer> walk(const Request& request, const RowBits* bits, const LabelFilter* labels,
                            Ask ask) const;
  Result<SearchAnswer> search_labels(const SearchRequest& request, uint32_t effort) const;

  /// Whether a search with this request's set of allowed rows asks it of nodes that a walk meets.
  bool begins_with_walk(const SearchRequest& request) const;

  Result<void> append(std::span<const Row> rows, VectorBlock vectors, std::span<const LabelSetNumber> sets);
  std::vector<Node> nodes_for(size_t rows);
  Result<bool> begin_renames();
  Result<bool> expect(Renaming row, const std::byte* vector);
  void publish_some(std::span<const Row> rows, std::span<const Node> nodes);
  Result<void> check_query_labels(const LabelQuery& query) const;

  std::shared_lock<std::shared_mutex> beside_linkers() {
    const std::lock_guard turn(linking_turn_);
    return std::shared_lock(linking_);
  }
  std::unique_lock<std::shared_mutex> without_linkers() {
    const std::lock_guard turn(linking_turn_);
    return std::unique_lock(linking_);
  }

  // graph_index_deletes.cc
  void leave(Node node);
  void tidy() override;
  /// Whoever removes rows takes them out.
  bool tidies_alone() const { return spec_.pool == nullptr || graph_.options().deterministic; }
  Result<void> take_out_all(const Stop& stop);
  size_t waiting_to_leave() const;
  bool leave_singly() const;
  size_t take_out_some();
  size_t choose_leaving(size_t most, std::vector<Node>& going);
  size_t bypass_some(size_t most);
  void take_out(std::vector<Node> going);
  bool stay(Node node);
  void repair_around(std::span<const Node> leaving, LinkScratch& scratch);
  size_t together() const;
  void sweep();
  size_t left_to_sweep() const;
  void has_left(Node node);
  void set_free(std::span<const Node> left);
  void read_removed(Node nodes);
  size_t reused_max() const;
  std::vector<Node> first_waiting(Node nodes) const;
  void join_unreached(LinkScratch& scratch);
  void retry_held();

  // graph_index_codes.cc
  enum class Renewal : uint8_t { kIdle, kMore, kWaits };
  Result<void> train_codes(Node nodes);
  void count_changes(uint64_t rows);
  bool drift_is_due() const;
  void renew_some();
  Result<void> finish_renewal(const Stop& stop);
  Renewal renew_codes();
  Renewal renew_step();
  void give_up_codes(std::string_view why);
  bool measure_drift();
  Result<std::vector<float>> sample_live();
  template <typename Change>
  bool change_codes(Change change);
  Renewal begin_encoding();
  Renewal encode_some();
  Renewal end_encoding();
  Renewal drop_codes_before();

  void link(uint64_t node) override;
  Result<void> learn_one(VectorView query, const Stop& stop);
  bool linked(uint64_t node) const override { return graph_.linked(static_cast<Node>(node)); }
  /// Whether nodes are used again: not where they are linked in their order.
  bool reuses() const {
    return graph_.options().deletes != Deletes::kKeep && !graph_.options().deterministic;
  }

  /// Of codes that were trained anew, on their way in.
  struct CodeRenewal {
    std::unique_ptr<CodeStore> trained;  // until linkers write them
    Node encoded = 0, end = 0;           // of the nodes from before that
    bool failed = false;                 // they are not to come in
    uint64_t turn = 0;                   // after which nobody reads those of before
    uint64_t samples = 0;                // drawn so far
  };

  const GraphKind& kind_;
  const GraphBuild builder_;  // of the first rows, or null
  IndexSpec spec_;
  RowTable rows_;
  GraphStore graph_;
  std::shared_mutex linking_;  // shared by linkers and a build; whole while codes come or go or nodes leave
  std::mutex linking_turn_;    // in whose order it is taken: linkers would not let go of it else
  mutable ScratchPool<WalkScratch> walk_scratch_;
  ScratchPool<LinkScratch> link_scratch_;
  std::mutex build_mutex_;          // of whoever builds, all the time
  std::mutex publish_mutex_;        // between add and the end of a build
  std::atomic<bool> built_{false};  // set under publish_mutex_
  // The writer's own, of an index that was opened: rows still to come that are not waited for, and how many
  // may be pending after them; that falls as they are linked.
  uint64_t backlog_ = 0;
  uint64_t backlog_pending_ = 0;
  mutable std::mutex leaving_mutex_;     // guards the four below
  std::vector<Node> leaving_;            // removed, and to leave the graph
  std::vector<Node> ready_;              // and what leads to them leads elsewhere, too
  std::vector<Node> held_;               // removed, and could not leave
  std::vector<Node> left_;               // since the last sweep
  std::atomic<size_t> chained_{0};       // removed members of chains since then
  std::atomic<uint64_t> tombstones_{0};  // removed, and of the graph, as far as is known
  mutable std::mutex tidy_mutex_;        // of whoever takes nodes out, or wants none to be
  FreeNodes free_;
  std::atomic<uint64_t> changes_{0};         // rows that came or went since drift was measured
  std::atomic<bool> renewing_{false};        // a code that was trained anew comes in
  std::mutex renewal_mutex_;                 // of whoever works at that
  CodeRenewal renewal_;                      // guarded by renewal_mutex_
  mutable std::mutex reuse_mutex_;           // of a writer that uses nodes again, or
  std::unique_lock<std::mutex> renaming_;    // as long as he has expected rows to rename
  mutable std::atomic<uint32_t> saving_{0};  // checkpoints under way: no node is used again meanwhile
  // Last: their destructors stop the linkers before anything they use goes.
  mutable LinkQueue queue_;  // a checkpoint asks it to go on
  ReusedQueue reused_;
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
      .add_replacing =
          [](Index& index, std::span<const Row> rows, VectorBlock vectors, std::span<const Row> replaced) {
            return static_cast<GraphIndex&>(index).add_replacing(rows, vectors, replaced);
          },
      .rename = [](Index& index,
                   std::span<const Renaming> rows) { static_cast<GraphIndex&>(index).rename(rows); },
  };
}

}  // namespace kith

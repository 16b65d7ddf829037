// Index kind `hnsw`: an HnswGraph, the rows it stands for, and the queue that links rows in the background.
//
// A row is searchable as soon as add returns: what is not linked yet is scanned exactly and merged with the
// graph's answer. The order that makes this complete for a search that starts after add: it first reads the
// number of nodes, then scans those not marked linked, then walks; a node that becomes linked in between is
// found twice, never missed, and merged by row.
#pragma once

#include <memory>

#include "index/graph/scratch_pool.h"
#include "index/hnsw/hnsw_graph.h"
#include "index/hnsw/link_queue.h"
#include "index/hnsw/linker.h"
#include "index/row_table.h"
#include "index/top_k.h"

namespace kith {

extern const IndexKind kHnswKind;
struct WalkScratch;

class HnswIndex final : public Index, private LinkQueue::Work {
 public:
  static Result<std::unique_ptr<HnswIndex>> create(const IndexSpec& spec);
  static Result<std::unique_ptr<HnswIndex>> open(FileSystem& fs, const std::string& path, ThreadPool* pool);
  ~HnswIndex() override;

  Result<void> add(std::span<const Row> rows, VectorBlock vectors) override;
  Result<void> remove(Row row) override;
  Result<SearchAnswer> search(const SearchRequest& request) const override;
  Result<void> checkpoint(FileSystem& fs, const std::string& path) const override;
  IndexMemory memory() const override;
  IndexStats stats() const override;

  Result<SearchAnswer> range_search(const RangeRequest& request) const;
  Result<std::vector<SearchAnswer>> search_batch(VectorBlock queries, const SearchRequest& request) const;
  Result<void> settle(const Stop& stop) { return queue_.drain(stop); }

  /// For audits and checkpoints.
  const HnswGraph& graph() const { return graph_; }
  const RowTable& rows() const { return rows_; }
  /// All nodes below it are linked.
  Node pending_prefix() const { return queue_.prefix(); }

 private:
  HnswIndex(const IndexSpec& spec, const VectorSpace& space, const HnswOptions& options);

  void link(Node node) override;
  bool linked(Node node) const override { return graph_.linked(node); }

  IndexSpec spec_;
  RowTable rows_;
  HnswGraph graph_;
  mutable ScratchPool<WalkScratch> walk_scratch_;
  ScratchPool<LinkScratch> link_scratch_;
  LinkQueue queue_;  // last: its destructor stops the linkers before anything they use goes
};

}  // namespace kith

// RowTable: which row each node is, and which rows were removed. Rows come ascending. As long as nodes do,
// too, the table is sorted and serves both ways without a second structure; once a node is used again, for a
// later row, the pairs of rows and nodes are kept in the order of rows beside it.
//
// One writer appends and removes; readers see [0, size()) at any time without a lock: size_ is stored with
// release after everything a node needs has been written. A node is used again only when no reader of before
// is left (index/graph/grace_period.h), and so goes an order of pairs that was replaced.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "index/extent_store.h"
#include "index/index.h"

namespace kith {

class RowTable {
 public:
  /// Memory for `rows` more; InvalidArgument unless they are ascending and above all rows here.
  Result<void> reserve(std::span<const Row> rows);
  /// Appends rows whose vectors are in place. reserve must have succeeded for them.
  void publish(std::span<const Row> rows);
  /// The same for rows of given nodes: removed ones that are used again, and the next new ones in their
  /// order.
  void publish(std::span<const Row> rows, std::span<const Node> nodes);
  /// Ready for a live node to become this row, with what reserve has room for. The writer.
  void expect(Row row, Node node);
  /// A node becomes the row that it is expected to. Readers find it as one or the other.
  void rename(Node node, Row row) { rows_[node].store(row, std::memory_order_relaxed); }
  /// Readers that come after this stand it that nodes are used again, or renamed. The writer.
  Result<void> prepare_for_reuse() { return owned_order_ == nullptr ? put_in_order() : Result<void>(); }
  /// The rows of the first nodes, in any order, of a table that is empty. InvalidArgument where one comes
  /// twice.
  Result<void> restore(std::span<const Row> rows);

  Node size() const { return size_.load(std::memory_order_acquire); }
  Row row(Node node) const { return rows_[node].load(std::memory_order_relaxed); }
  /// One above the highest row; 0 before the first.
  uint64_t rows_end() const { return rows_end_.load(std::memory_order_acquire); }
  /// Whether no node was used again.
  bool ascend() const { return order_.load(std::memory_order_relaxed) == nullptr; }
  /// kNoNode when the row is not here. Removed rows may be found.
  Node find(Row row) const;

  /// What of a node was written before it was used again can be read once this says no.
  bool removed(Node node) const { return removed_[node].load(std::memory_order_acquire) != 0; }
  /// False when it was removed before.
  bool remove(Node node);
  uint64_t live_count() const { return live_count_.load(std::memory_order_acquire); }
  /// Nodes of rows that were removed.
  uint64_t removed_count() const {
    const uint64_t live = live_count();  // first: a row that comes meanwhile is not to count against it
    return size() - std::min<uint64_t>(size(), live);
  }

  /// Pairs in the order of their rows: nodes may be those of later rows by now, or not yet of these.
  struct Order {
    struct Pair {
      Row row;
      Node node;
    };
    ExtentArray<Pair> pairs;
    std::atomic<uint64_t> size{0};
  };
  bool has_retired() const { return !retired_.empty(); }
  /// What readers of before may still read; the caller keeps it until they are gone. The writer.
  std::vector<std::unique_ptr<Order>> take_retired() { return std::move(retired_); }

 private:
  friend class RowCursor;

  Result<void> put_in_order();

  ExtentArray<std::atomic<Row>> rows_;
  ExtentArray<std::atomic<uint8_t>> removed_;
  std::atomic<Node> size_{0};
  std::atomic<uint64_t> rows_end_{0};
  std::atomic<uint64_t> live_count_{0};
  std::atomic<bool> identity_{true};    // row == node for all: find needs no search
  std::atomic<Order*> order_{nullptr};  // null while rows ascend with nodes
  std::unique_ptr<Order> owned_order_;  // the writer's own, as is retired_
  std::vector<std::unique_ptr<Order>> retired_;
};

/// Finds rows that ascend, each quickly where it is near the one before. Of one reader.
class RowCursor {
 public:
  explicit RowCursor(const RowTable& table);
  /// kNoNode when the row is not here. Removed rows may be found.
  Node find(Row row);
  /// Whether all rows from the one asked for last on are above those that were here.
  bool ended() const { return at_ >= size_; }

 private:
  Row row_at(uint64_t position) const;

  const RowTable& table_;
  const RowTable::Order* order_;
  uint64_t size_;
  uint64_t at_ = 0;
};

}  // namespace kith

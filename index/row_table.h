// RowTable: which row each node is, and which rows were removed. Rows come ascending, so the table is sorted
// and serves both ways without a second structure.
//
// One writer appends and removes; readers see [0, size()) at any time without a lock: size_ is stored with
// release after everything a node needs has been written.
#pragma once

#include <atomic>
#include <span>

#include "index/extent_store.h"
#include "index/index.h"

namespace kith {

class RowTable {
 public:
  /// Memory for `rows` more; InvalidArgument unless they are ascending and above all rows here.
  Result<void> reserve(std::span<const Row> rows);
  /// Appends rows whose vectors are in place. reserve must have succeeded for them.
  void publish(std::span<const Row> rows);

  Node size() const { return size_.load(std::memory_order_acquire); }
  Row row(Node node) const { return rows_[node]; }
  /// One above the highest row; 0 before the first.
  uint64_t rows_end() const {
    const Node nodes = size();
    return nodes == 0 ? 0 : uint64_t{row(nodes - 1)} + 1;
  }
  /// The first node from `begin` on whose row is `row` or above; size() where there is none. Quick where it
  /// is near `begin`: for who walks an ascending list of rows.
  Node find_from(Row row, Node begin) const;
  /// kNoNode when the row is not here. Removed rows are found.
  Node find(Row row) const;

  bool removed(Node node) const { return removed_[node].load(std::memory_order_relaxed) != 0; }
  /// False when it was removed before.
  bool remove(Node node);
  uint64_t removed_count() const { return removed_count_.load(std::memory_order_relaxed); }
  uint64_t live_count() const {
    const uint64_t removed = removed_count_.load(std::memory_order_acquire);  // first: both only grow
    return size() - removed;
  }

 private:
  ExtentArray<Row> rows_;
  ExtentArray<std::atomic<uint8_t>> removed_;
  std::atomic<Node> size_{0};
  std::atomic<uint64_t> removed_count_{0};
  std::atomic<bool> identity_{true};  // row == node for all: find needs no search
};

}  // namespace kith

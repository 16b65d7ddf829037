#include "index/row_table.h"

#include <algorithm>

namespace kith {

Result<void> RowTable::reserve(std::span<const Row> rows) {
  const uint64_t count = uint64_t{size()} + rows.size();
  TRY(rows_.grow(count));
  TRY(removed_.grow(count));
  int64_t last = size() == 0 ? -1 : int64_t{row(size() - 1)};
  for (const Row next : rows) {
    if (next == kNoRow || int64_t{next} <= last)
      return invalid_argument("row {} after row {}: rows added to an index are new and ascending", next,
                              last);
    last = next;
  }
  return {};
}

void RowTable::publish(std::span<const Row> rows) {
  Node node = size();
  for (const Row next : rows) {
    if (next != node && identity_.load(std::memory_order_relaxed))
      identity_.store(false, std::memory_order_relaxed);
    rows_[node++] = next;
  }
  size_.store(node, std::memory_order_release);
}

Node RowTable::find(Row row) const {
  Node end = size();  // acquire: identity_ is at least as new as these rows
  if (identity_.load(std::memory_order_relaxed)) return row < end ? row : kNoNode;
  Node begin = 0;
  while (begin < end) {
    const Node middle = begin + (end - begin) / 2;
    if (rows_[middle] < row) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin < size() && rows_[begin] == row ? begin : kNoNode;
}

Node RowTable::find_from(Row row, Node begin) const {
  const Node size = this->size();  // acquire, as in find
  if (begin >= size) return size;
  if (identity_.load(std::memory_order_relaxed)) return std::min(std::max(row, begin), size);
  // Strides that double until one ends at or beyond the row, then halves of the last.
  uint64_t stride = 1;
  while (begin + stride < size && rows_[begin + stride - 1] < row) {
    begin += static_cast<Node>(stride);
    stride *= 2;
  }
  Node end = static_cast<Node>(std::min<uint64_t>(begin + stride, size));
  while (begin < end) {
    const Node middle = begin + (end - begin) / 2;
    if (rows_[middle] < row) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

bool RowTable::remove(Node node) {
  if (removed_[node].exchange(1, std::memory_order_relaxed) != 0) return false;
  removed_count_.fetch_add(1, std::memory_order_release);
  return true;
}

}  // namespace kith

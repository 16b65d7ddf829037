#include "index/row_table.h"

#include <algorithm>
#include <numeric>

namespace kith {

namespace {

/// The first of `size` positions, from `begin` on, whose row is `row` or above. Strides that double until one
/// ends at or beyond the row, then halves of the last.
template <typename RowAt>
uint64_t lower_bound_from(uint64_t begin, uint64_t size, Row row, RowAt row_at) {
  if (begin >= size) return size;
  uint64_t stride = 1;
  while (begin + stride < size && row_at(begin + stride - 1) < row) {
    begin += stride;
    stride *= 2;
  }
  uint64_t end = std::min(begin + stride, size);
  while (begin < end) {
    const uint64_t middle = begin + (end - begin) / 2;
    if (row_at(middle) < row) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

}  // namespace

Result<void> RowTable::reserve(std::span<const Row> rows) {
  const uint64_t count = uint64_t{size()} + rows.size();
  TRY(rows_.grow(count));
  TRY(removed_.grow(count));
  int64_t last = static_cast<int64_t>(rows_end()) - 1;
  for (const Row next : rows) {
    if (next == kNoRow || int64_t{next} <= last)
      return invalid_argument("row {} after row {}: rows added to an index are new and ascending", next,
                              last);
    last = next;
  }
  if (owned_order_ == nullptr) return {};
  // An eighth more than there are nodes: pairs of rows that are gone.
  if (owned_order_->size.load(std::memory_order_relaxed) > size() + uint64_t{size()} / 8) TRY(put_in_order());
  return owned_order_->pairs.grow(owned_order_->size.load(std::memory_order_relaxed) + rows.size());
}

Result<void> RowTable::restore(std::span<const Row> rows) {
  TRY(rows_.grow(rows.size()));
  TRY(removed_.grow(rows.size()));
  auto order = std::make_unique<Order>();
  TRY(order->pairs.grow(rows.size()));
  std::vector<Node> sorted(rows.size());
  std::iota(sorted.begin(), sorted.end(), Node{0});
  std::sort(sorted.begin(), sorted.end(), [&](Node a, Node b) { return rows[a] < rows[b]; });
  for (size_t i = 0; i < sorted.size(); ++i) {
    const Row row = rows[sorted[i]];
    if (row == kNoRow || (i > 0 && row == rows[sorted[i - 1]]))
      return invalid_argument("row {} cannot be, or comes twice", row);
    order->pairs[i] = {row, sorted[i]};
    rows_[sorted[i]].store(row, std::memory_order_relaxed);
  }
  order->size.store(rows.size(), std::memory_order_relaxed);
  identity_.store(false, std::memory_order_relaxed);
  owned_order_ = std::move(order);
  order_.store(owned_order_.get(), std::memory_order_release);
  size_.store(static_cast<Node>(rows.size()), std::memory_order_release);
  if (!sorted.empty()) rows_end_.store(uint64_t{rows[sorted.back()]} + 1, std::memory_order_release);
  live_count_.store(rows.size(), std::memory_order_release);
  return {};
}

/// Anew, of what is not removed.
Result<void> RowTable::put_in_order() {
  const Order* const before = owned_order_.get();
  const uint64_t count = before == nullptr ? size() : before->size.load(std::memory_order_relaxed);
  auto order = std::make_unique<Order>();
  uint64_t kept = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const auto node = before == nullptr ? static_cast<Node>(i) : before->pairs[i].node;
    const Row next = before == nullptr ? row(node) : before->pairs[i].row;
    if (removed(node) || next < row(node)) continue;  // above: it is expected
    TRY(order->pairs.grow(kept + 1));
    order->pairs[kept++] = {next, node};
  }
  order->size.store(kept, std::memory_order_relaxed);
  order_.store(order.get(), std::memory_order_release);
  if (owned_order_ != nullptr) retired_.push_back(std::move(owned_order_));
  owned_order_ = std::move(order);
  return {};
}

void RowTable::publish(std::span<const Row> rows) {
  std::vector<Node> nodes(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) nodes[i] = size() + static_cast<Node>(i);
  publish(rows, nodes);
}

void RowTable::publish(std::span<const Row> rows, std::span<const Node> nodes) {
  Node size = this->size();
  const Node before = size;
  const uint64_t pairs = owned_order_ == nullptr ? 0 : owned_order_->size.load(std::memory_order_relaxed);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] != nodes[i] && identity_.load(std::memory_order_relaxed))
      identity_.store(false, std::memory_order_relaxed);
    rows_[nodes[i]].store(rows[i], std::memory_order_relaxed);
    if (owned_order_ != nullptr) owned_order_->pairs[pairs + i] = {rows[i], nodes[i]};
    size += nodes[i] >= before;
  }
  if (owned_order_ != nullptr) owned_order_->size.store(pairs + rows.size(), std::memory_order_release);
  for (const Node node : nodes)
    if (node < before) removed_[node].store(0, std::memory_order_release);
  size_.store(size, std::memory_order_release);
  if (!rows.empty()) rows_end_.store(uint64_t{rows.back()} + 1, std::memory_order_release);
  live_count_.fetch_add(rows.size(), std::memory_order_release);
}

void RowTable::expect(Row row, Node node) {
  const uint64_t pairs = owned_order_->size.load(std::memory_order_relaxed);
  owned_order_->pairs[pairs] = {row, node};
  identity_.store(false, std::memory_order_relaxed);
  owned_order_->size.store(pairs + 1, std::memory_order_release);
  rows_end_.store(uint64_t{row} + 1, std::memory_order_release);
}

Node RowTable::find(Row row) const {
  RowCursor cursor(*this);
  return cursor.find(row);
}

bool RowTable::remove(Node node) {
  if (removed_[node].exchange(1, std::memory_order_relaxed) != 0) return false;
  live_count_.fetch_sub(1, std::memory_order_release);
  return true;
}

RowCursor::RowCursor(const RowTable& table)
    : table_(table), order_(table.order_.load(std::memory_order_acquire)) {
  size_ = order_ == nullptr ? table.size() : order_->size.load(std::memory_order_acquire);
}

Row RowCursor::row_at(uint64_t position) const {
  return order_ == nullptr ? table_.row(static_cast<Node>(position)) : order_->pairs[position].row;
}

Node RowCursor::find(Row row) {
  if (order_ == nullptr && table_.identity_.load(std::memory_order_relaxed)) {
    at_ = row;
    return row < size_ ? row : kNoNode;
  }
  at_ = lower_bound_from(at_, size_, row, [this](uint64_t position) { return row_at(position); });
  if (at_ >= size_ || row_at(at_) != row) return kNoNode;
  if (order_ == nullptr) return static_cast<Node>(at_);
  const Node node = order_->pairs[at_].node;
  return table_.row(node) == row ? node : kNoNode;
}

}  // namespace kith

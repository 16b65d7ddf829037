#include "index/graph/graph_codes.h"

namespace kith {

Result<void> GraphCodes::grow(Node count) {
  const std::lock_guard lock(growing_);
  for (CodeStore* store : {owned_.get(), next_.get(), before_.get()})
    if (store != nullptr) TRY(store->grow(count));
  grown_ = count;
  return {};
}

void GraphCodes::encode(Node node, const VectorStore& vectors) {
  for (CodeStore* store : {owned_.get(), next_.get(), before_.get()})
    if (store != nullptr) store->encode(node, vectors[node]);
}

void GraphCodes::adopt(std::unique_ptr<CodeStore> first) {
  const std::lock_guard lock(growing_);
  owned_ = std::move(first);
  in_use_.store(owned_.get(), std::memory_order_release);
  stores_.fetch_add(1, std::memory_order_relaxed);
}

Result<void> GraphCodes::begin(std::unique_ptr<CodeStore> next) {
  const std::lock_guard lock(growing_);
  TRY(next->grow(grown_));
  next_ = std::move(next);
  stores_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

void GraphCodes::switch_to_next() {
  const std::lock_guard lock(growing_);
  before_ = std::move(owned_);
  owned_ = std::move(next_);
  in_use_.store(owned_.get(), std::memory_order_release);
}

std::unique_ptr<CodeStore> GraphCodes::take(std::unique_ptr<CodeStore>& from) {
  const std::lock_guard lock(growing_);
  stores_.fetch_sub(1, std::memory_order_relaxed);
  return std::move(from);
}

}  // namespace kith

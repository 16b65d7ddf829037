// GraphCodes: the codes of a graph's nodes. One store is in use. While a code that was trained anew comes in
// there is a next one, written and not read; once that is in use the one before, until the last search that
// reads it has ended. Each of them has the code of every linked node that its readers can meet.
//
// Threads: the writer grows; any linkers encode, each node before it is linked. Stores come and go by one
// thread at a time, while no linker is under way, so that a linker works with the same ones from beginning to
// end. A search keeps the store that it found in use, in its grace period.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "index/graph/code_store.h"

namespace kith {

class GraphCodes {
 public:
  /// Null until there are enough vectors to train on, or where none are wanted.
  const CodeStore* in_use() const { return in_use_.load(std::memory_order_acquire); }
  CodeStore* in_use() { return in_use_.load(std::memory_order_acquire); }
  /// How many there are at the moment, equally large.
  uint32_t stores() const { return stores_.load(std::memory_order_relaxed); }

  Result<void> grow(Node count);
  void encode(Node node, const VectorStore& vectors);

  /// The first: has codes of all linked nodes.
  void adopt(std::unique_ptr<CodeStore> first);

  CodeStore* next() { return next_.get(); }
  /// Grown, that is, and nothing written yet.
  Result<void> begin(std::unique_ptr<CodeStore> next);
  /// The next one, by now with codes of all linked nodes, is in use.
  void switch_to_next();
  std::unique_ptr<CodeStore> take_next() { return take(next_); }
  const CodeStore* before() const { return before_.get(); }
  std::unique_ptr<CodeStore> take_before() { return take(before_); }

 private:
  std::unique_ptr<CodeStore> take(std::unique_ptr<CodeStore>& from);

  std::atomic<CodeStore*> in_use_{nullptr};  // owned_
  std::atomic<uint32_t> stores_{0};
  std::mutex growing_;  // between the writer and whoever brings or takes a store
  Node grown_ = 0;      // guarded by growing_
  std::unique_ptr<CodeStore> owned_, next_, before_;
};

}  // namespace kith

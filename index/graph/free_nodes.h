// FreeNodes: nodes that have left the graph, on their way to be used again. Once a sweep has dropped the last
// edges to them no walk comes upon them any more; once the searches and linkers of before are gone
// (grace_period.h) none stands on them either.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "index/graph/grace_period.h"
#include "index/row_table.h"

namespace kith {

class FreeNodes {
 public:
  /// Around whatever may stand on a node.
  GracePeriod& grace() const { return grace_; }

  /// Nothing leads to these. Any thread.
  void give(std::span<const Node> nodes) {
    const std::lock_guard lock(mutex_);
    swept_.insert(swept_.end(), nodes.begin(), nodes.end());
  }

  // The writer.

  /// Sees which have become free. `renames`: nodes are to be renamed.
  Result<void> look(RowTable& rows, bool renames) {
    if (waits_ && grace_.over(turn_)) end_wait();
    if (waits_) return {};
    {
      const std::lock_guard lock(mutex_);
      if (swept_.empty() && !rows.has_retired() && (ordered_ || !renames)) return {};
      TRY(rows.prepare_for_reuse());
      waiting_.swap(swept_);
    }
    orders_ = rows.take_retired();
    waits_ = true;
    turn_ = grace_.begin_turn();
    if (grace_.over(turn_)) end_wait();
    return {};
  }
  /// Whether all readers know that nodes may be renamed.
  bool ordered() const { return ordered_; }
  size_t count() const { return free_.size(); }
  Node take() {
    const Node node = free_.back();
    free_.pop_back();
    return node;
  }

 private:
  void end_wait() {
    free_.insert(free_.end(), waiting_.begin(), waiting_.end());
    waiting_.clear();
    orders_.clear();
    waits_ = false;
    ordered_ = true;
  }

  mutable GracePeriod grace_;
  std::mutex mutex_;
  std::vector<Node> swept_;  // guarded by mutex_
  // The writer's own.
  bool waits_ = false;         // for readers of before to be gone, as do
  std::vector<Node> waiting_;  // these
  uint64_t turn_ = 0;          // that is over then
  std::vector<std::unique_ptr<RowTable::Order>> orders_;
  std::vector<Node> free_;
  bool ordered_ = false;
};

}  // namespace kith

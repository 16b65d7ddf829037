// CommitQueue: group commit. Writers line up; one of them, the leader, commits everything that stands in line
// (bounded in bytes and number) as one group while the next group gathers behind it, then hands the role to
// the first still waiting.
//
// So many small writes share one disk sync, the order of writes is the order of the queue, and the state that
// only a leader changes needs no mutex held across IO: holding the role is the exclusion. The idea is
// LevelDB's and RocksDB's writer queue (leveldb doc/impl.md, db/db_impl.cc BuildBatchGroup).
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <span>

#include "query/collection/write_request.h"

namespace kith {

class CommitQueue {
 public:
  /// `commit` sets the outcome of every request of a group; it is called by one thread at a time.
  using Commit = std::function<void(std::span<WriteRequest* const>)>;
  CommitQueue(size_t group_bytes_max, Commit commit)
      : group_bytes_max_(group_bytes_max), commit_(std::move(commit)) {}

  /// Returns when the request's outcome is set. Any thread; must not be called from within `commit`.
  void submit(WriteRequest& request);
  /// Runs `task` in the leader's role: no write is under way meanwhile.
  void run_exclusively(const std::function<void()>& task);
  /// Requests that were submitted and have not returned.
  size_t under_way() const { return under_way_.load(); }

 private:
  static constexpr size_t kGroupMax = 512;
  /// Of one leader, on its stack: once it is in line it needs no memory, for those behind wait for it.
  using Group = std::array<WriteRequest*, kGroupMax>;

  void wait_or_lead(WriteRequest& request);
  /// How many it took.
  size_t take_group(Group& group);

  const size_t group_bytes_max_;
  const Commit commit_;
  std::mutex mutex_;
  std::deque<WriteRequest*> queue_;  // guarded by mutex_
  std::atomic<size_t> under_way_{0};
  bool led_ = false;  // guarded by mutex_: some thread is leader or was chosen to be
};

}  // namespace kith

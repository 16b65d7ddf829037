// One write on its way through a collection's commit queue. Lives on the stack of the thread that waits for
// it.
#pragma once

#include <condition_variable>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/vector_view.h"
#include "query/schema/validate.h"
#include "query/types.h"

namespace kith {

/// A point as a request was made from it. A row never changes: it is the version of its point.
struct PointVersion {
  std::string_view id_key;
  Row row = kNoRow;  // kNoRow: it was not there, or had expired
};

struct WriteRequest {
  // What is asked: points to upsert, or id keys to remove, or a purge, or (alone in its group) a task to run
  // in the writer's role.
  std::vector<CheckedPoint> upserts;
  std::vector<std::string> removes;
  std::function<void()> task;
  std::vector<PointVersion> made_from;  // refused as stale when one of them has changed
  bool purge = false;  // `removes` are to be the ids that have expired, found out by the leader
  Durability durability = Durability::kSync;
  size_t bytes = 0;

  /// Set by the leader before the request is done.
  Result<WriteReceipt> outcome = WriteReceipt{};
  bool stale = false;  // then nothing was written

 private:
  friend class CommitQueue;
  enum class State : uint8_t { kWaiting, kLeading, kDone };
  State state_ = State::kWaiting;  // guarded by the queue's mutex, as is wake_
  std::condition_variable wake_;
};

}  // namespace kith

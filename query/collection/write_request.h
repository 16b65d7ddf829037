// One write on its way through a collection's commit queue. Lives on the stack of the thread that waits for
// it.
#pragma once

#include <condition_variable>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "query/schema/validate.h"
#include "query/types.h"

namespace kith {

struct WriteRequest {
  // What is asked: points to upsert, or id keys to remove, or a purge, or (alone in its group) a task to run
  // in the writer's role.
  std::vector<CheckedPoint> upserts;
  std::vector<std::string> removes;
  std::function<void()> task;
  bool purge = false;  // `removes` are to be the ids that have expired, found out by the leader
  Durability durability = Durability::kSync;
  size_t bytes = 0;

  /// Set by the leader before the request is done.
  Result<WriteReceipt> outcome = WriteReceipt{};

 private:
  friend class CommitQueue;
  enum class State : uint8_t { kWaiting, kLeading, kDone };
  State state_ = State::kWaiting;  // guarded by the queue's mutex, as is wake_
  std::condition_variable wake_;
};

}  // namespace kith

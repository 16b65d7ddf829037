// Checkpointer: the thread that takes checkpoints of a database's collections when enough has changed or
// enough time has passed, and the last ones when it closes.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "query/collection/local_collection.h"

namespace kith {

class Checkpointer {
 public:
  using Collections = std::function<std::vector<std::shared_ptr<LocalCollection>>()>;
  Checkpointer(const CheckpointPolicy& policy, Collections collections);
  /// Takes the last checkpoints, where the policy says so.
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

 private:
  using Time = std::chrono::steady_clock::time_point;
  void run();
  bool due(const LocalCollection& collection) const;
  void take(LocalCollection& collection);

  const CheckpointPolicy policy_;
  const Collections collections_;
  std::map<CollectionNumber, Time> not_before_;  // after a failure; the thread's own
  std::mutex mutex_;
  std::condition_variable wake_;
  bool closing_ = false;  // guarded by mutex_
  std::thread thread_;    // last
};

}  // namespace kith

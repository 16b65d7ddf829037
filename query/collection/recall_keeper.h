// RecallKeeper: the thread that keeps recall targets of a database's collections: measures fields anew when a
// load has settled, much has changed or recall has drifted, and answers recent real queries again to see what
// they found. It also has indexes built anew that hold more room for rows that are gone than they should.
//
// It steps back for everything else: one thread of low priority, and a small share of one CPU's time for
// queries that are answered again and, over all, as much for measuring.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "query/collection/local_collection.h"

namespace kith {

class RecallKeeper {
 public:
  using Collections = std::function<std::vector<std::shared_ptr<LocalCollection>>()>;
  RecallKeeper(const RecallPolicy& policy, Collections collections);
  /// Cancels what is under way.
  ~RecallKeeper();
  RecallKeeper(const RecallKeeper&) = delete;
  RecallKeeper& operator=(const RecallKeeper&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  /// Of one collection.
  struct Watch {
    uint64_t sequence = 0;  // when last looked at
    Clock::time_point quiet_since;
    Clock::time_point due_since = Clock::time_point::max();
    Clock::time_point not_before;
    Clock::time_point worn_since = Clock::time_point::max();
    Clock::time_point not_renewed_before;
  };

  void run();
  void look();
  bool due(const LocalCollection& collection, Watch& watch) const;
  void calibrate(LocalCollection& collection, Watch& watch);
  bool worn(const LocalCollection& collection, Watch& watch) const;
  void renew(LocalCollection& collection, Watch& watch);
  void check(const std::vector<std::shared_ptr<LocalCollection>>& collections);
  Stop stop() const;

  const RecallPolicy policy_;
  const Collections collections_;
  // The thread's own.
  std::map<CollectionNumber, Watch> watches_;
  double credit_ns_ = 0;  // that answering queries again may still take
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> closing_{false};  // set under mutex_
  std::thread thread_;                // last
};

}  // namespace kith

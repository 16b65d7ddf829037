// Housekeeper: the thread that looks after a database twice a second: removes points that have expired, takes
// stock of the memory that collections hold, and lets a store whose disk was full go on.
//
// Reads hide a point from the moment it expires, by the wall clock; what is removed does not come back. So a
// clock that somebody sets is believed as to what reads show at once, and as to what is removed only when it
// has stood by its new time for a while.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "query/collection/local_collection.h"

namespace kith {

class Housekeeper {
 public:
  using Collections = std::function<std::vector<std::shared_ptr<LocalCollection>>()>;
  Housekeeper(Engine& engine, Collections collections);
  ~Housekeeper();
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

 private:
  void run();
  void look();
  void recover_store();
  bool closing();
  int64_t apart_ms() const;
  bool clock_is_believed();

  Engine& engine_;
  const Collections collections_;
  // The thread's own: whether the store last had no space; how far the wall clock is from the other one, and
  // from when on that is believed.
  bool lacked_space_ = false;
  int64_t apart_ms_;
  int64_t believed_from_ms_ = INT64_MIN;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool closing_ = false;  // guarded by mutex_
  std::thread thread_;    // last
};

}  // namespace kith

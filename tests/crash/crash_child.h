// The other side of crash tests: what a child process does until it is killed. A child is this same test
// executable, started anew with CrashChild.* as its filter, so that no thread of the parent is cut in half by
// a fork.
//
// Progress stands in a file mapped by both: it is memory, so what a killed child wrote there is still seen.
//
// Every operation is a function of (seed, writer, number) alone. Each batch also upserts the writer's cursor,
// a point whose payload is the number, so that the store itself says how many operations of a writer it
// holds.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/query/test_database.h"

namespace kith::crash {

inline constexpr int kWriters = 2;
inline constexpr uint32_t kDim = 24;
inline constexpr uint64_t kIdsPerWriter = 150;

struct Progress {
  std::atomic<uint64_t> opened;                  // times a child had the database open
  std::atomic<uint64_t> acknowledged[kWriters];  // operations answered OK
  std::atomic<uint64_t> failed;                  // operations answered with an error
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);

/// Maps `path`, made when missing, zeroed.
class SharedProgress {
 public:
  explicit SharedProgress(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0 && ::ftruncate(fd, sizeof(Progress)) == 0);
    void* at = ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(at != MAP_FAILED);
    ::close(fd);
    progress_ = static_cast<Progress*>(at);
  }
  ~SharedProgress() { ::munmap(progress_, sizeof(Progress)); }
  SharedProgress(const SharedProgress&) = delete;
  SharedProgress& operator=(const SharedProgress&) = delete;
  Progress* operator->() { return progress_; }

 private:
  Progress* progress_;
};

struct Operation {
  std::vector<Point> upserts;
  std::vector<Id> removes;  // when there are no upserts
  Durability durability = Durability::kSync;
};

inline Id cursor_id(int writer) {
  return Id("cursor-" + std::to_string(writer));
}

/// Even numbers that are multiples of 8 remove; all others upsert, the cursor among them.
inline Operation operation(uint64_t seed, int writer, uint64_t number) {
  Random random(mix64(seed) ^ mix64(number * kWriters + static_cast<uint64_t>(writer)));
  Operation out;
  out.durability = random.below(3) == 0 ? Durability::kAsync : Durability::kSync;
  std::map<uint64_t, bool> picked;
  for (uint64_t i = 1 + random.below(30); i > 0; --i)
    picked[random.below(kIdsPerWriter) * kWriters + static_cast<uint64_t>(writer)] = true;
  for (const auto& [id, unused] : picked) {
    std::vector<float> vector(kDim);
    for (float& value : vector) value = static_cast<float>(random.normal());
    out.upserts.push_back(testing_support::point(Id(id), vector, fmt::format("{{\"op\":{}}}", number)));
    if (random.below(5) == 0) out.upserts.back().payload.clear();
  }
  if (number % 8 == 7) {
    for (const Point& each : out.upserts) out.removes.push_back(each.id);
    out.upserts.clear();
    return out;
  }
  out.upserts.push_back(Point{cursor_id(writer), {}, fmt::format("{{\"op\":{}}}", number)});
  return out;
}

inline Schema crash_schema() {
  return testing_support::schema_of({testing_support::field("v", kDim, Metric::kL2, "hnsw")});
}

}  // namespace kith::crash

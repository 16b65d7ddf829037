// The other side of crash tests: what a child process does until it ends or is killed. A child is this same
// test executable, started anew with CrashChild.* as its filter, so that no thread of the parent is cut in
// half by a fork. What it has reached stands in a file mapped by both: it is memory, so what a killed child
// wrote there is still seen.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "tests/query/test_database.h"

namespace kith::crash {

inline constexpr uint32_t kDim = 24;

/// A `T` of lock-free atomics in `path`, which is made when missing, all zeros.
template <typename T>
class Shared {
 public:
  explicit Shared(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0 && ::ftruncate(fd, sizeof(T)) == 0);
    void* at = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(at != MAP_FAILED);
    ::close(fd);
    value_ = static_cast<T*>(at);
  }
  ~Shared() { ::munmap(value_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  T& operator*() { return *value_; }
  T* operator->() { return value_; }

 private:
  T* value_;
};

inline Schema crash_schema() {
  return testing_support::schema_of({testing_support::field("v", kDim, Metric::kL2, "hnsw")});
}

}  // namespace kith::crash

// Progress: how many batches a writing process was told are there. It stands in a file mapped by both sides:
// it is memory, so what a killed process wrote there is still seen.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace kith::bench {

class Progress {
 public:
  using Counter = std::atomic<uint64_t>;
  static_assert(Counter::is_always_lock_free);

  /// Maps `path`, made with 0 where it is missing.
  static Result<std::unique_ptr<Progress>> map(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ::ftruncate(fd, sizeof(Counter)) != 0)
      return make_error(Code::kUnavailable, "file '{}' cannot be made", path);
    void* const at = ::mmap(nullptr, sizeof(Counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (at == MAP_FAILED) return make_error(Code::kUnavailable, "file '{}' cannot be mapped", path);
    return std::unique_ptr<Progress>(new Progress(static_cast<Counter*>(at)));
  }
  ~Progress() { ::munmap(acknowledged_, sizeof(Counter)); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  Counter& acknowledged() { return *acknowledged_; }

 private:
  explicit Progress(Counter* acknowledged) : acknowledged_(acknowledged) {}

  Counter* const acknowledged_;
};

}  // namespace kith::bench

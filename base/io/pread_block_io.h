// PreadBlockIo: BlockIo on plain pread and pwrite by a pool of threads of its own, for machines where
// io_uring is forbidden (most containers) or too old. As many requests are at the device as there are
// threads.
#pragma once

#include "base/io/block_io.h"
#include "base/thread_pool.h"

namespace kith {

class PreadBlockIo final : public BlockIo {
 public:
  static constexpr size_t kDefaultThreads = 16;  // they sleep in the kernel: more than CPUs on purpose

  explicit PreadBlockIo(size_t threads = kDefaultThreads) : pool_(threads) {}

  const char* name() const override { return "pread"; }
  Result<std::unique_ptr<BlockFile>> open(const std::string& path, const BlockOpen& how) override;
  Result<std::unique_ptr<BlockQueue>> queue(const BlockQueueOptions& options) override;

 private:
  ThreadPool pool_;
};

}  // namespace kith

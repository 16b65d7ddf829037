#include "base/io/block_io.h"

#include <atomic>

#include "base/io/pread_block_io.h"
#include "base/io/uring_block_io.h"
#include "base/log.h"

namespace kith {

std::unique_ptr<BlockIo> make_block_io() {
  Result<std::unique_ptr<BlockIo>> ring = UringBlockIo::create();
  if (ring.ok()) return std::move(ring).value();
  static std::atomic<bool> logged{false};
  if (!logged.exchange(true))
    log_warn("SSD reads go through a pool of threads",
             {{"reason", ring.error().message}, {"engine", "pread"}});
  return std::make_unique<PreadBlockIo>();
}

}  // namespace kith

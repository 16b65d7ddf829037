// UringBlockIo: BlockIo on io_uring through liburing (Axboe, "Efficient IO with io_uring", 2019). One ring
// per queue; memory and files named at its making are registered with it. Needs IORING_FEAT_EXT_ARG
// (Linux 5.11) and permission: containers often forbid io_uring_setup, then use PreadBlockIo.
#pragma once

#include "base/io/block_io.h"

namespace kith {

class UringBlockIo final : public BlockIo {
 public:
  /// FailedPrecondition where the kernel refuses or lacks what we need; says which.
  static Result<std::unique_ptr<BlockIo>> create();

  const char* name() const override { return "io_uring"; }
  Result<std::unique_ptr<BlockFile>> open(const std::string& path, const BlockOpen& how) override;
  Result<std::unique_ptr<BlockQueue>> queue(const BlockQueueOptions& options) override;
};

}  // namespace kith

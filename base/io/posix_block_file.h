// The open file that the ring and the pool of threads share, and the checks that every engine makes of a
// request.
#pragma once

#include <chrono>

#include "base/io/block_io.h"
#include "base/io/posix_file_system.h"

namespace kith {

class PosixBlockFile final : public BlockFile {
 public:
  static Result<std::unique_ptr<BlockFile>> open(const std::string& path, const BlockOpen& how);

  PosixBlockFile(FileDescriptor fd, std::string path, const BlockOpen& how)
      : fd_(std::move(fd)), path_(std::move(path)), how_(how) {}

  const std::string& path() const override { return path_; }
  Result<uint64_t> size() const override;
  Result<void> sync() override;

  int fd() const { return fd_.get(); }
  const BlockOpen& how() const { return how_; }

 private:
  FileDescriptor fd_;
  std::string path_;
  BlockOpen how_;
};

/// InvalidArgument naming what is wrong with the request, given how its file was opened.
Result<void> check_block_request(const BlockRequest& request, const BlockOpen& how);

/// The same for a batch on PosixBlockFiles; a null file is an error too.
Result<void> check_posix_requests(std::span<const BlockRequest> requests);

/// ResourceExhausted when `wanted` more do not fit beside `in_flight`.
Result<void> check_block_depth(size_t in_flight, size_t wanted, uint32_t depth);

Result<void> check_block_queue(const BlockQueueOptions& options);

/// When a waiting queue looks at `stop` again: at the deadline; every few milliseconds too where somebody may
/// cancel.
std::chrono::steady_clock::time_point next_look(const Stop& stop);

/// What to make of a transfer that ended early: go on, or the error that the request ends with.
enum class BlockProgress : uint8_t { kDone, kContinue };

/// `transferred` is what the kernel said (bytes, or minus errno) about the bytes of `request` from `done` on.
/// Advances `done`. `retries` counts answers without progress, so that a device that only ever says EAGAIN
/// ends as an error.
Result<BlockProgress> note_transfer(const BlockRequest& request, int64_t transferred, size_t& done,
                                    uint32_t& retries);

}  // namespace kith

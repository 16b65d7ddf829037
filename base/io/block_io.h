// BlockIo: batches of reads and writes at (file, offset), many in flight: how SSD indexes reach their pages.
// Where the kernel allows it requests go through io_uring (uring_block_io.h), else through a pool of threads
// (pread_block_io.h); SimulatedBlockIo is the in-memory twin with latency, faults and power loss. Faults are
// injected HERE: a libc shim does not see what goes through a ring.
//
//   auto queue = TRY(io.queue({.depth = 64, .registered = pages.span()}));
//   TRY(queue->submit(requests));                        // buffers belong to the queue from here …
//   for (const BlockCompletion& done : queue->wait(1))   // … until their completion is handed out
//     if (!done.result.ok()) …
//
// A completion is the whole request or an error: short, interrupted and refused transfers are continued
// inside. A read beyond the end of the file is Corruption, its buffer undefined. A failed write may have left
// any part of its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "base/stop.h"

namespace kith {

/// Offsets, lengths and buffers of a direct file are multiples of this.
inline constexpr size_t kBlockAlignment = 4096;
/// A request's length is 1 byte to 1 GiB.
inline constexpr size_t kBlockBytesMax = size_t{1} << 30;

struct BlockOpen {
  bool write = false;  // else read only
  bool create =
      false;  // make the file where it is missing (with write); its name is durable after sync_directory
  bool direct = false;  // past the page cache, where the file system can
};

/// An open file. Outlives every request on it and every queue that registered it. Thread-safe.
class BlockFile {
 public:
  virtual ~BlockFile() = default;
  virtual const std::string& path() const = 0;
  virtual Result<uint64_t> size() const = 0;
  /// Every write that completed before is durable on return, with the file's length. An error is final: never
  /// retried.
  virtual Result<void> sync() = 0;
};

enum class BlockOp : uint8_t { kRead, kWrite };

struct BlockRequest {
  BlockOp op = BlockOp::kRead;
  BlockFile* file = nullptr;  // opened by the same BlockIo
  uint64_t offset = 0;
  std::span<std::byte> buffer;  // read into, or written from
  uint64_t tag = 0;             // comes back in the completion; means nothing here
};

struct BlockCompletion {
  uint64_t tag = 0;
  Result<void> result;
};

/// Requests in flight of one thread (or of one at a time). Completions come in any order. Writes and reads
/// that overlap in flight have no order either. The destructor cancels what can be and waits for the rest.
class BlockQueue {
 public:
  virtual ~BlockQueue() = default;

  /// Takes all the requests or, on error, none: InvalidArgument for a bad file, length or alignment,
  /// ResourceExhausted when more than `depth` would be in flight. Never waits for a completion.
  virtual Result<void> submit(std::span<const BlockRequest> requests) = 0;

  /// Waits for `at_least` completions (or as many as are in flight) and hands out all there are; valid until
  /// the next call. Once `stop` says so, cancels everything and hands out all that was in flight, then
  /// nothing is: requests that did not make it carry the error of `stop`.
  virtual std::span<const BlockCompletion> wait(size_t at_least, const Stop& stop = {}) = 0;

  /// Submitted and not handed out.
  virtual size_t in_flight() const = 0;
};

struct BlockQueueOptions {
  uint32_t depth = 128;  // 1..4096
  /// Memory and files used most: a ring registers them once instead of at each request. Both outlive the
  /// queue.
  std::span<std::byte> registered = {};
  std::span<BlockFile* const> files = {};
};

/// Thread-safe. Outlives its files and queues.
class BlockIo {
 public:
  virtual ~BlockIo() = default;
  virtual const char* name() const = 0;  // "io_uring", "pread", "simulated"
  virtual Result<std::unique_ptr<BlockFile>> open(const std::string& path, const BlockOpen& how) = 0;
  virtual Result<std::unique_ptr<BlockQueue>> queue(const BlockQueueOptions& options) = 0;
};

/// io_uring where the kernel allows it, else the pool of threads; the reason is logged once.
std::unique_ptr<BlockIo> make_block_io();

}  // namespace kith

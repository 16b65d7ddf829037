#include "base/io/posix_block_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace kith {

Result<std::unique_ptr<BlockFile>> PosixBlockFile::open(const std::string& path, const BlockOpen& how) {
  constexpr mode_t kFileMode = 0600;
  const int flags =
      O_CLOEXEC | O_NONBLOCK | (how.write ? O_RDWR : O_RDONLY) | (how.write && how.create ? O_CREAT : 0);
  auto open_with = [&](int more) {
    int fd;
    do {
      fd = ::open(path.c_str(), flags | more, kFileMode);
    } while (fd < 0 && errno == EINTR);
    return fd;
  };
  FileDescriptor fd(open_with(how.direct ? O_DIRECT : 0));
  // Some file systems have no direct I/O; ordinary reads give the same bytes.
  if (!fd.is_open() && how.direct && errno == EINVAL) fd = FileDescriptor(open_with(0));
  if (!fd.is_open()) return posix_error(errno, "open", path);
  struct stat info;
  if (::fstat(fd.get(), &info) < 0) return posix_error(errno, "inspect", path);
  if (!S_ISREG(info.st_mode)) return failed_precondition("cannot open '{}': it is not a regular file", path);
  // O_NONBLOCK was there so that a pipe could not block us here; left on, io_uring answers EAGAIN instead of
  // waiting.
  if (::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK) < 0)
    return posix_error(errno, "open", path);
  return std::unique_ptr<BlockFile>(std::make_unique<PosixBlockFile>(std::move(fd), path, how));
}

Result<uint64_t> PosixBlockFile::size() const {
  struct stat info;
  if (::fstat(fd_.get(), &info) < 0) return posix_error(errno, "inspect", path_);
  return static_cast<uint64_t>(info.st_size);
}

Result<void> PosixBlockFile::sync() {
  int result;
  do {
    result = ::fdatasync(fd_.get());
  } while (result < 0 && errno == EINTR);
  if (result < 0) return posix_error(errno, "sync", path_);
  return {};
}

Result<void> check_block_request(const BlockRequest& request, const BlockOpen& how) {
  const std::string& path = request.file->path();
  const size_t length = request.buffer.size();
  if (request.op == BlockOp::kWrite && !how.write)
    return invalid_argument("cannot write to '{}': opened to read", path);
  if (length == 0 || length > kBlockBytesMax)
    return invalid_argument("'{}': a request of {} bytes; 1 to {} are possible", path, length,
                            kBlockBytesMax);
  uint64_t end;
  if (__builtin_add_overflow(request.offset, length, &end) || end > static_cast<uint64_t>(INT64_MAX))
    return invalid_argument("'{}': offset {} is beyond any file", path, request.offset);
  const auto address = reinterpret_cast<uintptr_t>(request.buffer.data());
  if (how.direct && (request.offset | length | address) % kBlockAlignment != 0)
    return invalid_argument(
        "'{}': direct I/O of {} bytes at offset {}, buffer {}: all must be multiples of {}", path, length,
        request.offset, address, kBlockAlignment);
  return {};
}

Result<void> check_posix_requests(std::span<const BlockRequest> requests) {
  for (const BlockRequest& request : requests) {
    if (request.file == nullptr) return invalid_argument("block request {} names no file", request.tag);
    DCHECK(dynamic_cast<PosixBlockFile*>(request.file) != nullptr);
    TRY(check_block_request(request, static_cast<PosixBlockFile*>(request.file)->how()));
  }
  return {};
}

Result<void> check_block_depth(size_t in_flight, size_t wanted, uint32_t depth) {
  if (wanted <= depth && in_flight <= depth - wanted) return {};
  return resource_exhausted("block queue of depth {}: {} in flight, {} more do not fit; wait first", depth,
                            in_flight, wanted);
}

Result<void> check_block_queue(const BlockQueueOptions& options) {
  constexpr uint32_t kDepthMax = 4096;
  if (options.depth >= 1 && options.depth <= kDepthMax) return {};
  return invalid_argument("block queue of depth {}: 1 to {} are possible", options.depth, kDepthMax);
}

std::chrono::steady_clock::time_point next_look(const Stop& stop) {
  using namespace std::chrono_literals;
  const auto latest = std::chrono::steady_clock::now() + (stop.cancelled == nullptr ? 1s : 2ms);
  return std::min<std::chrono::steady_clock::time_point>(stop.deadline, latest);
}

Result<BlockProgress> note_transfer(const BlockRequest& request, int64_t transferred, size_t& done,
                                    uint32_t& retries) {
  constexpr uint32_t kRetriesMax = 1000;
  const bool reads = request.op == BlockOp::kRead;
  const std::string& path = request.file->path();
  if (transferred < 0) {
    const int error_number = static_cast<int>(-transferred);
    const bool transient = error_number == EAGAIN || error_number == EINTR;
    if (transient && ++retries <= kRetriesMax) return BlockProgress::kContinue;
    return posix_error(error_number, reads ? "read" : "write to", path);
  }
  done += static_cast<size_t>(transferred);
  if (done >= request.buffer.size()) return BlockProgress::kDone;
  if (!reads) {
    if (transferred > 0 || ++retries <= kRetriesMax) return BlockProgress::kContinue;
    return unavailable("'{}': the device takes no more bytes at offset {}", path, request.offset + done);
  }
  // Ask for the size instead of reading on: a direct read may not start at the odd end of a file.
  const uint64_t size = TRY(request.file->size());
  if (transferred > 0 && request.offset + done < size) return BlockProgress::kContinue;
  return corruption("'{}': {} bytes wanted at offset {}, the file ends at {}", path, request.buffer.size(),
                    request.offset, size);
}

}  // namespace kith

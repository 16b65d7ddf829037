#include "base/io/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace kith {

// Vectors and payloads are the user's: nobody else on the machine reads them.
constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

Error posix_error(int error_number, std::string_view action, std::string_view path) {
  const auto code = [error_number] {
    switch (error_number) {
      case ENOENT:
        return Code::kNotFound;
      case EEXIST:
        return Code::kAlreadyExists;
      case ENOSPC:
      case EDQUOT:
      case EFBIG:
      case EMLINK:
      case ENOMEM:
      case EMFILE:
      case ENFILE:
        return Code::kResourceExhausted;
      case EACCES:
      case EPERM:
      case EROFS:
      case ENOTEMPTY:
      case EISDIR:
      case ENOTDIR:
      case EBUSY:
      case ETXTBSY:
      case EXDEV:
        return Code::kFailedPrecondition;
      case ENAMETOOLONG:
      case ELOOP:
      case EINVAL:
        return Code::kInvalidArgument;
      default:
        return Code::kUnavailable;
    }
  }();
  return make_error(code, "cannot {} '{}': {}", action, path, std::generic_category().message(error_number));
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

namespace {

template <typename Call>
auto retry_interrupted(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

Result<FileDescriptor> open_descriptor(const std::string& path, int flags, std::string_view action) {
  FileDescriptor fd(retry_interrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); }));
  if (!fd.is_open()) return posix_error(errno, action, path);
  return fd;
}

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(FileDescriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<void> append(std::span<const std::byte> data) override {
    TRY(check_usable("write to"));
    while (!data.empty()) {
      const ssize_t written = retry_interrupted([&] { return ::write(fd_.get(), data.data(), data.size()); });
      if (written < 0) return fail("write to");
      data = data.subspan(static_cast<size_t>(written));
    }
    return {};
  }

  Result<void> write_at(uint64_t offset, std::span<const std::byte> data) {
    TRY(check_usable("write to"));
    while (!data.empty()) {
      const ssize_t written = retry_interrupted(
          [&] { return ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset)); });
      if (written < 0) return fail("write to");
      offset += static_cast<uint64_t>(written);
      data = data.subspan(static_cast<size_t>(written));
    }
    return {};
  }

  Result<void> sync() override {
    TRY(check_usable("sync"));
    if (retry_interrupted([&] { return ::fdatasync(fd_.get()); }) < 0) return fail("sync");
    return {};
  }

  Result<void> close() override {
    if (!fd_.is_open()) return {};
    // Not retried on EINTR: Linux has released the descriptor by then.
    if (::close(fd_.release()) < 0 && errno != EINTR) return posix_error(errno, "close", path_);
    return {};
  }

 private:
  Result<void> check_usable(std::string_view action) const {
    if (!fd_.is_open()) return failed_precondition("cannot {} '{}': it is closed", action, path_);
    if (failed_)
      return failed_precondition("cannot {} '{}': an earlier write or sync of it failed; abandon it", action,
                                 path_);
    return {};
  }

  /// After a failed write the length is unknown; after a failed sync the kernel may have dropped the dirty
  /// pages and would report the next sync as a success. Either way the file is never touched again.
  Error fail(std::string_view action) {
    failed_ = true;
    return posix_error(errno, action, path_);
  }

  FileDescriptor fd_;
  std::string path_;
  bool failed_ = false;
};

Result<void> read_whole(int fd, const std::string& path, uint64_t offset, std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got =
        retry_interrupted([&] { return ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset)); });
    if (got < 0) return posix_error(errno, "read", path);
    if (got == 0) return corruption("'{}': the file was cut to {} bytes while it was open", path, offset);
    offset += static_cast<uint64_t>(got);
    out = out.subspan(static_cast<size_t>(got));
  }
  return {};
}

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(FileDescriptor fd, std::string path, uint64_t size)
      : fd_(std::move(fd)), path_(std::move(path)), size_(size) {}

  uint64_t size() const override { return size_; }

  Result<void> read(uint64_t offset, std::span<std::byte> out) const override {
    if (offset > size_ || out.size() > size_ - offset)
      return corruption("'{}': {} bytes wanted at offset {}, the file ends at {}", path_, out.size(), offset,
                        size_);
    return read_whole(fd_.get(), path_, offset, out);
  }

 private:
  FileDescriptor fd_;
  std::string path_;
  uint64_t size_;
};

/// Through the page cache, which keeps hot parts: a part found there costs one call. All others are announced
/// to the kernel before the first of them is waited for, so that the device works on them together. (A ring
/// brings nothing here: 16 cached reads of 1 KiB cost it 0.80 us each, pread 0.84.)
class PosixScratchFile final : public ScratchFile {
 public:
  PosixScratchFile(PosixWritableFile out, int fd, std::string path)
      : out_(std::move(out)), fd_(fd), path_(std::move(path)) {}

  Result<void> append(std::span<const std::byte> data) override { return out_.append(data); }

  Result<void> write_again(uint64_t offset, std::span<const std::byte> data) override {
    return out_.write_at(offset, data);
  }

  Result<void> read(std::span<const FilePart> parts) const override {
    std::vector<FilePart> missing;
    for (const FilePart& part : parts) {
      const iovec buffer{part.out.data(), part.out.size()};
      const auto at = static_cast<off_t>(part.offset);
      const ssize_t got = ::preadv2(fd_, &buffer, 1, at, RWF_NOWAIT);
      if (got == static_cast<ssize_t>(part.out.size())) continue;
      missing.push_back(part);  // an error, if it is one, comes again below
      if (parts.size() > 1)
        (void)::posix_fadvise(fd_, at, static_cast<off_t>(part.out.size()), POSIX_FADV_WILLNEED);
    }
    for (const FilePart& part : missing) TRY(read_whole(fd_, path_, part.offset, part.out));
    return {};
  }

 private:
  PosixWritableFile out_;
  int fd_;  // out_'s
  std::string path_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(FileDescriptor fd) : fd_(std::move(fd)) {}

 private:
  FileDescriptor fd_;  // closing it releases the lock, also when the process is killed
};

std::string holder_of(int fd) {
  char pid[24] = {};
  const ssize_t length = ::pread(fd, pid, sizeof(pid) - 1, 0);
  if (length <= 0) return "another process";
  return fmt::format("process {}", std::string_view(pid, static_cast<size_t>(length)));
}

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
    FileDescriptor fd = TRY(open_descriptor(path, O_WRONLY | O_CREAT | O_TRUNC, "create"));
    return std::unique_ptr<WritableFile>(std::make_unique<PosixWritableFile>(std::move(fd), path));
  }

  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
    FileDescriptor fd =
        TRY(open_descriptor(path, O_RDONLY | O_NONBLOCK, "open"));  // a pipe would block the opener
    struct stat info;
    if (::fstat(fd.get(), &info) < 0) return posix_error(errno, "inspect", path);
    if (!S_ISREG(info.st_mode))
      return failed_precondition("cannot open '{}': it is not a regular file", path);
    const auto size = static_cast<uint64_t>(info.st_size);
    return std::unique_ptr<ReadableFile>(std::make_unique<PosixReadableFile>(std::move(fd), path, size));
  }

  Result<std::unique_ptr<ScratchFile>> create_scratch(const std::string& directory) override {
    std::string path = directory + "/scratch-XXXXXX";
    FileDescriptor fd(::mkostemp(path.data(), O_CLOEXEC));
    if (!fd.is_open()) return posix_error(errno, "create", path);
    if (::unlink(path.c_str()) < 0) return posix_error(errno, "remove", path);
    // Advice: else the kernel reads ahead whenever it takes scattered rows for a stream, twice what is asked.
    (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);
    const int number = fd.get();
    return std::unique_ptr<ScratchFile>(
        std::make_unique<PosixScratchFile>(PosixWritableFile(std::move(fd), path), number, path));
  }

  Result<bool> exists(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return posix_error(errno, "inspect", path);
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
    if (stream == nullptr) return posix_error(errno, "list", directory);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    const int error_number = errno;
    if (error_number != 0) return posix_error(error_number, "list", directory);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<void> make_directories(const std::string& directory) override {
    for (size_t slash = directory.find('/', 1); slash != std::string::npos;
         slash = directory.find('/', slash + 1))
      TRY(make_directory(directory.substr(0, slash)));
    return make_directory(directory);
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return {};
    return posix_error(errno, fmt::format("rename '{}' to", from), to);
  }

  Result<void> link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) == 0) return {};
    return posix_error(errno, fmt::format("link '{}' to", from), to);
  }

  Result<void> remove(const std::string& path) override {
    if (std::remove(path.c_str()) == 0) return {};
    return posix_error(errno, "remove", path);
  }

  Result<void> sync_directory(const std::string& directory) override {
    const FileDescriptor fd = TRY(open_descriptor(directory, O_RDONLY | O_DIRECTORY, "open directory"));
    if (retry_interrupted([&] { return ::fsync(fd.get()); }) < 0)
      return posix_error(errno, "sync directory", directory);
    return {};
  }

  Result<DiskSpace> disk_space(const std::string& directory) override {
    struct statvfs device {};
    if (::statvfs(directory.c_str(), &device) != 0) return posix_error(errno, "ask the device of", directory);
    return DiskSpace{uint64_t{device.f_blocks} * device.f_frsize,
                     uint64_t{device.f_bavail} * device.f_frsize};
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    FileDescriptor fd = TRY(open_descriptor(path, O_RDWR | O_CREAT, "open lock"));
    // flock belongs to the open file, so a second holder in this process is refused too.
    if (retry_interrupted([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) < 0) {
      if (errno != EWOULDBLOCK) return posix_error(errno, "lock", path);
      return failed_precondition("'{}' is locked by {}: stop it, or use another directory", path,
                                 holder_of(fd.get()));
    }
    const std::string pid = std::to_string(::getpid());
    // The number only helps people; a full disk must not keep us from opening.
    if (::ftruncate(fd.get(), 0) == 0) (void)!::pwrite(fd.get(), pid.data(), pid.size(), 0);
    return std::unique_ptr<FileLock>(std::make_unique<PosixFileLock>(std::move(fd)));
  }

 private:
  Result<void> make_directory(const std::string& directory) {
    if (::mkdir(directory.c_str(), kDirectoryMode) == 0) return {};
    const int error_number = errno;
    struct stat info;
    const bool there = ::stat(directory.c_str(), &info) == 0;
    if (there && S_ISDIR(info.st_mode)) return {};
    return posix_error(there ? ENOTDIR : error_number, "create directory", directory);
  }
};

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem file_system;
  return file_system;
}

}  // namespace kith

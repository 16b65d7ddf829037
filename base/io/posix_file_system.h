// The machine's own file system. Declared in base/io/file_system.h as posix_file_system(); here are the parts
// of it that its siblings share: errno in our words, and descriptors that close themselves.
#pragma once

#include <string_view>
#include <utility>

#include "base/io/file_system.h"

namespace kith {

/// What the errno of `action` on `path` means: e.g. "cannot open '/data/x': No space left on device".
Error posix_error(int error_number, std::string_view action, std::string_view path);

/// An open descriptor, or -1.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace kith

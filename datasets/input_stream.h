// InputStream: a buffered ByteSource with a name and a position, in whose terms every format error is told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "datasets/byte_source.h"

namespace kith {

class InputStream {
 public:
  InputStream(std::string path, std::unique_ptr<ByteSource> source)
      : path_(std::move(path)), source_(std::move(source)) {}

  const std::string& path() const { return path_; }
  /// Of the next byte to be read, in the unpacked file.
  uint64_t offset() const { return offset_; }
  /// Of the unpacked file; none where only reading tells.
  std::optional<uint64_t> size() const { return source_->size(); }
  uint64_t file_bytes() const { return source_->file_bytes(); }
  uint64_t file_bytes_read() const { return source_->file_bytes_read(); }

  Result<bool> at_end();
  /// Fills `out` whole; Corruption saying what was wanted where the file ends before.
  Result<void> read(std::span<std::byte> out, std::string_view what);
  /// Passes over exactly `count` bytes, or as many as there are; returns how many.
  Result<uint64_t> skip(uint64_t count);
  /// What is buffered now, but `wanted` (≤ kBufferBytes) bytes at least unless the end comes first. consume()
  /// takes of it.
  Result<std::span<const std::byte>> peek(size_t wanted = 1);
  void consume(size_t count);

  template <PlainNumber T>
  Result<T> number(std::string_view what) {
    std::byte bytes[sizeof(T)];
    TRY(read(bytes, what));
    return load_le<T>(bytes);
  }

 private:
  static constexpr size_t kBufferBytes = size_t{256} << 10;

  std::string path_;
  std::unique_ptr<ByteSource> source_;
  std::vector<std::byte> buffer_;
  size_t begin_ = 0;  // unread bytes are buffer_[begin_, end_)
  size_t end_ = 0;
  uint64_t offset_ = 0;
};

}  // namespace kith

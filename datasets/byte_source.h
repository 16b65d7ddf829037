// ByteSource: bytes in order, from a file, from memory (fuzzers, tests), from a pipe or from an unpacker over
// another one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"

namespace kith {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills some of `out` (not empty) and returns how much; 0 only at the end.
  virtual Result<size_t> read(std::span<std::byte> out) = 0;
  /// Passes over up to `count` bytes and returns how many there were.
  virtual Result<uint64_t> skip(uint64_t count);
  /// Of everything read() will ever give, where known before reading.
  virtual std::optional<uint64_t> size() const { return std::nullopt; }
  /// The file on disk, packed or not, and how much of it is consumed: for progress bars. 0 where not known.
  virtual uint64_t file_bytes() const = 0;
  virtual uint64_t file_bytes_read() const = 0;
};

Result<std::unique_ptr<ByteSource>> open_file_source(const std::string& path);
/// Over bytes that outlive it.
std::unique_ptr<ByteSource> memory_source(std::span<const std::byte> bytes);

}  // namespace kith

#include "datasets/byte_source.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/io/file_system.h"

namespace kith {
namespace {

class FileSource final : public ByteSource {
 public:
  explicit FileSource(std::unique_ptr<ReadableFile> file) : file_(std::move(file)), size_(file_->size()) {}

  Result<size_t> read(std::span<std::byte> out) override {
    const size_t bytes = std::min<uint64_t>(out.size(), size_ - offset_);
    if (bytes > 0) TRY(file_->read(offset_, out.first(bytes)));
    offset_ += bytes;
    return bytes;
  }
  Result<uint64_t> skip(uint64_t count) override {
    const uint64_t bytes = std::min(count, size_ - offset_);
    offset_ += bytes;
    return bytes;
  }
  std::optional<uint64_t> size() const override { return size_; }
  uint64_t file_bytes() const override { return size_; }
  uint64_t file_bytes_read() const override { return offset_; }

 private:
  std::unique_ptr<ReadableFile> file_;
  uint64_t size_;
  uint64_t offset_ = 0;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}

  Result<size_t> read(std::span<std::byte> out) override {
    const size_t bytes = std::min(out.size(), bytes_.size() - offset_);
    std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(offset_), bytes, out.begin());
    offset_ += bytes;
    return bytes;
  }
  std::optional<uint64_t> size() const override { return bytes_.size(); }
  uint64_t file_bytes() const override { return bytes_.size(); }
  uint64_t file_bytes_read() const override { return offset_; }

 private:
  std::span<const std::byte> bytes_;
  size_t offset_ = 0;
};

}  // namespace

Result<uint64_t> ByteSource::skip(uint64_t count) {
  std::array<std::byte, 16384> waste;
  uint64_t skipped = 0;
  while (skipped < count) {
    const size_t wanted = std::min<uint64_t>(waste.size(), count - skipped);
    const size_t bytes = TRY(read(std::span(waste).first(wanted)));
    if (bytes == 0) break;
    skipped += bytes;
  }
  return skipped;
}

Result<std::unique_ptr<ByteSource>> open_file_source(const std::string& path) {
  return std::unique_ptr<ByteSource>(std::make_unique<FileSource>(TRY(posix_file_system().open(path))));
}

std::unique_ptr<ByteSource> memory_source(std::span<const std::byte> bytes) {
  return std::make_unique<MemorySource>(bytes);
}

}  // namespace kith

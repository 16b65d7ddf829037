#include "storage/kv/rocksdb_log_reader.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace kith {
namespace {

constexpr size_t kBlock = 32u << 10;
constexpr size_t kHeader = 7;

enum Type : uint8_t { kWhole = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct Header {
  uint32_t crc;
  uint16_t length;
  uint8_t type;
};

Header parse_header(const char* at) {
  return {load_le<uint32_t>(at), load_le<uint16_t>(at + 4), load_le<uint8_t>(at + 6)};
}

/// The header of the fragment that begins at `at`, if there is one. The checksum is that of type and payload,
/// rotated and shifted.
std::optional<Header> intact(std::string_view block, size_t at) {
  const Header header = parse_header(block.data() + at);
  if (header.type < kWhole || header.type > kLast || header.length > block.size() - at - kHeader)
    return std::nullopt;
  const std::string_view type_and_payload = block.substr(at + kHeader - 1, 1u + header.length);
  if (header.crc != std::rotr(crc32c(as_bytes(type_and_payload)), 15) + 0xa282ead8u) return std::nullopt;
  return header;
}

/// One reading of a log, block by block.
class Reading {
 public:
  explicit Reading(const LogVisit& visit) : visit_(visit) {}

  void block(std::string_view block) {
    size_t at = 0;
    while (block.size() - at >= kHeader) {
      const std::optional<Header> header = intact(block, at);
      if (header.has_value()) {
        fragment(header->type, block.substr(at + kHeader, header->length), at);
        at += kHeader + header->length;
        continue;
      }
      lose();
      do ++at;  // where the next one begins is unknown
      while (block.size() - at >= kHeader && !intact(block, at).has_value());
    }
    const std::string_view rest = block.substr(at);
    const bool padding = block.size() == kBlock && rest.find_first_not_of('\0') == std::string_view::npos;
    if (!rest.empty() && !padding) lose();
    extent_.bytes += block.size();
  }
  const LogExtent& extent() const { return extent_; }

 private:
  /// What is here is no fragment; a record that it might belong to has no rest.
  void lose() {
    broken_ = true;
    in_record_ = false;
    visited_ = true;
  }

  void fragment(uint8_t type, std::string_view payload, size_t at) {
    extent_.more = extent_.more || broken_;
    const bool begins = type == kWhole || type == kFirst;
    const bool ends = type == kWhole || type == kLast;
    if (begins == in_record_) broken_ = true;
    if (begins) {
      head_.clear();
      visited_ = false;
    }
    head_ += payload.substr(0, kLogHeadMax - head_.size());
    if (!visited_ && (begins || in_record_) && (ends || head_.size() == kLogHeadMax)) {
      visited_ = true;
      if (!visit_(head_)) {
        extent_.astray = extent_.astray || !broken_;
        broken_ = true;
      }
    }
    in_record_ = !ends;
    if (!broken_ && ends) extent_.whole = extent_.bytes + at + kHeader + payload.size();
  }

  const LogVisit& visit_;
  LogExtent extent_;
  bool broken_ = false;
  bool in_record_ = false;
  std::string head_;      // of the record
  bool visited_ = false;  // with it
};

}  // namespace

Result<LogExtent> read_log(rocksdb::FileSystem& fs, const std::string& path, const LogVisit& visit) {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  rocksdb::IOStatus status = fs.NewSequentialFile(path, rocksdb::FileOptions(), &file, nullptr);
  if (!status.ok()) return unavailable("cannot open '{}': {}", path, status.ToString());
  Reading reading(visit);
  std::vector<char> buffer(32 * kBlock);
  while (true) {
    rocksdb::Slice got;
    status = file->Read(buffer.size(), rocksdb::IOOptions(), &got, buffer.data(), nullptr);
    if (!status.ok()) return unavailable("cannot read '{}': {}", path, status.ToString());
    const std::string_view chunk(got.data(), got.size());
    for (size_t at = 0; at < chunk.size(); at += kBlock) reading.block(chunk.substr(at, kBlock));
    if (chunk.size() < buffer.size()) return reading.extent();
  }
}

void LogBoundary::add(std::string_view data) {
  while (!data.empty()) {
    const size_t block_left = kBlock - offset_ % kBlock;
    if (skip_ == 0 && header_bytes_ == 0 && block_left < kHeader) {
      skip_ = block_left;
      ends_record_ = false;
    }
    const bool header = skip_ == 0;
    const size_t count = std::min(header ? kHeader - header_bytes_ : skip_, data.size());
    offset_ += count;
    if (header) {
      std::copy_n(data.data(), count, header_ + header_bytes_);
      header_bytes_ += count;
      if (header_bytes_ == kHeader) {
        const Header parsed = parse_header(header_);
        skip_ = parsed.length;
        ends_record_ = parsed.type == kWhole || parsed.type == kLast;
        header_bytes_ = 0;
      }
    } else {
      skip_ -= count;
    }
    if (skip_ == 0 && header_bytes_ == 0 && ends_record_) whole_ = offset_;
    data.remove_prefix(count);
  }
}

}  // namespace kith

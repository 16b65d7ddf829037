// Little-endian bytes in and out: every number in a Kith file or record goes through these.
// ByteReader never reads beyond its span, so a truncated or lying record is a Corruption, not a crash. Text
// and byte runs are u32 length then bytes; the length is checked against what is left before anything is
// copied.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"

namespace kith {

static_assert(std::endian::native == std::endian::little,
              "load_le and store_le need a byte swap on this machine");

template <typename T>
concept PlainNumber = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/// The number at `from`, which need not be aligned.
template <PlainNumber T>
T load_le(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <PlainNumber T>
void store_le(void* to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Appends to a vector it owns.
class ByteWriter {
 public:
  template <PlainNumber T>
  void number(T value) {
    const size_t at = bytes_.size();
    bytes_.resize(at + sizeof(T));
    store_le(bytes_.data() + at, value);
  }

  /// The bytes alone, without a length.
  void raw(std::span<const std::byte> data) { bytes_.insert(bytes_.end(), data.begin(), data.end()); }

  /// u32 length, then the bytes.
  void sized(std::span<const std::byte> data) {
    CHECK(data.size() <= UINT32_MAX);
    number(static_cast<uint32_t>(data.size()));
    raw(data);
  }
  void text(std::string_view value) { sized(as_bytes(value)); }

  /// Overwrites a number written before (a length or checksum known only at the end).
  template <PlainNumber T>
  void patch(size_t offset, T value) {
    CHECK(offset <= bytes_.size() && sizeof(T) <= bytes_.size() - offset);
    store_le(bytes_.data() + offset, value);
  }

  size_t size() const { return bytes_.size(); }
  std::span<const std::byte> view() const { return bytes_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads from a span it does not own; the spans and views it returns point into that span.
class ByteReader {
 public:
  /// `what` names the record or file in errors; must outlive the reader.
  explicit ByteReader(std::span<const std::byte> bytes, std::string_view what = "record")
      : bytes_(bytes), what_(what) {}

  template <PlainNumber T>
  Result<T> number() {
    if (left() < sizeof(T)) return truncated(sizeof(T));
    T value = load_le<T>(bytes_.data() + offset_);
    offset_ += sizeof(T);
    return value;
  }

  Result<std::span<const std::byte>> raw(uint64_t count) {
    if (left() < count) return truncated(count);
    auto data = bytes_.subspan(offset_, count);
    offset_ += count;
    return data;
  }

  Result<std::span<const std::byte>> sized() {
    const uint32_t length = TRY(number<uint32_t>());
    return raw(length);
  }
  Result<std::string_view> text() { return as_text(TRY(sized())); }

  size_t offset() const { return offset_; }
  size_t left() const { return bytes_.size() - offset_; }
  std::span<const std::byte> rest() const { return bytes_.subspan(offset_); }

  /// Corruption when bytes are left over.
  Result<void> finish() const {
    if (left() == 0) return {};
    return corruption("{}: {} unexpected bytes at offset {} after the end", what_, left(), offset_);
  }

 private:
  Error truncated(uint64_t wanted) const {
    return corruption("{}: {} bytes wanted at offset {}, but only {} of {} are left", what_, wanted, offset_,
                      left(), bytes_.size());
  }

  std::span<const std::byte> bytes_;
  std::string_view what_;
  size_t offset_ = 0;
};

}  // namespace kith

// Id keys: a user's id as bytes whose order is the order of ids: numbers, then UUIDs, then text.
//
//   0x01  u64 big-endian      9 bytes
//   0x02  UUID, RFC 4122     17 bytes
//   0x03  UTF-8 text          2..1,025 bytes
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kith {

enum class IdKind : uint8_t { kNumber = 1, kUuid = 2, kText = 3 };
inline constexpr size_t kUuidBytes = 16;
inline constexpr size_t kIdTextBytesMax = 1024;

std::string number_id_key(uint64_t number);
std::string uuid_id_key(std::span<const uint8_t, kUuidBytes> uuid);
/// `text` has 1..kIdTextBytesMax bytes of UTF-8: the caller has checked.
std::string text_id_key(std::string_view text);

/// An id key taken apart; `body` points into the key.
struct IdKeyParts {
  IdKind kind;
  uint64_t number;        // kNumber
  std::string_view body;  // the bytes after the kind
};

/// Corruption when the bytes are no id key. Whether text is UTF-8 was checked when it came in.
Result<IdKeyParts> parse_id_key(std::string_view key);

}  // namespace kith

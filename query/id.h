// Id: what a user calls a point. PUBLIC: part of libkith.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace kith {

/// 16 bytes in RFC 4122 order.
struct Uuid {
  std::array<uint8_t, 16> bytes{};
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

/// The user's own id: u64, UUID or a UTF-8 string of 1..kIdBytesMax bytes. Different kinds never compare
/// equal: 7 and "7" are two ids. A string in canonical UUID form stays a string.
using Id = std::variant<uint64_t, Uuid, std::string>;

/// From xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx in any case; nothing when `text` has another form.
std::optional<Uuid> parse_uuid(std::string_view text);

/// As shown to people: 7, 6ba7b810-9dad-11d1-80b4-00c04fd430c8, "sku-7".
std::string to_string(const Id& id);

}  // namespace kith

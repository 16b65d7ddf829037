// OrderPlace: where a point stands in an ordered scroll, and cursors, which are such places as text.
//
// A cursor is what stands below in hex. It is checked like any bytes from outside, and is no secret: who
// makes one up asks for a page from there on.
//
//   u8 version, u8 descending, u32 crc32c of the path's text, u8 kind (0 no value, 1 bool, 2 i64, 3 u64,
//   4 double, 5 moment, 6 string), the value (u8; 8 bytes; text), text id key, u32 crc32c of all before
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "query/schema/json_tree.h"
#include "query/types.h"

namespace kith {

/// Kinds in their order. Strings are cut to kOrderBytes.
using OrderValue = std::variant<bool, FilterNumber, Moment, std::string>;
inline constexpr size_t kOrderBytes = 256;

std::weak_ordering compare_values(const OrderValue& a, const OrderValue& b);

/// By which a payload is ordered; none where it has no value at the path.
std::optional<OrderValue> order_value(const JsonValue& payload, const OrderBy& order);

struct OrderPlace {
  std::optional<OrderValue> value;
  std::string id_key;
};

struct InOrder {
  bool descending;
  bool operator()(const OrderPlace& a, const OrderPlace& b) const;
};

std::string cursor_of(const OrderBy& order, const OrderPlace& place);
/// InvalidArgument unless it was made for this order.
Result<OrderPlace> parse_cursor(const OrderBy& order, std::string_view cursor);

}  // namespace kith

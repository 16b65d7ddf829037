#include "query/collection/order_value.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "query/filter/filter_text.h"
#include "query/filter/moment.h"
#include "query/filter/number.h"
#include "query/filter/path_values.h"
#include "query/schema/id_codec.h"
#include "query/schema/limits.h"

namespace kith {
namespace {

constexpr uint8_t kVersion = 1;
enum class CursorKind : uint8_t { kNone, kBool, kInt64, kUint64, kDouble, kMoment, kString };

std::optional<OrderValue> value_of(const JsonValue& value) {
  if (value.is_bool()) return value.boolean();
  if (value.is_number()) return value.number();
  if (!value.is_string()) return std::nullopt;
  if (const auto moment = parse_moment(value.string())) return *moment;
  return std::string(value.string().substr(0, kOrderBytes));
}

uint32_t path_mark(const OrderBy& order) {
  return crc32c(as_bytes(to_text(order.path)));
}

void write_number(ByteWriter& out, const FilterNumber& number) {
  if (const auto* integer = std::get_if<int64_t>(&number)) {
    out.number(CursorKind::kInt64);
    out.number(*integer);
  } else if (const auto* large = std::get_if<uint64_t>(&number)) {
    out.number(CursorKind::kUint64);
    out.number(*large);
  } else {
    out.number(CursorKind::kDouble);
    out.number(std::get<double>(number));
  }
}

void write_value(ByteWriter& out, const std::optional<OrderValue>& value) {
  if (!value.has_value()) return out.number(CursorKind::kNone);
  if (const auto* number = std::get_if<FilterNumber>(&*value)) return write_number(out, *number);
  if (const auto* flag = std::get_if<bool>(&*value)) {
    out.number(CursorKind::kBool);
    out.number(static_cast<uint8_t>(*flag));
  } else if (const auto* moment = std::get_if<Moment>(&*value)) {
    out.number(CursorKind::kMoment);
    out.number(moment->ns);
  } else {
    out.number(CursorKind::kString);
    out.text(std::get<std::string>(*value));
  }
}

Result<std::optional<OrderValue>> read_value(ByteReader& in) {
  using Value = std::optional<OrderValue>;
  switch (TRY(in.number<CursorKind>())) {
    case CursorKind::kNone:
      return Value();
    case CursorKind::kBool:
      return Value(TRY(in.number<uint8_t>()) != 0);
    case CursorKind::kInt64:
      return Value(FilterNumber(TRY(in.number<int64_t>())));
    case CursorKind::kUint64:
      return Value(FilterNumber(TRY(in.number<uint64_t>())));
    case CursorKind::kDouble: {
      const FilterNumber number = TRY(in.number<double>());
      if (!is_finite(number)) break;
      return Value(number);
    }
    case CursorKind::kMoment:
      return Value(Moment{TRY(in.number<int64_t>())});
    case CursorKind::kString: {
      const std::string_view text = TRY(in.text());
      if (text.size() > kOrderBytes) break;
      return Value(std::string(text));
    }
  }
  return corruption("no value");
}

std::string to_hex(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const std::byte byte : bytes) {
    hex.push_back(kDigits[std::to_integer<size_t>(byte >> 4)]);
    hex.push_back(kDigits[std::to_integer<size_t>(byte & std::byte{15})]);
  }
  return hex;
}

std::vector<std::byte> of_hex(std::string_view hex) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::vector<std::byte> bytes;
  if (hex.size() % 2 != 0) return bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return {};
    bytes.push_back(static_cast<std::byte>(high << 4 | low));
  }
  return bytes;
}

Result<OrderPlace> read_place(const OrderBy& order, std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(uint32_t)) return corruption("too short");
  const auto body = bytes.first(bytes.size() - sizeof(uint32_t));
  if (load_le<uint32_t>(bytes.data() + body.size()) != crc32c(body)) return corruption("changed");
  ByteReader in(body, "cursor");
  if (TRY(in.number<uint8_t>()) != kVersion) return corruption("of another version");
  if (TRY(in.number<uint8_t>()) != static_cast<uint8_t>(order.descending)) return corruption("the other way");
  if (TRY(in.number<uint32_t>()) != path_mark(order)) return corruption("of another path");
  OrderPlace place;
  place.value = TRY(read_value(in));
  place.id_key = TRY(in.text());
  TRY(in.finish());
  TRY(id_of_key(place.id_key));
  return place;
}

}  // namespace

std::weak_ordering compare_values(const OrderValue& a, const OrderValue& b) {
  if (a.index() != b.index()) return a.index() <=> b.index();
  if (const auto* flag = std::get_if<bool>(&a)) return *flag <=> std::get<bool>(b);
  if (const auto* number = std::get_if<FilterNumber>(&a))
    return compare_numbers(*number, std::get<FilterNumber>(b));
  if (const auto* moment = std::get_if<Moment>(&a)) return *moment <=> std::get<Moment>(b);
  return std::get<std::string>(a) <=> std::get<std::string>(b);
}

std::optional<OrderValue> order_value(const JsonValue& payload, const OrderBy& order) {
  std::optional<OrderValue> first;
  visit_values(payload, order.path, [&](const JsonValue& met) {
    std::optional<OrderValue> value = value_of(met);
    if (!value.has_value()) return false;
    const bool before = !first.has_value() || (order.descending ? compare_values(*value, *first) > 0
                                                                : compare_values(*value, *first) < 0);
    if (before) first = std::move(value);
    return false;
  });
  return first;
}

bool InOrder::operator()(const OrderPlace& a, const OrderPlace& b) const {
  if (a.value.has_value() != b.value.has_value()) return a.value.has_value();
  if (a.value.has_value()) {
    const std::weak_ordering order = compare_values(*a.value, *b.value);
    if (order != 0) return (order < 0) != descending;
  }
  return a.id_key < b.id_key;
}

std::string cursor_of(const OrderBy& order, const OrderPlace& place) {
  ByteWriter out;
  out.number(kVersion);
  out.number(static_cast<uint8_t>(order.descending));
  out.number(path_mark(order));
  write_value(out, place.value);
  out.text(place.id_key);
  out.number(crc32c(out.view()));
  return to_hex(out.view());
}

Result<OrderPlace> parse_cursor(const OrderBy& order, std::string_view cursor) {
  TRY(limits::kCursorBytes.check("cursor (bytes)", cursor.size()));
  auto place = read_place(order, of_hex(cursor));
  if (place.ok()) return place;
  return invalid_argument(
      "cursor: it is not as a page of this order gave it ({}); send it back as it came, with the same path "
      "and "
      "direction, or begin without one",
      place.error().message);
}

}  // namespace kith

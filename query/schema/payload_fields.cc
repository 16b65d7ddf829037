#include "query/schema/payload_fields.h"

#include <set>

#include "query/filter/filter_text.h"
#include "query/filter/geo.h"
#include "query/filter/moment.h"
#include "query/filter/number.h"
#include "query/filter/path_values.h"
#include "query/schema/limits.h"
#include "query/schema/text.h"
#include "query/schema/validate.h"

namespace kith {
namespace {

constexpr std::string_view kNames[kPayloadTypes] = {"keyword",  "integer", "float", "boolean",
                                                    "datetime", "geo",     "text"};

bool is_of(const JsonValue& value, PayloadType type) {
  switch (type) {
    case PayloadType::kKeyword:
    case PayloadType::kText:
      return value.is_string();
    case PayloadType::kInteger:
      return value.is_number() && !std::holds_alternative<double>(normal_number(value.number()));
    case PayloadType::kFloat:
      return value.is_number();
    case PayloadType::kBoolean:
      return value.is_bool();
    case PayloadType::kDatetime:
      return value.is_string() && parse_moment(value.string()).has_value();
    case PayloadType::kGeo:
      return place_of(value).has_value();
  }
  return false;
}

std::string_view wanted(PayloadType type) {
  constexpr std::string_view kWanted[kPayloadTypes] = {
      "a string",      "a whole number of 64 bits",          "a number",
      "true or false", "a string like 2026-11-22T05:52:19Z", "a place like {\"lat\": 47.4, \"lon\": 8.5}",
      "a string"};
  return kWanted[static_cast<size_t>(type)];
}

std::string shown(const JsonValue& value) {
  if (value.is_bool()) return value.boolean() ? "true" : "false";
  if (value.is_number()) return to_text(value.number());
  if (value.is_string()) return fmt::format("'{}'", excerpt(value.string()));
  return "an object";
}

Result<void> check_field(const PayloadField& field, const JsonValue& payload) {
  bool any = false;
  std::string wrong;
  visit_values(payload, field.path, [&](const JsonValue& value) {
    if (value.is_null()) return false;
    any = true;
    if (is_of(value, field.type)) return false;
    wrong = shown(value);
    return true;
  });
  const auto name = [&] { return excerpt(to_text(field.path)); };
  if (!wrong.empty())
    return invalid_argument("payload: {} is {}, but the collection declares it as {}: {}", name(), wrong,
                            payload_type_name(field.type), wanted(field.type));
  if (field.required && !any)
    return invalid_argument("payload: {} is missing, but the collection requires it: {}", name(),
                            wanted(field.type));
  return {};
}

}  // namespace

std::string_view payload_type_name(PayloadType type) {
  return kNames[static_cast<size_t>(type)];
}

Result<PayloadType> parse_payload_type(std::string_view name) {
  for (size_t i = 0; i < kPayloadTypes; ++i)
    if (kNames[i] == name) return static_cast<PayloadType>(i);
  return invalid_argument(
      "'{}' is no type of a payload field: say keyword, integer, float, boolean, datetime, "
      "geo or text",
      excerpt(name));
}

Result<void> validate_payload_fields(const Schema& schema) {
  TRY(limits::kPayloadFields.check("payload (fields)", schema.payload.size()));
  std::set<FilterPath> paths;
  for (size_t i = 0; i < schema.payload.size(); ++i) {
    const PayloadField& field = schema.payload[i];
    TRY(validate_path(fmt::format("payload[{}].path", i), field.path));
    size_t bytes = 0;
    for (const std::string& name : field.path.names) bytes += name.size();
    TRY(limits::kPayloadPathBytes.check(fmt::format("payload[{}].path (bytes)", i), bytes));
    if (static_cast<size_t>(field.type) >= kPayloadTypes)
      return invalid_argument("payload[{}].type: {} is no type", i, static_cast<int>(field.type));
    if (!paths.insert(field.path).second)
      return invalid_argument("payload[{}].path: {} is declared already; declare each path once", i,
                              excerpt(to_text(field.path)));
  }
  return {};
}

Result<void> check_payload_fields(const Schema& schema, const JsonValue& payload) {
  for (const PayloadField& field : schema.payload) TRY(check_field(field, payload));
  return {};
}

}  // namespace kith

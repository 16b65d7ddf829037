// Scalars of filters against values of payloads: one order over bools, numbers and strings.
#pragma once

#include <compare>
#include <optional>
#include <string_view>

#include "query/filter/number.h"
#include "query/schema/json_tree.h"

namespace kith {

/// A scalar that does not own its string.
using ScalarView = std::variant<bool, FilterNumber, std::string_view>;

inline ScalarView scalar_view(const FilterScalar& scalar) {
  return std::visit([](const auto& value) -> ScalarView { return value; }, scalar);
}

/// Nothing for null, arrays and objects.
inline std::optional<ScalarView> scalar_of(const JsonValue& value) {
  if (value.is_string()) return value.string();
  if (value.is_number()) return value.number();
  if (value.is_bool()) return value.boolean();
  return std::nullopt;
}

/// false, true, numbers by value, strings by their bytes.
inline std::weak_ordering compare_scalars(const ScalarView& a, const ScalarView& b) {
  if (a.index() != b.index()) return a.index() <=> b.index();
  if (const auto* flag = std::get_if<bool>(&a)) return *flag <=> std::get<bool>(b);
  if (const auto* number = std::get_if<FilterNumber>(&a))
    return compare_numbers(*number, std::get<FilterNumber>(b));
  return std::get<std::string_view>(a) <=> std::get<std::string_view>(b);
}

}  // namespace kith

#include "query/filter/filter_json.h"

#include <algorithm>
#include <array>

#include "query/filter/check_filter.h"
#include "query/filter/moment.h"
#include "query/filter/number.h"
#include "query/schema/json_tree.h"
#include "query/schema/limits.h"
#include "query/schema/text.h"

namespace kith {
namespace {

// Errors are ": what is wrong" where they arise, and gain the way from the top as they are handed up.
Error inside(std::string_view name, Error error) {
  const bool joined = error.message.starts_with(':') || error.message.starts_with('[');
  error.message = fmt::format("{}{}{}", excerpt(name), joined ? "" : ".", error.message);
  return error;
}
Error inside(size_t index, Error error) {
  error.message = fmt::format("[{}]{}{}", index, error.message.starts_with(':') ? "" : ".", error.message);
  return error;
}

std::string_view kind_name(const JsonValue& value) {
  constexpr std::string_view kNames[] = {"null",   "a truth value", "a number",
                                         "a text", "a list",        "an object"};
  return kNames[static_cast<size_t>(value.kind())];
}
Error not_what(std::string_view expected, const JsonValue& found) {
  return invalid_argument(": expected {}, found {}", expected, kind_name(found));
}

using Read = Result<Filter> (*)(FilterPath path, const JsonValue& value, uint64_t depth);
struct Operator {
  std::string_view name;
  bool has_path;
  Read read;
};
const Operator* find_operator(std::string_view name);
std::string operator_names();

template <typename T, typename F>
Result<std::vector<T>> read_list(const JsonValue& value, F read) {
  if (!value.is_array()) return not_what("a list", value);
  std::vector<T> out;
  for (const JsonValue element : value) {
    Result<T> one = read(element);
    if (!one) return inside(out.size(), one.error());
    out.push_back(std::move(*one));
  }
  return out;
}

Result<FilterPath> read_path(const JsonValue& value) {
  FilterPath path;
  if (value.is_array()) {
    path.names = TRY(read_list<std::string>(value, [](const JsonValue& name) -> Result<std::string> {
      if (!name.is_string()) return not_what("a name", name);
      return std::string(name.string());
    }));
    return path;
  }
  if (!value.is_string()) return not_what("names joined by points, or a list of names", value);
  std::string_view left = value.string();
  for (size_t point = left.find('.'); point != std::string_view::npos; point = left.find('.')) {
    path.names.emplace_back(left.substr(0, point));
    left.remove_prefix(point + 1);
  }
  path.names.emplace_back(left);
  return path;
}

Result<Filter> read_filter(const JsonValue& value, uint64_t depth) {
  if (depth > limits::kFilterDepth.max)
    return invalid_argument(": lies more than {} levels deep (limit '{}')", limits::kFilterDepth.max,
                            limits::kFilterDepth.name);
  if (!value.is_object()) return not_what("an object", value);
  FilterPath path;
  const Operator* found = nullptr;
  for (const JsonValue member : value) {
    if (member.name() == "path") {
      auto read = read_path(member);
      if (!read) return inside("path", read.error());
      path = std::move(*read);
      continue;
    }
    const Operator* named = find_operator(member.name());
    if (named == nullptr)
      return invalid_argument(": unknown member '{}'; a filter has one of {}", excerpt(member.name()),
                              operator_names());
    if (found != nullptr)
      return invalid_argument(": has '{}' and '{}'; give one, and join two by 'all' or 'any'", found->name,
                              named->name);
    found = named;
  }
  if (found == nullptr) return invalid_argument(": says nothing; a filter has one of {}", operator_names());
  if (found->has_path && path.names.empty()) return invalid_argument(": '{}' needs a 'path'", found->name);
  if (!found->has_path && !path.names.empty()) return invalid_argument(": '{}' has no 'path'", found->name);
  std::optional<Result<Filter>> read;
  value.with_member(found->name,
                    [&](const JsonValue& member) { read = found->read(std::move(path), member, depth); });
  if (!read->ok()) return inside(found->name, read->error());
  return std::move(*read);
}

Result<std::vector<Filter>> read_filters(const JsonValue& value, uint64_t depth) {
  return read_list<Filter>(value, [&](const JsonValue& one) { return read_filter(one, depth + 1); });
}

Result<FilterNumber> read_number(const JsonValue& value) {
  if (!value.is_number()) return not_what("a number", value);
  return value.number();
}
Result<std::string> read_text(const JsonValue& value) {
  if (!value.is_string()) return not_what("a text", value);
  return std::string(value.string());
}
Result<FilterScalar> read_scalar(const JsonValue& value) {
  if (value.is_number()) return FilterScalar(value.number());
  if (value.is_bool()) return FilterScalar(value.boolean());
  if (value.is_string()) return FilterScalar(std::string(value.string()));
  return not_what("a number, a text, true or false", value);
}
Result<std::vector<FilterScalar>> read_scalars(const JsonValue& value) {
  return read_list<FilterScalar>(value, read_scalar);
}

// All of these members, numbers, and no others.
template <size_t N>
Result<std::array<FilterNumber, N>> read_numbers(const JsonValue& value,
                                                 const std::array<std::string_view, N>& names) {
  if (!value.is_object()) return not_what("an object", value);
  std::array<FilterNumber, N> out;
  std::array<bool, N> seen{};
  for (const JsonValue member : value) {
    const size_t at = static_cast<size_t>(std::ranges::find(names, member.name()) - names.begin());
    if (at == N)
      return invalid_argument(": unknown member '{}'; known are {}", excerpt(member.name()),
                              fmt::join(names, ", "));
    auto number = read_number(member);
    if (!number) return inside(names[at], number.error());
    out[at] = *number;
    seen[at] = true;
  }
  for (size_t i = 0; i < N; ++i)
    if (!seen[i]) return invalid_argument(": has no '{}'", names[i]);
  return out;
}

Result<Id> read_id(const JsonValue& value) {
  if (value.is_string()) return Id(std::string(value.string()));
  if (value.is_number()) {
    const FilterNumber number = value.number();
    if (const auto* whole = std::get_if<int64_t>(&number); whole != nullptr && *whole >= 0)
      return Id(static_cast<uint64_t>(*whole));
    if (const auto* large = std::get_if<uint64_t>(&number)) return Id(*large);
    return invalid_argument(": {} is no id; numbers of ids are whole, from 0 on", to_text(number));
  }
  std::optional<Uuid> uuid;
  bool alone = false;
  value.with_member("uuid", [&](const JsonValue& text) {
    if (text.is_string()) uuid = parse_uuid(text.string());
    alone = ++value.begin() == value.end();
  });
  if (uuid && alone) return Id(*uuid);
  return invalid_argument(
      ": expected an id: a number, a text or {{\"uuid\": \"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx\"}}");
}

Result<GeoPoint> read_corner(const JsonValue& value) {
  const auto pair = TRY(read_list<FilterNumber>(value, read_number));
  if (pair.size() != 2) return invalid_argument(": expected [lat, lon], found {} numbers", pair.size());
  return GeoPoint{to_double(pair[0]), to_double(pair[1])};
}

// {"gt" or "gte": low, "lt" or "lte": high}
template <typename Range, typename Value, typename ReadValue>
Result<Filter> read_bounds(FilterPath path, const JsonValue& value, ReadValue read_value) {
  Range node{std::move(path), {}, {}};
  for (const JsonValue member : value) {
    const bool low = member.name().starts_with('g');
    auto& bound = low ? node.low : node.high;
    if (bound) return invalid_argument(": has '{0}' and '{0}e'; give one", low ? "gt" : "lt");
    Result<Value> read = read_value(member);
    if (!read) return inside(member.name(), read.error());
    bound = FilterBound<Value>{*read, member.name().ends_with('e')};
  }
  return Filter{std::move(node)};
}

Result<Moment> read_moment(const JsonValue& value) {
  if (!value.is_string()) return not_what("a moment, as the other bound", value);
  if (const auto moment = parse_moment(value.string())) return *moment;
  return invalid_argument(
      ": '{}' is no moment; write '2026-01-31' or '2026-01-31T12:00:00Z', from 1678 to 2261",
      excerpt(value.string()));
}

Result<Filter> read_range(FilterPath path, const JsonValue& value, uint64_t) {
  if (!value.is_object()) return not_what("an object", value);
  bool moments = false;
  for (const JsonValue member : value) {
    constexpr std::string_view kNames[] = {"gt", "gte", "lt", "lte"};
    if (std::ranges::find(kNames, member.name()) == std::end(kNames))
      return invalid_argument(": unknown member '{}'; known are gt, gte, lt, lte", excerpt(member.name()));
    moments = moments || member.is_string();
  }
  if (moments) return read_bounds<MomentRange, Moment>(std::move(path), value, read_moment);
  return read_bounds<NumberRange, FilterNumber>(std::move(path), value, read_number);
}

Result<Filter> read_at_least(FilterPath, const JsonValue& value, uint64_t depth) {
  if (!value.is_object()) return not_what("an object", value);
  AtLeast node;
  bool has_min = false;
  bool has_of = false;
  for (const JsonValue member : value) {
    if (member.name() == "min") {
      const FilterNumber number = member.is_number() ? member.number() : FilterNumber(-1.0);
      const auto* whole = std::get_if<int64_t>(&number);
      if (whole == nullptr || *whole < 0 || *whole > int64_t{limits::kFilterNodes.max})
        return invalid_argument("min: expected a whole number within 0..{}", limits::kFilterNodes.max);
      node.min = static_cast<uint32_t>(*whole);
      has_min = true;
    } else if (member.name() == "of") {
      auto of = read_filters(member, depth);
      if (!of) return inside("of", of.error());
      node.of = std::move(*of);
      has_of = true;
    } else {
      return invalid_argument(": unknown member '{}'; known are min, of", excerpt(member.name()));
    }
  }
  if (!has_min || !has_of) return invalid_argument(": has no '{}'", has_min ? "of" : "min");
  return Filter{std::move(node)};
}

template <typename Node>
Result<Filter> read_group(FilterPath, const JsonValue& value, uint64_t depth) {
  return Filter{Node{TRY(read_filters(value, depth))}};
}
// {"exists": true}: there is nothing else to say.
template <typename Node>
Result<Filter> read_true(FilterPath path, const JsonValue& value, uint64_t) {
  if (value.is_bool() && value.boolean()) return Filter{Node{std::move(path)}};
  return invalid_argument(": expected true; for the opposite write {{\"not\": ...}}");
}
template <typename Node>
Result<Filter> read_with_text(FilterPath path, const JsonValue& value, uint64_t) {
  std::string text = TRY(read_text(value));
  return Filter{Node{std::move(path), std::move(text)}};
}
template <typename Node>
Result<Filter> read_with_scalars(FilterPath path, const JsonValue& value, uint64_t) {
  std::vector<FilterScalar> values = TRY(read_scalars(value));
  return Filter{Node{std::move(path), std::move(values)}};
}
Result<Filter> read_equals(FilterPath path, const JsonValue& value, uint64_t) {
  FilterScalar scalar = TRY(read_scalar(value));
  return Filter{OneOf{std::move(path), {std::move(scalar)}}};
}
Result<Filter> read_not(FilterPath, const JsonValue& value, uint64_t depth) {
  return Filter{NotOf{{TRY(read_filter(value, depth + 1))}}};
}
Result<Filter> read_nested(FilterPath path, const JsonValue& value, uint64_t depth) {
  Filter inner = TRY(read_filter(value, depth + 1));
  return Filter{Nested{std::move(path), {std::move(inner)}}};
}
Result<Filter> read_near(FilterPath path, const JsonValue& value, uint64_t) {
  const auto numbers = TRY(read_numbers<3>(value, {"lat", "lon", "metres"}));
  return Filter{
      GeoRadius{std::move(path), {to_double(numbers[0]), to_double(numbers[1])}, to_double(numbers[2])}};
}
Result<Filter> read_box(FilterPath path, const JsonValue& value, uint64_t) {
  const auto numbers = TRY(read_numbers<4>(value, {"south", "west", "north", "east"}));
  return Filter{GeoBox{std::move(path),
                       {to_double(numbers[0]), to_double(numbers[1])},
                       {to_double(numbers[2]), to_double(numbers[3])}}};
}
Result<Filter> read_polygon(FilterPath path, const JsonValue& value, uint64_t) {
  std::vector<GeoPoint> ring = TRY(read_list<GeoPoint>(value, read_corner));
  return Filter{GeoPolygon{std::move(path), std::move(ring)}};
}
Result<Filter> read_ids(FilterPath, const JsonValue& value, uint64_t) {
  return Filter{HasId{TRY(read_list<Id>(value, read_id))}};
}

constexpr Operator kOperators[] = {
    {"all", false, read_group<AllOf>},
    {"any", false, read_group<AnyOf>},
    {"at_least", false, read_at_least},
    {"not", false, read_not},
    {"ids", false, read_ids},
    {"equals", true, read_equals},
    {"in", true, read_with_scalars<OneOf>},
    {"contains_all", true, read_with_scalars<ContainsAll>},
    {"range", true, read_range},
    {"exists", true, read_true<Exists>},
    {"null", true, read_true<IsNull>},
    {"empty", true, read_true<IsEmpty>},
    {"prefix", true, read_with_text<Prefix>},
    {"match", true, read_with_text<MatchWords>},
    {"near", true, read_near},
    {"box", true, read_box},
    {"polygon", true, read_polygon},
    {"nested", true, read_nested},
};

const Operator* find_operator(std::string_view name) {
  const auto* found = std::ranges::find(kOperators, name, &Operator::name);
  return found == std::end(kOperators) ? nullptr : found;
}

std::string operator_names() {
  std::string names;
  for (const Operator& one : kOperators) names += fmt::format("{}{}", names.empty() ? "" : ", ", one.name);
  return names;
}

}  // namespace

Result<Filter> parse_filter_json(std::string_view text) {
  TRY(limits::kFilterBytes.check("filter bytes", text.size()));
  auto tree = JsonTree::parse(text);
  if (!tree) return Error{tree.error().code, fmt::format("filter: {}", tree.error().message)};
  auto filter = read_filter(tree->root(), 1);
  if (!filter) {
    Error error = filter.error();
    error.message = (error.message.starts_with(':') ? "filter" : "filter: ") + error.message;
    return error;
  }
  TRY(check_filter(*filter));
  return filter;
}

}  // namespace kith

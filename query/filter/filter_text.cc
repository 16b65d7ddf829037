#include "query/filter/filter_text.h"

#include "query/filter/check_filter.h"
#include "query/filter/filter_parser.h"
#include "query/filter/moment.h"
#include "query/filter/number.h"
#include "query/schema/limits.h"
#include "query/schema/text.h"

namespace kith {
namespace {

// Written twice where it stands within.
std::string in_quotes(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) out.append(c == quote ? 2 : 1, c);
  return out + quote;
}

std::string shown(double number) {
  return to_text(FilterNumber(number));
}
std::string shown(const FilterNumber& number) {
  return to_text(number);
}
std::string shown(Moment moment) {
  return "DATE '" + to_text(moment) + "'";
}
std::string shown(const GeoPoint& place) {
  return fmt::format("({}, {})", shown(place.lat), shown(place.lon));
}
std::string shown(const FilterScalar& scalar) {
  if (const auto* flag = std::get_if<bool>(&scalar)) return *flag ? "TRUE" : "FALSE";
  if (const auto* number = std::get_if<FilterNumber>(&scalar)) return to_text(*number);
  return in_quotes(std::get<std::string>(scalar), '\'');
}
std::string shown(const Id& id) {
  if (const auto* text = std::get_if<std::string>(&id)) return in_quotes(*text, '\'');
  if (std::holds_alternative<Uuid>(id)) return "UUID '" + to_string(id) + "'";
  return to_string(id);
}

template <typename T>
std::string list(const std::vector<T>& values) {
  std::string out;
  for (const T& value : values) out += (out.empty() ? "" : ", ") + shown(value);
  return "(" + out + ")";
}

// `within`: AND, OR or NOT stands beside it, so that two or more conditions need parentheses.
std::string text_of(const Filter& filter, bool within);

std::string joined(const std::vector<Filter>& of, std::string_view by, bool within) {
  std::string out;
  for (size_t i = 0; i < of.size(); ++i) {
    if (i > 0) out += by;
    out += text_of(of[i], within);
  }
  return out;
}

// One overload a node.
struct TextOf {
  bool within;

  std::string operator()(const AllOf& node) const {
    if (node.of.empty()) return "TRUE";
    if (node.of.size() == 1) return text_of(node.of.front(), within);
    return grouped(joined(node.of, " AND ", true));
  }
  std::string operator()(const AnyOf& node) const {
    if (node.of.empty()) return "FALSE";
    if (node.of.size() == 1) return text_of(node.of.front(), within);
    return grouped(joined(node.of, " OR ", true));
  }
  std::string operator()(const AtLeast& node) const {
    return fmt::format("AT LEAST {} OF ({})", node.min, joined(node.of, ", ", false));
  }
  std::string operator()(const NotOf& node) const { return "NOT " + text_of(node.of.front(), true); }
  std::string operator()(const OneOf& node) const {
    const std::string path = to_text(node.path);
    return node.values.size() == 1 ? path + " = " + shown(node.values.front())
                                   : path + " IN " + list(node.values);
  }
  std::string operator()(const ContainsAll& node) const {
    return to_text(node.path) + " CONTAINS ALL " + list(node.values);
  }
  std::string operator()(const NumberRange& node) const { return range(node); }
  std::string operator()(const MomentRange& node) const { return range(node); }
  std::string operator()(const Exists& node) const { return "EXISTS " + to_text(node.path); }
  std::string operator()(const IsNull& node) const { return to_text(node.path) + " IS NULL"; }
  std::string operator()(const IsEmpty& node) const { return to_text(node.path) + " IS EMPTY"; }
  std::string operator()(const Prefix& node) const {
    return to_text(node.path) + " STARTS WITH " + in_quotes(node.text, '\'');
  }
  std::string operator()(const MatchWords& node) const {
    return to_text(node.path) + " MATCH " + in_quotes(node.text, '\'');
  }
  std::string operator()(const GeoRadius& node) const {
    return fmt::format("{} WITHIN {} m OF {}", to_text(node.path), shown(node.metres), shown(node.center));
  }
  std::string operator()(const GeoBox& node) const {
    return fmt::format("{} IN BOX ({}, {}, {}, {})", to_text(node.path), shown(node.south_west.lat),
                       shown(node.south_west.lon), shown(node.north_east.lat), shown(node.north_east.lon));
  }
  std::string operator()(const GeoPolygon& node) const {
    return to_text(node.path) + " IN POLYGON " + list(node.ring);
  }
  std::string operator()(const HasId& node) const { return "ID IN " + list(node.ids); }
  std::string operator()(const Nested& node) const {
    return fmt::format("ANY {} ({})", to_text(node.path), text_of(node.of.front(), false));
  }

  std::string grouped(const std::string& text) const { return within ? "(" + text + ")" : text; }

  template <typename Range>
  static std::string range(const Range& node) {
    const std::string path = to_text(node.path);
    if (node.low && node.high) {
      if (node.low->inclusive && node.high->inclusive)
        return path + " BETWEEN " + shown(node.low->value) + " AND " + shown(node.high->value);
      return fmt::format("{} {} {} {} {}", shown(node.low->value), node.low->inclusive ? "<=" : "<", path,
                         node.high->inclusive ? "<=" : "<", shown(node.high->value));
    }
    if (node.low)
      return fmt::format("{} {} {}", path, node.low->inclusive ? ">=" : ">", shown(node.low->value));
    return fmt::format("{} {} {}", path, node.high->inclusive ? "<=" : "<", shown(node.high->value));
  }
};

std::string text_of(const Filter& filter, bool within) {
  return std::visit(TextOf{within}, filter.node);
}

}  // namespace

Result<Filter> parse_filter_text(std::string_view text) {
  TRY(limits::kFilterBytes.check("filter bytes", text.size()));
  if (!is_utf8(text)) return invalid_argument("filter: {} bytes of text that are not UTF-8", text.size());
  Filter filter = TRY(FilterParser(text).parse());
  TRY(check_filter(filter));
  return filter;
}

Result<FilterPath> parse_path_text(std::string_view text) {
  TRY(limits::kFilterBytes.check("path bytes", text.size()));
  if (!is_utf8(text)) return invalid_argument("path: {} bytes of text that are not UTF-8", text.size());
  return FilterParser(text).parse_path();
}

std::string to_text(const Filter& filter) {
  return text_of(filter, false);
}

std::string to_text(const FilterPath& path) {
  std::string out;
  for (const std::string& name : path.names) {
    const bool first = &name == &path.names.front();
    if (!first) out += '.';
    out += is_bare_name(name, first) ? name : in_quotes(name, '"');
  }
  return out;
}

}  // namespace kith

#include "query/filter/filter_parser.h"

namespace kith {
namespace {

constexpr std::string_view kQuestions =
    "=, !=, <, <=, >, >=, IN, BETWEEN, IS, STARTS WITH, CONTAINS, MATCH or WITHIN";

Filter negated(Filter filter) {
  return {NotOf{{std::move(filter)}}};
}

}  // namespace

Result<Filter> FilterParser::path_condition() {
  return question(TRY(path()));
}

Result<Filter> FilterParser::question(FilterPath path) {
  for (const std::string_view symbol : {"=", "!=", "<>", "<", "<=", ">", ">="})
    if (accept(symbol)) return comparison(std::move(path), symbol);
  if (accept("IS")) return is_condition(std::move(path));
  if (!accept("NOT")) return question_word(std::move(path));
  return negated(TRY(question_word(std::move(path))));
}

Result<Filter> FilterParser::question_word(FilterPath path) {
  if (accept("IN")) return in_condition(std::move(path));
  if (accept("BETWEEN")) return between(std::move(path));
  if (accept("CONTAINS")) return contains(std::move(path));
  if (accept("WITHIN")) return within(std::move(path));
  if (accept("MATCH")) {
    std::string words = TRY(string("words in single quotes"));
    return Filter{MatchWords{std::move(path), std::move(words)}};
  }
  if (!accept("STARTS")) return unexpected(kQuestions);
  TRY(expect("WITH"));
  std::string text = TRY(string("a text in single quotes"));
  return Filter{Prefix{std::move(path), std::move(text)}};
}

Result<Filter> FilterParser::comparison(FilterPath path, std::string_view symbol) {
  if (symbol == "!=" || symbol == "<>") return negated(TRY(comparison(std::move(path), "=")));
  if (symbol == "=") {
    if (!at("DATE")) {
      FilterScalar value = TRY(scalar());
      return Filter{OneOf{std::move(path), {std::move(value)}}};
    }
    const Bound moment = TRY(bound());
    return range(std::move(path), moment, moment);
  }
  Bound limit = TRY(bound());
  limit.inclusive = symbol.ends_with('=');
  if (symbol.front() == '<') return range(std::move(path), std::nullopt, limit);
  return range(std::move(path), limit, std::nullopt);
}

Result<Filter> FilterParser::is_condition(FilterPath path) {
  const bool negative = accept("NOT");
  Filter filter;
  if (accept("NULL"))
    filter = {IsNull{std::move(path)}};
  else if (accept("EMPTY"))
    filter = {IsEmpty{std::move(path)}};
  else
    return unexpected(negative ? "NULL or EMPTY" : "NULL, EMPTY or NOT");
  return negative ? negated(std::move(filter)) : std::move(filter);
}

Result<Filter> FilterParser::in_condition(FilterPath path) {
  if (accept("BOX")) {
    GeoBox node{std::move(path), {}, {}};
    TRY(expect("("));
    node.south_west.lat = TRY(real());
    TRY(expect(","));
    node.south_west.lon = TRY(real());
    TRY(expect(","));
    node.north_east.lat = TRY(real());
    TRY(expect(","));
    node.north_east.lon = TRY(real());
    TRY(expect(")"));
    return Filter{std::move(node)};
  }
  if (accept("POLYGON")) {
    GeoPolygon node{std::move(path), {}};
    TRY(expect("("));
    do node.ring.push_back(TRY(place()));
    while (accept(","));
    TRY(expect(")"));
    return Filter{std::move(node)};
  }
  if (!at("(")) return unexpected("'(', BOX or POLYGON");
  std::vector<FilterScalar> values = TRY(scalars());
  return Filter{OneOf{std::move(path), std::move(values)}};
}

Result<Filter> FilterParser::between(FilterPath path) {
  const Bound low = TRY(bound());
  TRY(expect("AND"));
  const Bound high = TRY(bound_like(low));
  return range(std::move(path), low, high);
}

Result<Filter> FilterParser::contains(FilterPath path) {
  const bool all = accept("ALL");
  if (!all && !accept("ANY")) return unexpected("ALL or ANY");
  std::vector<FilterScalar> values = TRY(scalars());
  if (all) return Filter{ContainsAll{std::move(path), std::move(values)}};
  return Filter{OneOf{std::move(path), std::move(values)}};
}

Result<Filter> FilterParser::within(FilterPath path) {
  double metres = TRY(real());
  if (accept("KM"))
    metres *= 1000;
  else if (!accept("M"))
    return unexpected("m or km");
  TRY(expect("OF"));
  const GeoPoint center = TRY(place());
  return Filter{GeoRadius{std::move(path), center, metres}};
}

// bound < path < bound: one value within both, which two comparisons would not say of an array.
Result<Filter> FilterParser::chained_range() {
  Bound low = TRY(bound());
  if (!at("<") && !at("<=")) return unexpected("'<' or '<='");
  low.inclusive = !accept("<") && accept("<=");
  FilterPath path = TRY(this->path());
  if (!at("<") && !at("<=")) return unexpected("'<' or '<='");
  const bool high_inclusive = !accept("<") && accept("<=");
  Bound high = TRY(bound_like(low));
  high.inclusive = high_inclusive;
  return range(std::move(path), low, high);
}

Result<Filter> FilterParser::id_condition() {
  HasId node;
  if (accept("=")) return Filter{HasId{{TRY(id())}}};
  if (accept("!=") || accept("<>")) return negated({HasId{{TRY(id())}}});
  const bool negative = accept("NOT");
  if (!accept("IN")) return unexpected("=, !=, IN or NOT IN (a member named id stands in double quotes)");
  TRY(expect("("));
  if (!at(")")) {
    do node.ids.push_back(TRY(id()));
    while (accept(","));
  }
  if (!accept(")")) return unexpected("',' or ')'");
  return negative ? negated({std::move(node)}) : Filter{std::move(node)};
}

Filter FilterParser::range(FilterPath path, const std::optional<Bound>& low,
                           const std::optional<Bound>& high) {
  const auto set = [&](auto node, auto type) {
    using Value = decltype(type);
    if (low) node.low = {std::get<Value>(low->value), low->inclusive};
    if (high) node.high = {std::get<Value>(high->value), high->inclusive};
    return Filter{std::move(node)};
  };
  if (std::holds_alternative<Moment>((low ? low : high)->value))
    return set(MomentRange{std::move(path), {}, {}}, Moment{});
  return set(NumberRange{std::move(path), {}, {}}, FilterNumber{});
}

}  // namespace kith

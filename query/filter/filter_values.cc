#include <charconv>

#include "query/filter/filter_parser.h"
#include "query/filter/moment.h"
#include "query/filter/number.h"

namespace kith {

Result<FilterPath> FilterParser::path() {
  FilterPath path;
  do {
    const FilterToken& token = tokens_.peek();
    if (token.kind == FilterToken::Kind::kName && !token.value.empty())
      path.names.push_back(token.value);
    else if (token.kind == FilterToken::Kind::kWord && is_bare_name(token.text, path.names.empty()))
      path.names.emplace_back(token.text);
    else if (token.kind == FilterToken::Kind::kWord)
      return unexpected("a condition (a name like a keyword stands in double quotes)");
    else
      return unexpected(path.names.empty() ? "a condition, such as name = value" : "a name");
    tokens_.take();
  } while (accept("."));
  return path;
}

Result<FilterScalar> FilterParser::scalar() {
  if (accept("TRUE")) return FilterScalar(true);
  if (accept("FALSE")) return FilterScalar(false);
  const FilterToken& token = tokens_.peek();
  if (token.kind == FilterToken::Kind::kNumber) return FilterScalar(TRY(number()));
  if (token.kind == FilterToken::Kind::kString) return FilterScalar(TRY(string("")));
  if (at("NULL")) return unexpected("a value (for null write IS NULL)");
  if (token.kind == FilterToken::Kind::kName) return unexpected("a value (texts stand in single quotes)");
  return unexpected("a value: a number, a text in single quotes, TRUE or FALSE");
}

Result<std::vector<FilterScalar>> FilterParser::scalars() {
  std::vector<FilterScalar> values;
  TRY(expect("("));
  if (accept(")")) return values;
  do values.push_back(TRY(scalar()));
  while (accept(","));
  if (!at(")")) return unexpected("',' or ')'");
  tokens_.take();
  return values;
}

Result<FilterNumber> FilterParser::number() {
  const FilterToken token = tokens_.peek();
  if (token.kind != FilterToken::Kind::kNumber) return unexpected("a number");
  tokens_.take();
  const char* begin = token.text.data();
  const char* end = begin + token.text.size();
  if (token.text.find_first_of(".eE") == std::string_view::npos) {
    int64_t whole = 0;
    if (std::from_chars(begin, end, whole).ec == std::errc()) return FilterNumber(whole);
    uint64_t large = 0;
    if (token.text.front() != '-' && std::from_chars(begin, end, large).ec == std::errc())
      return FilterNumber(large);
    return wrong(token, "beyond whole numbers of 64 bits; give it a fraction or an exponent");
  }
  double real = 0;
  if (std::from_chars(begin, end, real).ec != std::errc()) return wrong(token, "beyond what numbers reach");
  return normal_number(real);
}

Result<double> FilterParser::real() {
  return to_double(TRY(number()));
}

Result<FilterParser::Bound> FilterParser::bound() {
  if (accept("DATE")) {
    const FilterToken token = tokens_.peek();
    const std::string text = TRY(string("a moment in single quotes, such as '2026-01-31T12:00:00Z'"));
    const auto moment = parse_moment(text);
    if (!moment)
      return wrong(token,
                   "expected a moment such as '2026-01-31' or '2026-01-31T12:00:00Z', from 1678 to 2261");
    return Bound{*moment};
  }
  if (tokens_.peek().kind == FilterToken::Kind::kNumber) return Bound{TRY(number())};
  return unexpected("a number or DATE '...'");
}

Result<FilterParser::Bound> FilterParser::bound_like(const Bound& first) {
  const FilterToken token = tokens_.peek();
  const Bound second = TRY(bound());
  if (second.value.index() == first.value.index()) return second;
  const bool moment = std::holds_alternative<Moment>(first.value);
  return wrong(token, moment ? "expected DATE '...', as before it" : "expected a number, as before it");
}

// DATE alone may be a name.
bool FilterParser::at_bound() const {
  if (tokens_.peek().kind == FilterToken::Kind::kNumber) return true;
  if (!at("DATE")) return false;
  FilterTokens ahead = tokens_;
  ahead.take();
  return ahead.peek().kind == FilterToken::Kind::kString;
}

Result<std::string> FilterParser::string(std::string_view what) {
  const FilterToken& token = tokens_.peek();
  if (token.kind != FilterToken::Kind::kString) return unexpected(what);
  std::string text = token.value;
  tokens_.take();
  return text;
}

// (latitude, longitude)
Result<GeoPoint> FilterParser::place() {
  GeoPoint place;
  TRY(expect("("));
  place.lat = TRY(real());
  TRY(expect(","));
  place.lon = TRY(real());
  TRY(expect(")"));
  return place;
}

Result<Id> FilterParser::id() {
  const FilterToken token = tokens_.peek();
  if (accept("UUID")) {
    const FilterToken written = tokens_.peek();
    const auto uuid = parse_uuid(TRY(string("a UUID in single quotes")));
    if (!uuid) return wrong(written, "expected the form 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx'");
    return Id(*uuid);
  }
  if (token.kind == FilterToken::Kind::kString) return Id(TRY(string("")));
  if (token.kind != FilterToken::Kind::kNumber)
    return unexpected("an id: a number, a text in single quotes or UUID '...'");
  const FilterNumber number = TRY(this->number());
  if (const auto* whole = std::get_if<int64_t>(&number); whole != nullptr && *whole >= 0)
    return Id(static_cast<uint64_t>(*whole));
  if (const auto* large = std::get_if<uint64_t>(&number)) return Id(*large);
  return wrong(token, "expected a whole number from 0 on");
}

}  // namespace kith

#include "query/filter/filter_parser.h"

#include "query/filter/number.h"
#include "query/schema/limits.h"
#include "query/schema/text.h"

namespace kith {

Result<Filter> FilterParser::parse() {
  Filter filter = TRY(any_of());
  if (tokens_.peek().kind != FilterToken::Kind::kEnd) return unexpected("AND, OR or the end");
  return filter;
}

Result<FilterPath> FilterParser::parse_path() {
  FilterPath parsed = TRY(path());
  if (tokens_.peek().kind != FilterToken::Kind::kEnd) return unexpected("'.' or the end");
  return parsed;
}

Result<Filter> FilterParser::any_of() {
  Filter first = TRY(all_of());
  if (!at("OR")) return first;
  AnyOf node{{std::move(first)}};
  while (accept("OR")) node.of.push_back(TRY(all_of()));
  return Filter{std::move(node)};
}

Result<Filter> FilterParser::all_of() {
  Filter first = TRY(one());
  if (!at("AND")) return first;
  AllOf node{{std::move(first)}};
  while (accept("AND")) node.of.push_back(TRY(one()));
  return Filter{std::move(node)};
}

Result<Filter> FilterParser::one() {
  if (!accept("NOT")) return condition();
  TRY(go_deeper());
  Filter inner = TRY(one());
  --depth_;
  return Filter{NotOf{{std::move(inner)}}};
}

Result<Filter> FilterParser::condition() {
  if (at("(")) return in_parentheses();
  if (accept("TRUE")) return Filter{AllOf{}};
  if (accept("FALSE")) return Filter{AnyOf{}};
  if (accept("EXISTS")) return Filter{Exists{TRY(path())}};
  if (accept("ANY")) return nested();
  if (accept("AT")) return at_least();
  if (accept("ID")) return id_condition();
  if (at_bound()) return chained_range();
  return path_condition();
}

Result<Filter> FilterParser::in_parentheses() {
  TRY(expect("("));
  TRY(go_deeper());
  Filter inner = TRY(any_of());
  --depth_;
  if (!at(")")) return unexpected("AND, OR or ')'");
  TRY(expect(")"));
  return inner;
}

Result<Filter> FilterParser::nested() {
  FilterPath where = TRY(path());
  Filter inner = TRY(in_parentheses());
  return Filter{Nested{std::move(where), {std::move(inner)}}};
}

Result<Filter> FilterParser::at_least() {
  TRY(expect("LEAST"));
  const FilterToken token = tokens_.peek();
  const FilterNumber count = TRY(number());
  const auto* whole = std::get_if<int64_t>(&count);
  if (whole == nullptr || *whole < 0 || *whole > int64_t{limits::kFilterNodes.max})
    return wrong(token, fmt::format("expected a whole number within 0..{}", limits::kFilterNodes.max));
  AtLeast node{static_cast<uint32_t>(*whole), {}};
  TRY(expect("OF"));
  TRY(expect("("));
  TRY(go_deeper());
  if (!at(")")) {
    do node.of.push_back(TRY(any_of()));
    while (accept(","));
  }
  --depth_;
  if (!at(")")) return unexpected("AND, OR, ',' or ')'");
  TRY(expect(")"));
  return Filter{std::move(node)};
}

Result<void> FilterParser::go_deeper() {
  if (++depth_ <= limits::kFilterDepth.max) return {};
  return wrong(tokens_.peek(),
               fmt::format("conditions lie within each other more than {} levels deep (limit '{}')",
                           limits::kFilterDepth.max, limits::kFilterDepth.name));
}

bool FilterParser::at(std::string_view keyword_or_symbol) const {
  const FilterToken& token = tokens_.peek();
  if (token.kind == FilterToken::Kind::kSymbol) return token.text == keyword_or_symbol;
  return token.kind == FilterToken::Kind::kWord && is_keyword(token.text, keyword_or_symbol);
}

bool FilterParser::accept(std::string_view keyword_or_symbol) {
  const bool there = at(keyword_or_symbol);
  if (there) tokens_.take();
  return there;
}

Result<void> FilterParser::expect(std::string_view keyword_or_symbol) {
  if (accept(keyword_or_symbol)) return {};
  const bool keyword = is_bare_name(keyword_or_symbol, false);
  return unexpected(keyword ? std::string(keyword_or_symbol) : fmt::format("'{}'", keyword_or_symbol));
}

Error FilterParser::unexpected(std::string_view expected) const {
  return wrong(tokens_.peek(), fmt::format("expected {}", expected));
}

Error FilterParser::wrong(const FilterToken& token, std::string_view why) const {
  const std::string found =
      token.kind == FilterToken::Kind::kEnd ? "the end" : fmt::format("'{}'", excerpt(token.text));
  if (token.kind == FilterToken::Kind::kWrong)
    return invalid_argument("at column {}: found {}, {}", tokens_.column(token), found, token.value);
  return invalid_argument("at column {}: found {}, {}", tokens_.column(token), found, why);
}

}  // namespace kith

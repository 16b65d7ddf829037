// FilterParser: recursive descent over the tokens of a filter's text. The grammar, loosest first:
//
//   filter    = both { OR both }            both = one { AND one }            one = NOT one | condition
//   condition = ( filter ) | TRUE | FALSE | EXISTS path | ANY path ( filter ) | AT LEAST n OF ( filter, ... )
//             | ID [NOT] IN ( id, ... ) | ID = id | bound < path < bound | path question
//
// docs/filters.md lists the questions. Recursion is bounded by the limit on a filter's depth.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "query/filter/filter.h"
#include "query/filter/filter_tokens.h"

namespace kith {

class FilterParser {
 public:
  explicit FilterParser(std::string_view text) : tokens_(text) {}

  /// The whole text. Not yet checked against limits but that on depth.
  Result<Filter> parse();
  /// The whole text is a path.
  Result<FilterPath> parse_path();

 private:
  struct Bound {
    std::variant<FilterNumber, Moment> value;
    bool inclusive = true;
  };

  // filter_parser.cc: how conditions are put together
  Result<Filter> any_of();
  Result<Filter> all_of();
  Result<Filter> one();
  Result<Filter> condition();
  Result<Filter> in_parentheses();
  Result<Filter> nested();
  Result<Filter> at_least();
  Result<void> go_deeper();

  // filter_conditions.cc: what a path or an id is asked
  Result<Filter> path_condition();
  Result<Filter> question(FilterPath path);
  Result<Filter> question_word(FilterPath path);
  Result<Filter> comparison(FilterPath path, std::string_view symbol);
  Result<Filter> is_condition(FilterPath path);
  Result<Filter> in_condition(FilterPath path);
  Result<Filter> between(FilterPath path);
  Result<Filter> contains(FilterPath path);
  Result<Filter> within(FilterPath path);
  Result<Filter> chained_range();
  Result<Filter> id_condition();
  static Filter range(FilterPath path, const std::optional<Bound>& low, const std::optional<Bound>& high);

  // filter_values.cc: names and values
  Result<FilterPath> path();
  Result<FilterScalar> scalar();
  Result<std::vector<FilterScalar>> scalars();
  Result<FilterNumber> number();
  Result<double> real();
  Result<Bound> bound();
  Result<Bound> bound_like(const Bound& first);
  Result<std::string> string(std::string_view what);
  Result<GeoPoint> place();
  Result<Id> id();

  bool at(std::string_view keyword_or_symbol) const;
  bool at_bound() const;
  bool accept(std::string_view keyword_or_symbol);
  Result<void> expect(std::string_view keyword_or_symbol);
  Error unexpected(std::string_view expected) const;
  Error wrong(const FilterToken& token, std::string_view why) const;

  FilterTokens tokens_;
  uint64_t depth_ = 1;
};

}  // namespace kith

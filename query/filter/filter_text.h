// Filters as text, for people: section = 'web' AND size < 1e6. The language is described in docs/filters.md.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "query/filter/filter.h"

namespace kith {

/// A filter that check_filter has found good. InvalidArgument otherwise, with the column in characters, what
/// was found there and what was expected.
Result<Filter> parse_filter_text(std::string_view text);

/// A path as filters write it: a.b, with names in double quotes that need them.
Result<FilterPath> parse_path_text(std::string_view text);

/// Text that parses back to an equal filter, but for two things that mean nothing: AllOf and AnyOf of one
/// filter are written as that one, and numbers come back in normal form (filter/number.h). The filter must be
/// valid.
std::string to_text(const Filter& filter);
/// Text that parse_path_text reads back.
std::string to_text(const FilterPath& path);

}  // namespace kith

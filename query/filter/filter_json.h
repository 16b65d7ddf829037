// Filters as JSON, for programs: {"all": [{"path": "section", "equals": "web"}, ...]}. Each node is an object
// of one form; docs/filters.md shows all of them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "query/filter/filter.h"

namespace kith {

/// A filter that check_filter has found good. InvalidArgument otherwise, naming the member, by its way from
/// the top ("all[1].range.gte"), what is wrong with it and what was expected. Unknown members are refused.
Result<Filter> parse_filter_json(std::string_view text);

/// JSON that parses back to an equal filter, numbers in normal form (filter/number.h). The filter must be
/// valid.
std::string to_json(const Filter& filter);

}  // namespace kith

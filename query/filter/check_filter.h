// Is a filter from outside one that the rest of Kith may trust: within the limits of query/schema/limits.h,
// numbers finite, places on the globe, texts UTF-8, paths with names, nodes with the children they need. A
// range whose low is above its high is valid, and holds for nothing.
#pragma once

#include "base/result.h"
#include "query/filter/filter.h"

namespace kith {

/// InvalidArgument that names the path, the value and the bounds.
Result<void> check_filter(const Filter& filter);

}  // namespace kith

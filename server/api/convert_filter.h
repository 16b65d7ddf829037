// Between kith.v1.Filter and the tree of query/filter/filter.h. Errors name the node by its path in the
// request ("filter.all.of[2].range.low: ...").
#pragma once

#include "base/result.h"
#include "kith.pb.h"
#include "query/filter/filter.h"

namespace kith {

/// InvalidArgument where a node is none, or text that does not parse; else a filter that the collection
/// checks as it checks all (query/filter/check_filter.h). `path` is what to call it in errors.
Result<Filter> filter_from_proto(const v1::Filter& filter, const std::string& path);

FilterPath path_from_proto(const v1::Filter::Path& path);
void path_to_proto(const FilterPath& path, v1::Filter::Path* out);
void scalar_to_proto(const FilterScalar& scalar, v1::Filter::Value* out);
void filter_to_proto(const Filter& filter, v1::Filter* out);

}  // namespace kith

// The values at a path of a payload, by the walk that filter.h describes. Whatever asks a payload by path
// (the evaluator, columns) finds its values here, so that they agree.
#pragma once

#include <span>
#include <string>

#include "query/schema/json_tree.h"

namespace kith {

struct PathWalk {
  bool member_met = false;  // a member stands where the path ends, be it null or an empty array: Exists
  bool ended = false;       // `visit` had enough; what came after was not looked at, nor is member_met final
};

namespace path_values_internal {

// Values of what stands at the path's end: itself, or what lies in it where it is an array.
template <typename F>
bool visit_value(const JsonValue& value, F& visit) {
  if (!value.is_array()) return visit(value);
  for (const JsonValue element : value)
    if (visit_value(element, visit)) return true;
  return false;
}

template <typename F>
bool walk(const JsonValue& value, std::span<const std::string> names, PathWalk& met, F& visit) {
  if (value.is_array()) {
    for (const JsonValue element : value)
      if (walk(element, names, met, visit)) return true;
    return false;
  }
  bool enough = false;
  value.with_member(names.front(), [&](const JsonValue& member) {
    if (names.size() > 1) {
      enough = walk(member, names.subspan(1), met, visit);
    } else {
      met.member_met = true;
      enough = visit_value(member, visit);
    }
  });
  return enough;
}

}  // namespace path_values_internal

/// Calls `visit(const JsonValue&)` with each value at `path` (≥ 1 name), never an array, until it returns
/// true. Recursion is bounded by the depth of the document.
template <typename F>
PathWalk visit_values(const JsonValue& root, const FilterPath& path, F&& visit) {
  PathWalk result;
  result.ended = path_values_internal::walk(root, std::span(path.names), result, visit);
  return result;
}

}  // namespace kith

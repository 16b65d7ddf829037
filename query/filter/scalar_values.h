// The bools, numbers and strings of a payload at a path: by what facets count and groups are made.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "query/filter/path_values.h"
#include "query/filter/scalar.h"

namespace kith {

struct ScalarLess {
  bool operator()(const FilterScalar& a, const FilterScalar& b) const {
    return compare_scalars(scalar_view(a), scalar_view(b)) < 0;
  }
};

/// Ascending, each once.
inline std::vector<FilterScalar> scalars_at(const JsonValue& payload, const FilterPath& path) {
  std::vector<FilterScalar> values;
  visit_values(payload, path, [&](const JsonValue& value) {
    if (value.is_bool()) values.emplace_back(value.boolean());
    if (value.is_number()) values.emplace_back(value.number());
    if (value.is_string()) values.emplace_back(std::string(value.string()));
    return false;
  });
  std::sort(values.begin(), values.end(), ScalarLess());
  const auto same = [](const FilterScalar& a, const FilterScalar& b) { return !ScalarLess()(a, b); };
  values.erase(std::unique(values.begin(), values.end(), same), values.end());
  return values;
}

}  // namespace kith

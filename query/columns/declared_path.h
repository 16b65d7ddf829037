// Paths that have a column from the beginning, with more room than others.
#pragma once

#include <cstddef>
#include <string>

#include "query/columns/limits.h"

namespace kith {

/// How many different strings and words a column keeps by their text.
struct ColumnBounds {
  size_t strings_max = column_limits::kStringsMax;
  size_t words_max = column_limits::kWordsMax;
};

struct DeclaredPath {
  std::string path;  // as path_key made it
  ColumnBounds bounds;
};

}  // namespace kith

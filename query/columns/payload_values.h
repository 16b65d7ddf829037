// PayloadValues: what columns take of one payload, found by one walk over it, outside all locks. Paths and
// values are those of path_values.h.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/filter/filter.h"

namespace kith {

/// Names with their lengths (u16) before them: the form in which columns know a path. Empty where it is
/// longer than column_limits allow.
std::string path_key(std::span<const std::string> names);

/// What stands at one path of one payload.
struct PathValues {
  bool null = false;
  bool nonempty = false;  // something but nulls and empty strings, arrays and objects
  bool object = false;
  bool has_false = false;
  bool has_true = false;
  bool many_strings = false;
  bool rounded = false;           // one of the numbers has no double
  bool wordless = false;          // strings have more words than `words`
  std::vector<uint64_t> numbers;  // keys (number_key.h)
  std::vector<uint64_t> moments;  // keys
  std::vector<uint64_t> places;   // keys (geo_cells.h)
  std::vector<std::string> strings;
  std::vector<std::string> words;
};

struct PayloadValues {
  /// InvalidArgument when `payload` is no JSON object and not empty.
  static Result<PayloadValues> of(std::string_view payload);
  /// Of a payload that cannot be read: every question about it is unsure.
  static PayloadValues unknown();

  std::map<std::string, PathValues> paths;  // by path_key
  bool pathless = false;                    // there are paths beyond column_limits, which are left out
  bool opaque = false;  // there are more values than column_limits allow: all are left out
};

}  // namespace kith

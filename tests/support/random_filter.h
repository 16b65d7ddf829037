// RandomFilters: filters and payloads that meet. Both draw from few paths, values, words, moments, places and
// ids, so that leaves hold about as often as not; values come in all types, null, empty, nested and in
// arrays, numbers in several spellings and near 2^53, 2^63 and 2^64, names with dots, spaces, quotes and
// keywords. All filters are valid by check_filter.h; all payloads are JSON objects or empty. Equal seeds give
// equal draws.
#pragma once

#include <string>

#include "base/random.h"
#include "query/filter/filter.h"

namespace kith::test {

class RandomFilters {
 public:
  explicit RandomFilters(uint64_t seed) : random_(seed) {}

  /// At most `depth` levels of nodes.
  Filter filter(size_t depth = 4) { return filter(depth, true); }
  /// One node that asks a payload, or HasId.
  Filter leaf() { return leaf(true); }
  std::string payload();
  Id id();
  FilterPath path();

  Random& random() { return random_; }

 private:
  Filter filter(size_t depth, bool ids);
  Filter leaf(bool ids);
  Filter combination(size_t depth, bool ids);
  Filter place_leaf();
  Filter range_leaf();
  FilterScalar scalar();
  FilterNumber number();
  Moment moment();
  GeoPoint place();
  std::string value(size_t depth);
  std::string object(size_t depth);
  std::string list(size_t depth);

  bool chance(uint64_t one_in) { return random_.below(one_in) == 0; }

  Random random_;
};

}  // namespace kith::test

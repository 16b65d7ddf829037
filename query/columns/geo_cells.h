// Cells of the globe: a place is a key of 64 bits, latitude and longitude as fractions of their span, 32 bits
// each, interleaved, so that every cell of the quartering of the map is one range of keys. A shape becomes
// the ranges of cells wholly inside and those of cells that its border may pass, by quartering the latter
// until kGeoCellsMax were looked at. All tests keep a margin far above the rounding of query/filter/geo.h.
#pragma once

#include <vector>

#include "query/columns/posting_page.h"
#include "query/filter/filter.h"

namespace kith {

uint64_t key_of(const GeoPoint& place);

/// Ascending, without overlaps among both lists together.
struct GeoCover {
  std::vector<KeySpan> inside;
  std::vector<KeySpan> border;
};

GeoCover cover(const GeoBox& box);
GeoCover cover(const GeoRadius& circle);
GeoCover cover(const GeoPolygon& polygon);

}  // namespace kith

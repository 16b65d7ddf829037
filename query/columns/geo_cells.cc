#include "query/columns/geo_cells.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "query/columns/limits.h"
#include "query/filter/geo.h"

namespace kith {
namespace {

constexpr double kMargin = 1e-9;  // degrees; the finest cell has 4e-8, and keys are right to 1e-13
constexpr uint32_t kLevels = 32;

enum class Side : uint8_t { kOutside, kBorder, kInside };

/// In degrees, a margin wider than its cell but no wider than the globe.
struct Rect {
  double south, west, north, east;
};

struct Cell {
  uint64_t key = 0;  // of its south-western corner
  uint32_t level = 0;

  KeySpan range() const {
    return {key, level == 0 ? UINT64_MAX : key + ((uint64_t{1} << (2 * (kLevels - level))) - 1)};
  }
};

/// Bits 0, 1, 2, ... to bits 0, 2, 4, ...
uint64_t spread(uint32_t bits) {
  uint64_t x = bits;
  x = (x | x << 16) & 0x0000ffff0000ffffu;
  x = (x | x << 8) & 0x00ff00ff00ff00ffu;
  x = (x | x << 4) & 0x0f0f0f0f0f0f0f0fu;
  x = (x | x << 2) & 0x3333333333333333u;
  return (x | x << 1) & 0x5555555555555555u;
}
uint32_t gather(uint64_t x) {
  x &= 0x5555555555555555u;
  x = (x | x >> 1) & 0x3333333333333333u;
  x = (x | x >> 2) & 0x0f0f0f0f0f0f0f0fu;
  x = (x | x >> 4) & 0x00ff00ff00ff00ffu;
  x = (x | x >> 8) & 0x0000ffff0000ffffu;
  return static_cast<uint32_t>(x | x >> 16);
}

uint32_t fraction(double degrees, double span) {
  const double scaled = (degrees / span + 0.5) * 0x1p32;
  return static_cast<uint32_t>(std::clamp(scaled, 0.0, 0x1p32 - 1));
}

Rect rect_of(const Cell& cell) {
  const double size = std::ldexp(1.0, -static_cast<int>(cell.level));
  const double south = gather(cell.key >> 1) * 0x1p-32;
  const double west = gather(cell.key) * 0x1p-32;
  return {std::max((south - 0.5) * 180 - kMargin, -90.0), std::max((west - 0.5) * 360 - kMargin, -180.0),
          std::min((south + size - 0.5) * 180 + kMargin, 90.0),
          std::min((west + size - 0.5) * 360 + kMargin, 180.0)};
}

void append(std::vector<KeySpan>& ranges, KeySpan range) {
  if (!ranges.empty() && ranges.back().last + 1 == range.first)
    ranges.back().last = range.last;
  else
    ranges.push_back(range);
}

template <typename Classify>
GeoCover cover_with(Classify side_of) {
  std::vector<KeySpan> inside, border;
  std::vector<Cell> level = {Cell{}};
  size_t looked_at = 0;
  while (!level.empty()) {
    std::vector<Cell> open;
    for (const Cell& cell : level) {
      const Side side = side_of(rect_of(cell));
      if (side == Side::kInside) inside.push_back(cell.range());
      if (side == Side::kBorder) open.push_back(cell);
    }
    looked_at += level.size();
    const bool last = looked_at + 4 * open.size() > column_limits::kGeoCellsMax;
    level.clear();
    for (const Cell& cell : open) {
      if (last || cell.level == kLevels) {
        border.push_back(cell.range());
        continue;
      }
      const uint64_t quarter = uint64_t{1} << (2 * (kLevels - cell.level - 1));
      for (uint64_t i = 0; i < 4; ++i) level.push_back({cell.key + i * quarter, cell.level + 1});
    }
  }
  GeoCover out;
  std::sort(inside.begin(), inside.end());
  std::sort(border.begin(), border.end());
  for (const KeySpan& range : inside) append(out.inside, range);
  for (const KeySpan& range : border) append(out.border, range);
  return out;
}

Side side_of_spans(const Rect& rect, const GeoBox& box, double west, double east) {
  if (rect.north < box.south_west.lat || rect.south > box.north_east.lat || rect.east < west ||
      rect.west > east)
    return Side::kOutside;
  const bool whole = rect.south >= box.south_west.lat && rect.north <= box.north_east.lat &&
                     rect.west >= west && rect.east <= east;
  return whole ? Side::kInside : Side::kBorder;
}

/// Whether the edge may pass through the rectangle.
bool meets(const Rect& rect, const GeoPoint& a, const GeoPoint& b) {
  if (std::max(a.lat, b.lat) < rect.south || std::min(a.lat, b.lat) > rect.north ||
      std::max(a.lon, b.lon) < rect.west || std::min(a.lon, b.lon) > rect.east)
    return false;
  const double dy = b.lat - a.lat;
  const double dx = b.lon - a.lon;
  const double slack = kMargin * (std::abs(dx) + std::abs(dy));
  const auto place = [&](double lat, double lon) { return dx * (lat - a.lat) - dy * (lon - a.lon); };
  const double corners[] = {place(rect.south, rect.west), place(rect.south, rect.east),
                            place(rect.north, rect.west), place(rect.north, rect.east)};
  const auto [least, most] = std::minmax_element(std::begin(corners), std::end(corners));
  return *least <= slack && *most >= -slack;
}

}  // namespace

uint64_t key_of(const GeoPoint& place) {
  return spread(fraction(place.lat, 180)) << 1 | spread(fraction(place.lon, 360));
}

GeoCover cover(const GeoBox& box) {
  const double west = box.south_west.lon;
  const double east = box.north_east.lon;
  if (west <= east) return cover_with([&](const Rect& rect) { return side_of_spans(rect, box, west, east); });
  return cover_with([&](const Rect& rect) {
    constexpr double kBeyond = 200;  // all longitudes
    return std::max(side_of_spans(rect, box, west, kBeyond), side_of_spans(rect, box, -kBeyond, east));
  });
}

/// No place of a rectangle is farther from its middle than the way along its middle parallel and then along a
/// meridian.
GeoCover cover(const GeoRadius& circle) {
  constexpr double kMetresPerDegree = 6'371'008.8 * std::numbers::pi / 180;
  return cover_with([&](const Rect& rect) {
    const GeoPoint middle = {(rect.south + rect.north) / 2, (rect.west + rect.east) / 2};
    const double across = std::cos(middle.lat * std::numbers::pi / 180) * (rect.east - rect.west) / 2;
    const double reach = kMetresPerDegree * (across + (rect.north - rect.south) / 2);
    const double away = distance_metres(circle.center, middle);
    const double slack = 1 + reach * 1e-6;
    if (away > circle.metres + reach + slack) return Side::kOutside;
    return away + reach + slack < circle.metres ? Side::kInside : Side::kBorder;
  });
}

GeoCover cover(const GeoPolygon& polygon) {
  return cover_with([&](const Rect& rect) {
    for (size_t i = 0; i < polygon.ring.size(); ++i)
      if (meets(rect, polygon.ring[i], polygon.ring[(i + 1) % polygon.ring.size()])) return Side::kBorder;
    const GeoPoint middle = {(rect.south + rect.north) / 2, (rect.west + rect.east) / 2};
    return in_polygon(middle, polygon.ring) ? Side::kInside : Side::kOutside;
  });
}

}  // namespace kith

#include "query/filter/geo.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "query/filter/number.h"

namespace kith {
namespace {

constexpr double kEarthRadiusMetres = 6'371'008.8;

double radians(double degrees) {
  return degrees * (std::numbers::pi / 180);
}

std::optional<double> number_member(const JsonValue& object, std::string_view name) {
  std::optional<double> number;
  object.with_member(name, [&](const JsonValue& member) {
    if (member.is_number()) number = to_double(member.number());
  });
  return number;
}

}  // namespace

bool is_place(const GeoPoint& point) {
  return point.lat >= -90 && point.lat <= 90 && point.lon >= -180 && point.lon <= 180;
}

std::optional<GeoPoint> place_of(const JsonValue& value) {
  const auto lat = number_member(value, "lat");
  const auto lon = number_member(value, "lon");
  if (!lat || !lon || !is_place({*lat, *lon})) return std::nullopt;
  return GeoPoint{*lat, *lon};
}

double distance_metres(const GeoPoint& a, const GeoPoint& b) {
  const double half_lat = std::sin(radians(b.lat - a.lat) / 2);
  const double half_lon = std::sin(radians(b.lon - a.lon) / 2);
  const double haversine =
      half_lat * half_lat + std::cos(radians(a.lat)) * std::cos(radians(b.lat)) * half_lon * half_lon;
  return 2 * kEarthRadiusMetres * std::asin(std::sqrt(std::clamp(haversine, 0.0, 1.0)));
}

bool in_box(const GeoPoint& point, const GeoBox& box) {
  const double west = box.south_west.lon;
  const double east = box.north_east.lon;
  if (point.lat < box.south_west.lat || point.lat > box.north_east.lat) return false;
  return west <= east ? point.lon >= west && point.lon <= east : point.lon >= west || point.lon <= east;
}

bool in_polygon(const GeoPoint& point, std::span<const GeoPoint> ring) {
  bool inside = false;
  for (size_t i = 0; i < ring.size(); ++i) {
    // From its southern end, whichever way the ring runs: neighbours that share an edge round it alike.
    const GeoPoint* south = &ring[i];
    const GeoPoint* north = &ring[i + 1 == ring.size() ? 0 : i + 1];
    if (south->lat > north->lat) std::swap(south, north);
    if (south->lat > point.lat || north->lat <= point.lat) continue;  // the northern end is not of the edge
    const double part = (point.lat - south->lat) / (north->lat - south->lat);
    if (point.lon < south->lon + part * (north->lon - south->lon)) inside = !inside;
  }
  return inside;
}

}  // namespace kith

// Places on the sphere: the three questions that filters ask. Degrees are compared as they are: longitudes
// 180 and -180 are two, and so is every longitude at a pole. One function each, compiled once, so that the
// evaluator and columns cannot round differently.
#pragma once

#include <optional>
#include <span>

#include "query/filter/filter.h"
#include "query/schema/json_tree.h"

namespace kith {

/// Latitude within ±90, longitude within ±180; not so for NaN.
bool is_place(const GeoPoint& point);

/// The place that a value of a payload is: an object with numbers "lat" and "lon" within bounds.
std::optional<GeoPoint> place_of(const JsonValue& value);

/// Great-circle distance on a sphere of radius 6,371,008.8 m, by the haversine formula: well conditioned but
/// for antipodes, where it is good to about a metre.
double distance_metres(const GeoPoint& a, const GeoPoint& b);

/// Inclusive on all sides; spans the antimeridian when west > east.
bool in_box(const GeoPoint& point, const GeoBox& box);

/// By the even-odd rule. A point on an edge is inside or outside, but in one of two polygons that share the
/// edge with the same ends.
bool in_polygon(const GeoPoint& point, std::span<const GeoPoint> ring);

}  // namespace kith

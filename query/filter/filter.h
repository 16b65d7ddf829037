// Filter: which points a search may return, as a tree of plain values. One tree whatever it was written in:
// text (filter_text.h), JSON (filter_json.h) or proto. PUBLIC: part of libkith.
//
// A leaf asks one path of the payload. The values at a path are found by walking the payload's objects by
// name; wherever an array is met, each of its elements is walked or is a value (arrays directly inside arrays
// are opened too), so `tags` of {"tags": ["a", "b"]} has two values and `parts.size` of
// {"parts": [{"size": 1}, {"size": 2}]} too. A leaf holds when ONE of the values satisfies it; what has
// another type than is asked for does not satisfy, and is no error. There is no third truth value: NOT of a
// leaf holds wherever the leaf does not, also where the path is absent.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "query/id.h"

namespace kith {

/// Names from the payload's top downwards; a name may hold any character. ≥ 1 name, none empty.
struct FilterPath {
  std::vector<std::string> names;
  friend auto operator<=>(const FilterPath&, const FilterPath&) = default;
};

/// Numbers compare by value whatever they were written as: 1, 1.0 and 1e0 are equal, and integers beyond 2^53
/// keep their last digit. A double is finite. An int64_t stands for every whole number that it can hold.
using FilterNumber = std::variant<int64_t, uint64_t, double>;

/// A moment: nanoseconds since 1970-01-01 UTC. Payloads hold moments as RFC 3339 text
/// ("2026-11-22T05:52:19Z", "2026-11-22T06:52:19.5+01:00", "2026-11-22": midnight UTC); only those satisfy a
/// range of moments.
struct Moment {
  int64_t ns = 0;
  friend auto operator<=>(const Moment&, const Moment&) = default;
};

using FilterScalar = std::variant<bool, FilterNumber, std::string>;

struct GeoPoint {
  double lat = 0;  // degrees, -90..90
  double lon = 0;  // degrees, -180..180
  friend auto operator<=>(const GeoPoint&, const GeoPoint&) = default;
};

struct Filter;

/// All hold; true when empty.
struct AllOf {
  std::vector<Filter> of;
};
/// One holds at least; false when empty.
struct AnyOf {
  std::vector<Filter> of;
};
/// At least `min` hold.
struct AtLeast {
  uint32_t min = 1;
  std::vector<Filter> of;
};
struct NotOf {
  std::vector<Filter> of;  // exactly one
};
/// The value equals one of these.
struct OneOf {
  FilterPath path;
  std::vector<FilterScalar> values;  // false when empty
  friend bool operator==(const OneOf&, const OneOf&) = default;
};
/// All of these are among the values.
struct ContainsAll {
  FilterPath path;
  std::vector<FilterScalar> values;  // true when empty
  friend bool operator==(const ContainsAll&, const ContainsAll&) = default;
};
template <typename T>
struct FilterBound {
  T value{};
  bool inclusive = true;
  friend bool operator==(const FilterBound&, const FilterBound&) = default;
};
/// One of the two bounds at least.
struct NumberRange {
  FilterPath path;
  std::optional<FilterBound<FilterNumber>> low;
  std::optional<FilterBound<FilterNumber>> high;
  friend bool operator==(const NumberRange&, const NumberRange&) = default;
};
struct MomentRange {
  FilterPath path;
  std::optional<FilterBound<Moment>> low;
  std::optional<FilterBound<Moment>> high;
  friend bool operator==(const MomentRange&, const MomentRange&) = default;
};
/// Something is there, be it null or an empty array: the walk by names ends at a member.
struct Exists {
  FilterPath path;
  friend bool operator==(const Exists&, const Exists&) = default;
};
/// A null is among the values.
struct IsNull {
  FilterPath path;
  friend bool operator==(const IsNull&, const IsNull&) = default;
};
/// Nothing but nulls, empty arrays, empty objects and empty strings is there, or nothing at all.
struct IsEmpty {
  FilterPath path;
  friend bool operator==(const IsEmpty&, const IsEmpty&) = default;
};
/// A string begins with these bytes.
struct Prefix {
  FilterPath path;
  std::string text;
  friend bool operator==(const Prefix&, const Prefix&) = default;
};
/// All words of `text` are words of one string (words and case as in query/text/words.h); true for no words.
struct MatchWords {
  FilterPath path;
  std::string text;
  friend bool operator==(const MatchWords&, const MatchWords&) = default;
};
/// A place is {"lat": .., "lon": ..}: an object with both members, numbers within bounds. Great-circle
/// distance on a sphere of radius 6,371,008.8 m.
struct GeoRadius {
  FilterPath path;
  GeoPoint center;
  double metres = 0;  // ≥ 0, inclusive
  friend bool operator==(const GeoRadius&, const GeoRadius&) = default;
};
/// Inclusive; spans the antimeridian when west > east.
struct GeoBox {
  FilterPath path;
  GeoPoint south_west;
  GeoPoint north_east;
  friend bool operator==(const GeoBox&, const GeoBox&) = default;
};
/// Inside by the even-odd rule, edges straight in degrees, closed by itself; no edge spans the antimeridian.
struct GeoPolygon {
  FilterPath path;
  std::vector<GeoPoint> ring;  // ≥ 3
  friend bool operator==(const GeoPolygon&, const GeoPolygon&) = default;
};
/// The point's own id is one of these.
struct HasId {
  std::vector<Id> ids;
  friend bool operator==(const HasId&, const HasId&) = default;
};
/// One object among the values at `path` satisfies the filter by itself: its paths begin at the object. No
/// HasId within.
struct Nested {
  FilterPath path;
  std::vector<Filter> of;  // exactly one
};

struct Filter {
  using Node =
      std::variant<AllOf, AnyOf, AtLeast, NotOf, OneOf, ContainsAll, NumberRange, MomentRange, Exists, IsNull,
                   IsEmpty, Prefix, MatchWords, GeoRadius, GeoBox, GeoPolygon, HasId, Nested>;
  Node node = AllOf{};  // everything
};

/// Written alike: the same nodes in the same order, numbers held by the same type. Whether two filters mean
/// the same canonical.h tells of more.
bool operator==(const Filter& a, const Filter& b);
inline bool operator==(const AllOf& a, const AllOf& b) {
  return a.of == b.of;
}
inline bool operator==(const AnyOf& a, const AnyOf& b) {
  return a.of == b.of;
}
inline bool operator==(const AtLeast& a, const AtLeast& b) {
  return a.min == b.min && a.of == b.of;
}
inline bool operator==(const NotOf& a, const NotOf& b) {
  return a.of == b.of;
}
inline bool operator==(const Nested& a, const Nested& b) {
  return a.path == b.path && a.of == b.of;
}
inline bool operator==(const Filter& a, const Filter& b) {
  return a.node == b.node;
}

}  // namespace kith

#include "query/filter/check_filter.h"

#include <cmath>

#include "query/filter/filter_text.h"
#include "query/filter/geo.h"
#include "query/filter/number.h"
#include "query/schema/id_codec.h"
#include "query/schema/limits.h"
#include "query/schema/text.h"
#include "query/text/words.h"

namespace kith {
namespace {

class FilterCheck {
 public:
  // The depth is checked before going down, so recursion ends at the limit.
  Result<void> check(const Filter& filter, uint64_t depth, bool nested) {
    TRY(limits::kFilterDepth.check("filter depth", depth));
    TRY(limits::kFilterNodes.check("filter nodes", ++nodes_));
    depth_ = depth;
    nested_ = nested;
    return std::visit([&](const auto& node) { return check_node(node); }, filter.node);
  }

 private:
  Result<void> check_node(const AllOf& node) { return check_all(node.of); }
  Result<void> check_node(const AnyOf& node) { return check_all(node.of); }
  Result<void> check_node(const AtLeast& node) {
    if (node.min > node.of.size())
      return invalid_argument("filter: at least {} of {} conditions never hold; ask for {} at most", node.min,
                              node.of.size(), node.of.size());
    return check_all(node.of);
  }
  Result<void> check_node(const NotOf& node) { return check_one("NOT", node.of, nested_); }
  Result<void> check_node(const Nested& node) {
    TRY(check_path(node.path));
    return check_one("a nested condition", node.of, true);
  }
  Result<void> check_node(const OneOf& node) { return check_values(node.path, node.values); }
  Result<void> check_node(const ContainsAll& node) { return check_values(node.path, node.values); }
  Result<void> check_node(const NumberRange& node) {
    TRY(check_bounds(node));
    for (const auto& bound : {node.low, node.high})
      if (bound && !is_finite(bound->value)) return not_finite(node.path);
    return {};
  }
  Result<void> check_node(const MomentRange& node) { return check_bounds(node); }
  Result<void> check_node(const Exists& node) { return check_path(node.path); }
  Result<void> check_node(const IsNull& node) { return check_path(node.path); }
  Result<void> check_node(const IsEmpty& node) { return check_path(node.path); }
  Result<void> check_node(const Prefix& node) {
    TRY(check_path(node.path));
    return check_text(node.text);
  }
  Result<void> check_node(const MatchWords& node) {
    TRY(check_path(node.path));
    TRY(check_text(node.text));
    return count_values(word_set(node.text).size());
  }
  Result<void> check_node(const GeoRadius& node) {
    TRY(check_path(node.path));
    TRY(check_place(node.path, node.center));
    if (std::isfinite(node.metres) && node.metres >= 0) return {};
    return invalid_argument("filter: {}: a radius of {} m; give a finite number from 0 on", shown(node.path),
                            node.metres);
  }
  Result<void> check_node(const GeoBox& node) {
    TRY(check_path(node.path));
    TRY(check_place(node.path, node.south_west));
    return check_place(node.path, node.north_east);
  }
  Result<void> check_node(const GeoPolygon& node) {
    TRY(check_path(node.path));
    if (node.ring.size() < 3)
      return invalid_argument("filter: {}: a polygon of {} corners; give 3 at least", shown(node.path),
                              node.ring.size());
    TRY(count_values(node.ring.size()));
    for (const GeoPoint& corner : node.ring) TRY(check_place(node.path, corner));
    return {};
  }
  Result<void> check_node(const HasId& node) {
    if (nested_)
      return invalid_argument("filter: asks for the point's id within a nested condition; ask outside of it");
    TRY(count_values(node.ids.size()));
    for (const Id& id : node.ids) {
      if (const auto key = id_key_of(id); !key) return invalid_argument("filter: {}", key.error().message);
      if (const auto* text = std::get_if<std::string>(&id)) TRY(count_bytes(text->size()));
    }
    return {};
  }

  Result<void> check_all(const std::vector<Filter>& of) {
    const uint64_t below = depth_ + 1;
    const bool nested = nested_;
    for (const Filter& filter : of) TRY(check(filter, below, nested));
    return {};
  }
  Result<void> check_one(std::string_view what, const std::vector<Filter>& of, bool nested) {
    if (of.size() == 1) return check(of.front(), depth_ + 1, nested);
    return invalid_argument("filter: {} of {} conditions; give one", what, of.size());
  }
  Result<void> check_values(const FilterPath& path, const std::vector<FilterScalar>& values) {
    TRY(check_path(path));
    TRY(count_values(values.size()));
    for (const FilterScalar& value : values) {
      if (const auto* number = std::get_if<FilterNumber>(&value); number != nullptr && !is_finite(*number))
        return not_finite(path);
      if (const auto* text = std::get_if<std::string>(&value)) TRY(check_text(*text));
    }
    return {};
  }
  template <typename Range>
  Result<void> check_bounds(const Range& node) {
    TRY(check_path(node.path));
    if (node.low || node.high) return {};
    return invalid_argument("filter: {}: a range without bounds; give one or two", shown(node.path));
  }
  Result<void> check_place(const FilterPath& path, const GeoPoint& place) {
    if (is_place(place)) return {};
    return invalid_argument("filter: {}: ({}, {}) is no place; latitudes are within ±90, longitudes ±180",
                            shown(path), place.lat, place.lon);
  }
  Result<void> check_path(const FilterPath& path) {
    TRY(limits::kFilterPathNames.check("filter path names", path.names.size()));
    for (const std::string& name : path.names) {
      if (name.empty()) return invalid_argument("filter: {}: a name is empty", shown(path));
      TRY(check_text(name));
    }
    return {};
  }
  Result<void> check_text(std::string_view text) {
    TRY(count_bytes(text.size()));
    if (is_utf8(text)) return {};
    return invalid_argument("filter: holds {} bytes of text that are not UTF-8", text.size());
  }
  Result<void> count_values(uint64_t count) {
    values_ += count;
    return limits::kFilterValues.check("filter values", values_);
  }
  Result<void> count_bytes(uint64_t count) {
    bytes_ += count;
    return limits::kFilterBytes.check("filter bytes", bytes_);
  }

  static std::string shown(const FilterPath& path) { return excerpt(to_text(path)); }
  static Error not_finite(const FilterPath& path) {
    return invalid_argument("filter: {}: a number is not finite", shown(path));
  }

  uint64_t depth_ = 0;
  bool nested_ = false;  // within a Nested
  uint64_t nodes_ = 0;
  uint64_t values_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace

Result<void> check_filter(const Filter& filter) {
  return FilterCheck().check(filter, 1, false);
}

}  // namespace kith

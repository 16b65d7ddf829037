#include "server/api/convert_filter.h"

#include "query/filter/filter_text.h"
#include "query/filter/moment.h"
#include "query/filter/number.h"
#include "query/schema/limits.h"
#include "server/api/convert.h"

namespace kith {

FilterPath path_from_proto(const v1::Filter::Path& path) {
  return {{path.names().begin(), path.names().end()}};
}

namespace {

Result<FilterScalar> scalar_from_proto(const v1::Filter::Value& value, const std::string& path) {
  switch (value.kind_case()) {
    case v1::Filter::Value::kFlag:
      return FilterScalar(value.flag());
    case v1::Filter::Value::kInteger:
      return FilterScalar(FilterNumber(int64_t{value.integer()}));
    case v1::Filter::Value::kLarge:
      return FilterScalar(normal_number(FilterNumber(uint64_t{value.large()})));
    case v1::Filter::Value::kReal:
      if (!is_finite(value.real())) return invalid_argument("{}: {} is no finite number", path, value.real());
      return FilterScalar(normal_number(FilterNumber(value.real())));
    case v1::Filter::Value::kText:
      return FilterScalar(value.text());
    case v1::Filter::Value::KIND_NOT_SET:
      break;
  }
  return invalid_argument("{}: set one of flag, integer, large, real, text", path);
}

Result<std::vector<FilterScalar>> scalars_from_proto(const v1::Filter::Values& values,
                                                     const std::string& path) {
  std::vector<FilterScalar> out;
  out.reserve(static_cast<size_t>(values.values_size()));
  for (int i = 0; i < values.values_size(); ++i)
    out.push_back(TRY(scalar_from_proto(values.values(i), fmt::format("{}.values[{}]", path, i))));
  return out;
}

template <typename T>
Result<std::optional<FilterBound<T>>> bound_from_proto(bool there, const v1::Filter::Bound& bound,
                                                       const std::string& path) {
  if (!there) return std::optional<FilterBound<T>>();
  const FilterScalar value = TRY(scalar_from_proto(bound.value(), path + ".value"));
  FilterBound<T> out;
  out.inclusive = !bound.exclusive();
  if constexpr (std::is_same_v<T, Moment>) {
    const auto* text = std::get_if<std::string>(&value);
    const std::optional<Moment> moment = text == nullptr ? std::nullopt : parse_moment(*text);
    if (!moment.has_value())
      return invalid_argument(
          "{}.value: no moment like 2026-11-22T05:52:19Z; both bounds are moments or numbers", path);
    out.value = *moment;
  } else {
    const auto* number = std::get_if<FilterNumber>(&value);
    if (number == nullptr)
      return invalid_argument("{}.value: no number; both bounds are numbers or moments", path);
    out.value = *number;
  }
  return std::optional(out);
}

template <typename Leaf>
Result<Filter> values_from_proto(const v1::Filter::Values& values, const std::string& path) {
  std::vector<FilterScalar> scalars = TRY(scalars_from_proto(values, path));
  return Filter{Leaf{path_from_proto(values.path()), std::move(scalars)}};
}

template <typename T, typename Range>
Result<Filter> range_of(const v1::Filter::Range& range, const std::string& path) {
  const auto low = TRY(bound_from_proto<T>(range.has_low(), range.low(), path + ".low"));
  const auto high = TRY(bound_from_proto<T>(range.has_high(), range.high(), path + ".high"));
  return Filter{Range{path_from_proto(range.path()), low, high}};
}

Result<Filter> range_from_proto(const v1::Filter::Range& range, const std::string& path) {
  const v1::Filter::Value& first = range.has_low() ? range.low().value() : range.high().value();
  if (first.kind_case() == v1::Filter::Value::kText) return range_of<Moment, MomentRange>(range, path);
  return range_of<FilterNumber, NumberRange>(range, path);
}

GeoPoint place_from_proto(const v1::Filter::Place& place) {
  return {place.lat(), place.lon()};
}

void place_to_proto(const GeoPoint& place, v1::Filter::Place* out) {
  out->set_lat(place.lat);
  out->set_lon(place.lon);
}

Result<Filter> polygon_from_proto(const v1::Filter::Polygon& polygon) {
  GeoPolygon out{path_from_proto(polygon.path()), {}};
  for (const v1::Filter::Place& place : polygon.ring()) out.ring.push_back(place_from_proto(place));
  return Filter{std::move(out)};
}

Result<Filter> ids_from_proto(const v1::Filter::Ids& ids, const std::string& path) {
  HasId out;
  for (int i = 0; i < ids.ids_size(); ++i) {
    auto id = id_from_proto(ids.ids(i));
    if (!id.ok()) return within(std::move(id).error(), path + ".ids", static_cast<size_t>(i));
    out.ids.push_back(*std::move(id));
  }
  return Filter{std::move(out)};
}

template <typename Message>
Result<std::vector<Filter>> filters_from_proto(const Message& list, const std::string& path) {
  std::vector<Filter> out;
  out.reserve(static_cast<size_t>(list.of_size()));
  for (int i = 0; i < list.of_size(); ++i)
    out.push_back(TRY(filter_from_proto(list.of(i), fmt::format("{}.of[{}]", path, i))));
  return out;
}

Result<std::vector<Filter>> only(const v1::Filter& filter, const std::string& path) {
  std::vector<Filter> out;
  out.push_back(TRY(filter_from_proto(filter, path)));
  return out;
}

Result<Filter> at_least_from_proto(const v1::Filter::AtLeast& node, const std::string& path) {
  std::vector<Filter> of = TRY(filters_from_proto(node, path));
  return Filter{AtLeast{node.min(), std::move(of)}};
}

Result<Filter> nested_from_proto(const v1::Filter::Nested& node, const std::string& path) {
  std::vector<Filter> filter = TRY(only(node.filter(), path + ".filter"));
  return Filter{Nested{path_from_proto(node.path()), std::move(filter)}};
}

/// The nodes that ask a path.
Result<Filter> leaf_from_proto(const v1::Filter& filter, const std::string& path) {
  using Node = v1::Filter;
  switch (filter.node_case()) {
    case Node::kOneOf:
      return values_from_proto<OneOf>(filter.one_of(), path + ".one_of");
    case Node::kContainsAll:
      return values_from_proto<ContainsAll>(filter.contains_all(), path + ".contains_all");
    case Node::kRange:
      return range_from_proto(filter.range(), path + ".range");
    case Node::kExists:
      return Filter{Exists{path_from_proto(filter.exists())}};
    case Node::kIsNull:
      return Filter{IsNull{path_from_proto(filter.is_null())}};
    case Node::kIsEmpty:
      return Filter{IsEmpty{path_from_proto(filter.is_empty())}};
    case Node::kPrefix:
      return Filter{Prefix{path_from_proto(filter.prefix().path()), filter.prefix().text()}};
    case Node::kMatch:
      return Filter{MatchWords{path_from_proto(filter.match().path()), filter.match().text()}};
    case Node::kRadius:
      return Filter{GeoRadius{path_from_proto(filter.radius().path()),
                              place_from_proto(filter.radius().center()), filter.radius().metres()}};
    case Node::kBox:
      return Filter{GeoBox{path_from_proto(filter.box().path()), place_from_proto(filter.box().south_west()),
                           place_from_proto(filter.box().north_east())}};
    case Node::kPolygon:
      return polygon_from_proto(filter.polygon());
    default:
      break;
  }
  return invalid_argument("{}: empty; set one node, or leave the filter out", path);
}

}  // namespace

Result<Filter> filter_from_proto(const v1::Filter& filter, const std::string& path) {
  using Node = v1::Filter;
  switch (filter.node_case()) {
    case Node::kAll:
      return Filter{AllOf{TRY(filters_from_proto(filter.all(), path + ".all"))}};
    case Node::kAny:
      return Filter{AnyOf{TRY(filters_from_proto(filter.any(), path + ".any"))}};
    case Node::kAtLeast:
      return at_least_from_proto(filter.at_least(), path + ".at_least");
    case Node::kNegated:
      return Filter{NotOf{TRY(only(filter.negated(), path + ".negated"))}};
    case Node::kIds:
      return ids_from_proto(filter.ids(), path + ".ids");
    case Node::kNested:
      return nested_from_proto(filter.nested(), path + ".nested");
    case Node::kText: {
      auto parsed = parse_filter_text(filter.text());
      if (!parsed.ok()) return make_error(parsed.error().code, "{}.text: {}", path, parsed.error().message);
      return parsed;
    }
    default:
      return leaf_from_proto(filter, path);
  }
}

void path_to_proto(const FilterPath& path, v1::Filter::Path* out) {
  for (const std::string& name : path.names) out->add_names(name);
}

namespace {

void number_to_proto(const FilterNumber& number, v1::Filter::Value* out) {
  if (const auto* integer = std::get_if<int64_t>(&number)) {
    out->set_integer(*integer);
  } else if (const auto* large = std::get_if<uint64_t>(&number)) {
    out->set_large(*large);
  } else {
    out->set_real(std::get<double>(number));
  }
}

}  // namespace

void scalar_to_proto(const FilterScalar& scalar, v1::Filter::Value* out) {
  if (const auto* flag = std::get_if<bool>(&scalar)) {
    out->set_flag(*flag);
  } else if (const auto* text = std::get_if<std::string>(&scalar)) {
    out->set_text(*text);
  } else {
    number_to_proto(std::get<FilterNumber>(scalar), out);
  }
}

namespace {

template <typename Range>
void range_to_proto(const Range& range, v1::Filter::Range* out) {
  path_to_proto(range.path, out->mutable_path());
  const auto bound_to_proto = [](const auto& bound, v1::Filter::Bound* to) {
    to->set_exclusive(!bound.inclusive);
    if constexpr (std::is_same_v<Range, MomentRange>) {
      to->mutable_value()->set_text(to_text(bound.value));
    } else {
      number_to_proto(bound.value, to->mutable_value());
    }
  };
  if (range.low.has_value()) bound_to_proto(*range.low, out->mutable_low());
  if (range.high.has_value()) bound_to_proto(*range.high, out->mutable_high());
}

/// One overload a node.
struct NodeToProto {
  v1::Filter* out;

  template <typename Message>
  void list(const std::vector<Filter>& of, Message* to) const {
    for (const Filter& filter : of) filter_to_proto(filter, to->add_of());
  }
  template <typename Leaf>
  void values(const Leaf& leaf, v1::Filter::Values* to) const {
    path_to_proto(leaf.path, to->mutable_path());
    for (const FilterScalar& value : leaf.values) scalar_to_proto(value, to->add_values());
  }
  template <typename Leaf>
  void text(const Leaf& leaf, v1::Filter::Text* to) const {
    path_to_proto(leaf.path, to->mutable_path());
    to->set_text(leaf.text);
  }

  void operator()(const AllOf& node) const { list(node.of, out->mutable_all()); }
  void operator()(const AnyOf& node) const { list(node.of, out->mutable_any()); }
  void operator()(const AtLeast& node) const {
    out->mutable_at_least()->set_min(node.min);
    list(node.of, out->mutable_at_least());
  }
  void operator()(const NotOf& node) const { filter_to_proto(node.of.front(), out->mutable_negated()); }
  void operator()(const OneOf& node) const { values(node, out->mutable_one_of()); }
  void operator()(const ContainsAll& node) const { values(node, out->mutable_contains_all()); }
  void operator()(const NumberRange& node) const { range_to_proto(node, out->mutable_range()); }
  void operator()(const MomentRange& node) const { range_to_proto(node, out->mutable_range()); }
  void operator()(const Exists& node) const { path_to_proto(node.path, out->mutable_exists()); }
  void operator()(const IsNull& node) const { path_to_proto(node.path, out->mutable_is_null()); }
  void operator()(const IsEmpty& node) const { path_to_proto(node.path, out->mutable_is_empty()); }
  void operator()(const Prefix& node) const { text(node, out->mutable_prefix()); }
  void operator()(const MatchWords& node) const { text(node, out->mutable_match()); }
  void operator()(const GeoRadius& node) const {
    path_to_proto(node.path, out->mutable_radius()->mutable_path());
    place_to_proto(node.center, out->mutable_radius()->mutable_center());
    out->mutable_radius()->set_metres(node.metres);
  }
  void operator()(const GeoBox& node) const {
    path_to_proto(node.path, out->mutable_box()->mutable_path());
    place_to_proto(node.south_west, out->mutable_box()->mutable_south_west());
    place_to_proto(node.north_east, out->mutable_box()->mutable_north_east());
  }
  void operator()(const GeoPolygon& node) const {
    path_to_proto(node.path, out->mutable_polygon()->mutable_path());
    for (const GeoPoint& place : node.ring) place_to_proto(place, out->mutable_polygon()->add_ring());
  }
  void operator()(const HasId& node) const {
    out->mutable_ids();
    for (const Id& id : node.ids) id_to_proto(id, out->mutable_ids()->add_ids());
  }
  void operator()(const Nested& node) const {
    path_to_proto(node.path, out->mutable_nested()->mutable_path());
    filter_to_proto(node.of.front(), out->mutable_nested()->mutable_filter());
  }
};

}  // namespace

void filter_to_proto(const Filter& filter, v1::Filter* out) {
  std::visit(NodeToProto{out}, filter.node);
}

}  // namespace kith

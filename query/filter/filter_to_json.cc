#include "query/filter/filter_json.h"
#include "query/filter/moment.h"
#include "query/filter/number.h"
#include "query/schema/text.h"

namespace kith {
namespace {

std::string json(double number) {
  return to_text(FilterNumber(number));
}
std::string json(const FilterNumber& number) {
  return to_text(number);
}
std::string json(Moment moment) {
  return to_json_string(to_text(moment));
}
std::string json(const std::string& text) {
  return to_json_string(text);
}
std::string json(const GeoPoint& place) {
  return fmt::format("[{}, {}]", json(place.lat), json(place.lon));
}
std::string json(const FilterScalar& scalar) {
  if (const auto* flag = std::get_if<bool>(&scalar)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<FilterNumber>(&scalar)) return to_text(*number);
  return to_json_string(std::get<std::string>(scalar));
}
std::string json(const Id& id) {
  if (const auto* text = std::get_if<std::string>(&id)) return to_json_string(*text);
  if (std::holds_alternative<Uuid>(id)) return "{\"uuid\": \"" + to_string(id) + "\"}";
  return to_string(id);
}
std::string json(const Filter& filter) {
  return to_json(filter);
}

template <typename T>
std::string json(const std::vector<T>& values) {
  std::string out;
  for (const T& value : values) out += (out.empty() ? "" : ", ") + json(value);
  return "[" + out + "]";
}

// Names joined by points, or a list where a name holds one.
std::string json(const FilterPath& path) {
  std::string joined;
  for (const std::string& name : path.names) {
    if (name.find('.') != std::string::npos) return json(path.names);
    joined += (joined.empty() ? "" : ".") + name;
  }
  return to_json_string(joined);
}

std::string node_of_path(const FilterPath& path, std::string_view name, const std::string& value) {
  return fmt::format("{{\"path\": {}, \"{}\": {}}}", json(path), name, value);
}

// One overload a node.
struct JsonOf {
  std::string operator()(const AllOf& node) const { return "{\"all\": " + json(node.of) + "}"; }
  std::string operator()(const AnyOf& node) const { return "{\"any\": " + json(node.of) + "}"; }
  std::string operator()(const AtLeast& node) const {
    return fmt::format("{{\"at_least\": {{\"min\": {}, \"of\": {}}}}}", node.min, json(node.of));
  }
  std::string operator()(const NotOf& node) const { return "{\"not\": " + json(node.of.front()) + "}"; }
  std::string operator()(const OneOf& node) const {
    if (node.values.size() == 1) return node_of_path(node.path, "equals", json(node.values.front()));
    return node_of_path(node.path, "in", json(node.values));
  }
  std::string operator()(const ContainsAll& node) const {
    return node_of_path(node.path, "contains_all", json(node.values));
  }
  std::string operator()(const NumberRange& node) const { return range(node); }
  std::string operator()(const MomentRange& node) const { return range(node); }
  std::string operator()(const Exists& node) const { return node_of_path(node.path, "exists", "true"); }
  std::string operator()(const IsNull& node) const { return node_of_path(node.path, "null", "true"); }
  std::string operator()(const IsEmpty& node) const { return node_of_path(node.path, "empty", "true"); }
  std::string operator()(const Prefix& node) const {
    return node_of_path(node.path, "prefix", json(node.text));
  }
  std::string operator()(const MatchWords& node) const {
    return node_of_path(node.path, "match", json(node.text));
  }
  std::string operator()(const GeoRadius& node) const {
    return node_of_path(node.path, "near",
                        fmt::format("{{\"lat\": {}, \"lon\": {}, \"metres\": {}}}", json(node.center.lat),
                                    json(node.center.lon), json(node.metres)));
  }
  std::string operator()(const GeoBox& node) const {
    return node_of_path(
        node.path, "box",
        fmt::format("{{\"south\": {}, \"west\": {}, \"north\": {}, \"east\": {}}}", json(node.south_west.lat),
                    json(node.south_west.lon), json(node.north_east.lat), json(node.north_east.lon)));
  }
  std::string operator()(const GeoPolygon& node) const {
    return node_of_path(node.path, "polygon", json(node.ring));
  }
  std::string operator()(const HasId& node) const { return "{\"ids\": " + json(node.ids) + "}"; }
  std::string operator()(const Nested& node) const {
    return node_of_path(node.path, "nested", json(node.of.front()));
  }

  template <typename Range>
  static std::string range(const Range& node) {
    std::string bounds;
    if (node.low)
      bounds = fmt::format("\"{}\": {}", node.low->inclusive ? "gte" : "gt", json(node.low->value));
    if (node.high)
      bounds += fmt::format("{}\"{}\": {}", bounds.empty() ? "" : ", ", node.high->inclusive ? "lte" : "lt",
                            json(node.high->value));
    return node_of_path(node.path, "range", "{" + bounds + "}");
  }
};

}  // namespace

std::string to_json(const Filter& filter) {
  return std::visit(JsonOf{}, filter.node);
}

}  // namespace kith

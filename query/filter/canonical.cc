#include "query/filter/canonical.h"

#include <algorithm>
#include <limits>
#include <map>

#include "query/filter/filter_text.h"
#include "query/filter/number.h"
#include "query/filter/scalar.h"
#include "query/text/words.h"

namespace kith {
namespace {

Filter everything() {
  return {AllOf{}};
}
Filter nothing() {
  return {AnyOf{}};
}

template <typename Node>
const Node* as(const Filter& filter) {
  return std::get_if<Node>(&filter.node);
}
bool is_everything(const Filter& filter) {
  return as<AllOf>(filter) != nullptr && as<AllOf>(filter)->of.empty();
}
bool is_nothing(const Filter& filter) {
  return as<AnyOf>(filter) != nullptr && as<AnyOf>(filter)->of.empty();
}

// Of a canonical leaf, constant or nested condition, or the opposite of one.
Filter opposite(Filter filter) {
  if (is_everything(filter)) return nothing();
  if (is_nothing(filter)) return everything();
  if (auto* node = std::get_if<NotOf>(&filter.node)) return std::move(node->of.front());
  return {NotOf{{std::move(filter)}}};
}

void sort_once(std::vector<FilterScalar>& values) {
  const auto less = [](const FilterScalar& a, const FilterScalar& b) {
    return compare_scalars(scalar_view(a), scalar_view(b)) < 0;
  };
  for (FilterScalar& value : values)
    if (auto* number = std::get_if<FilterNumber>(&value)) *number = normal_number(*number);
  std::sort(values.begin(), values.end(), less);
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

void sort_once(std::vector<Id>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

Filter one_of(FilterPath path, std::vector<FilterScalar> values) {
  sort_once(values);
  if (values.empty()) return nothing();
  return {OneOf{std::move(path), std::move(values)}};
}

Filter contains_all(FilterPath path, std::vector<FilterScalar> values) {
  sort_once(values);
  if (values.empty()) return everything();
  if (values.size() == 1) return {OneOf{std::move(path), std::move(values)}};
  return {ContainsAll{std::move(path), std::move(values)}};
}

Filter has_id(std::vector<Id> ids) {
  sort_once(ids);
  if (ids.empty()) return nothing();
  return {HasId{std::move(ids)}};
}

GeoPoint without_minus_zero(const GeoPoint& place) {
  return {place.lat + 0.0, place.lon + 0.0};
}

// The children of an AllOf or AnyOf, joined where they ask one path, or the id, for values. "One of these"
// may be joined where one condition is enough (in AnyOf, or negated in AllOf), "all of these" where each must
// hold.
class Joiner {
 public:
  explicit Joiner(bool all) : all_(all) {}

  void add(Filter child) {
    const auto* negation = as<NotOf>(child);
    const bool negated = negation != nullptr;
    const Filter& leaf = negated ? negation->of.front() : child;
    const bool one_is_enough = all_ == negated;
    const auto* one = as<OneOf>(leaf);
    const auto* each = as<ContainsAll>(leaf);
    if (one != nullptr && (one_is_enough || one->values.size() == 1))
      append(values_[{negated, one->path}], one->values);
    else if (each != nullptr && !one_is_enough)
      append(values_[{negated, each->path}], each->values);
    else if (as<HasId>(leaf) != nullptr && one_is_enough)
      append(ids_[negated], as<HasId>(leaf)->ids);
    else
      others_.push_back(std::move(child));
  }

  std::vector<Filter> take() {
    for (auto& [asked, values] : values_) {
      const auto& [negated, path] = asked;
      Filter joined =
          all_ == negated ? one_of(path, std::move(values)) : contains_all(path, std::move(values));
      others_.push_back(negated ? opposite(std::move(joined)) : std::move(joined));
    }
    for (auto& [negated, ids] : ids_)
      others_.push_back(negated ? opposite(has_id(std::move(ids))) : has_id(std::move(ids)));
    return std::move(others_);
  }

 private:
  template <typename T>
  static void append(std::vector<T>& to, const std::vector<T>& values) {
    to.insert(to.end(), values.begin(), values.end());
  }

  bool all_;
  std::map<std::pair<bool, FilterPath>, std::vector<FilterScalar>> values_;  // by negated and path
  std::map<bool, std::vector<Id>> ids_;
  std::vector<Filter> others_;
};

struct Keyed {
  std::string key;
  Filter filter;
};

std::vector<Filter> sorted(std::vector<Filter> filters, bool once) {
  std::vector<Keyed> keyed;
  for (Filter& filter : filters) {
    std::string text = to_text(filter);
    keyed.push_back({std::move(text), std::move(filter)});
  }
  std::sort(keyed.begin(), keyed.end(), [](const Keyed& a, const Keyed& b) { return a.key < b.key; });
  const auto same = [](const Keyed& a, const Keyed& b) { return a.key == b.key; };
  if (once) keyed.erase(std::unique(keyed.begin(), keyed.end(), same), keyed.end());
  filters.clear();
  for (Keyed& one : keyed) filters.push_back(std::move(one.filter));
  return filters;
}

// All (or any) of canonical children.
template <typename Node>
Filter group(std::vector<Filter> children) {
  constexpr bool kAll = std::is_same_v<Node, AllOf>;
  Joiner joiner(kAll);
  for (Filter& child : children) {
    if (kAll ? is_nothing(child) : is_everything(child)) return child;
    if (auto* same = std::get_if<Node>(&child.node)) {
      for (Filter& below : same->of) joiner.add(std::move(below));
    } else if (!(kAll ? is_everything(child) : is_nothing(child))) {
      joiner.add(std::move(child));
    }
  }
  children = sorted(joiner.take(), true);
  if (children.size() == 1) return std::move(children.front());
  return {Node{std::move(children)}};
}

// At least `min` of canonical children. A child that stands there twice counts twice.
Filter at_least(size_t min, std::vector<Filter> children) {
  min -= std::min(min, static_cast<size_t>(std::ranges::count_if(children, is_everything)));
  std::erase_if(children, [](const Filter& child) { return is_everything(child) || is_nothing(child); });
  if (min == 0) return everything();
  if (min > children.size()) return nothing();
  if (min == 1) return group<AnyOf>(std::move(children));
  if (min == children.size()) return group<AllOf>(std::move(children));
  return {AtLeast{static_cast<uint32_t>(min), sorted(std::move(children), false)}};
}

Filter canonical_of(const Filter& filter, bool negated);

std::vector<Filter> canonical_of(const std::vector<Filter>& filters, bool negated) {
  std::vector<Filter> out;
  for (const Filter& filter : filters) out.push_back(canonical_of(filter, negated));
  return out;
}

// One overload a node that asks for something.
struct CanonicalLeaf {
  Filter operator()(const OneOf& node) const { return one_of(node.path, node.values); }
  Filter operator()(const ContainsAll& node) const { return contains_all(node.path, node.values); }
  Filter operator()(const HasId& node) const { return has_id(node.ids); }
  Filter operator()(NumberRange node) const {
    for (auto* bound : {&node.low, &node.high})
      if (*bound) (*bound)->value = normal_number((*bound)->value);
    if (!node.low || !node.high) return {std::move(node)};
    const std::weak_ordering order = compare_numbers(node.low->value, node.high->value);
    if (order > 0) return nothing();
    if (order < 0) return {std::move(node)};
    if (!node.low->inclusive || !node.high->inclusive) return nothing();
    return {OneOf{std::move(node.path), {node.low->value}}};
  }
  Filter operator()(MomentRange node) const {
    constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
    constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
    if (node.low && !node.low->inclusive) {
      if (node.low->value.ns == kLast) return nothing();
      node.low = {{node.low->value.ns + 1}, true};
    }
    if (node.high && !node.high->inclusive) {
      if (node.high->value.ns == kFirst) return nothing();
      node.high = {{node.high->value.ns - 1}, true};
    }
    if (node.low && node.high && node.low->value > node.high->value) return nothing();
    return {std::move(node)};
  }
  Filter operator()(MatchWords node) const {
    const std::vector<std::string> words = word_set(node.text);
    if (words.empty()) return everything();
    std::string joined;
    for (const std::string& word : words) joined += (joined.empty() ? "" : " ") + word;
    // Where words have no spaces between them they may be cut otherwise when they stand alone.
    if (word_set(joined) == words) node.text = std::move(joined);
    return {std::move(node)};
  }
  Filter operator()(GeoRadius node) const {
    node.center = without_minus_zero(node.center);
    node.metres += 0.0;
    return {std::move(node)};
  }
  Filter operator()(GeoBox node) const {
    if (node.south_west.lat > node.north_east.lat) return nothing();
    node.south_west = without_minus_zero(node.south_west);
    node.north_east = without_minus_zero(node.north_east);
    return {std::move(node)};
  }
  Filter operator()(GeoPolygon node) const {
    for (GeoPoint& corner : node.ring) corner = without_minus_zero(corner);
    return {std::move(node)};
  }
  Filter operator()(const Nested& node) const {
    Filter inner = canonical_of(node.of.front(), false);
    if (is_nothing(inner)) return nothing();
    return {Nested{node.path, {std::move(inner)}}};
  }
  template <typename Node>
  Filter operator()(const Node& node) const {
    return {node};
  }
};

Filter canonical_of(const Filter& filter, bool negated) {
  if (const auto* node = as<NotOf>(filter)) return canonical_of(node->of.front(), !negated);
  if (const auto* node = as<AllOf>(filter)) {
    auto of = canonical_of(node->of, negated);
    return negated ? group<AnyOf>(std::move(of)) : group<AllOf>(std::move(of));
  }
  if (const auto* node = as<AnyOf>(filter)) {
    auto of = canonical_of(node->of, negated);
    return negated ? group<AllOf>(std::move(of)) : group<AnyOf>(std::move(of));
  }
  if (const auto* node = as<AtLeast>(filter)) {
    if (node->min > node->of.size()) return negated ? everything() : nothing();
    const size_t min = negated ? node->of.size() - node->min + 1 : node->min;
    return at_least(min, canonical_of(node->of, negated));
  }
  Filter leaf = std::visit(CanonicalLeaf{}, filter.node);
  return negated ? opposite(std::move(leaf)) : leaf;
}

}  // namespace

Filter canonical(const Filter& filter) {
  return canonical_of(filter, false);
}

std::string key(const Filter& filter) {
  return to_text(canonical(filter));
}

}  // namespace kith

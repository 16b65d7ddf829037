#include "query/filter/matches.h"

#include <algorithm>

#include "query/filter/geo.h"
#include "query/filter/moment.h"
#include "query/filter/number.h"
#include "query/filter/path_values.h"
#include "query/filter/scalar.h"
#include "query/text/words.h"

namespace kith {
namespace {

bool scalar_less(const FilterScalar& a, const FilterScalar& b) {
  return compare_scalars(scalar_view(a), scalar_view(b)) < 0;
}

void sort_once(std::vector<FilterScalar>& values) {
  std::sort(values.begin(), values.end(), scalar_less);
  const auto equal = [](const FilterScalar& a, const FilterScalar& b) {
    return compare_scalars(scalar_view(a), scalar_view(b)) == 0;
  };
  values.erase(std::unique(values.begin(), values.end(), equal), values.end());
}

// Where among `sorted` a value of a payload stands; sorted.size() when it is not there.
size_t find_scalar(const std::vector<FilterScalar>& sorted, const JsonValue& value) {
  const auto wanted = scalar_of(value);
  if (!wanted) return sorted.size();
  const auto at = std::lower_bound(
      sorted.begin(), sorted.end(), *wanted,
      [](const auto& a, const ScalarView& b) { return compare_scalars(scalar_view(a), b) < 0; });
  if (at == sorted.end() || compare_scalars(scalar_view(*at), *wanted) != 0) return sorted.size();
  return static_cast<size_t>(at - sorted.begin());
}

template <typename T, typename Compare>
bool within(const T& value, const std::optional<FilterBound<T>>& low,
            const std::optional<FilterBound<T>>& high, Compare compare) {
  if (low) {
    const std::weak_ordering order = compare(value, low->value);
    if (order < 0 || (order == 0 && !low->inclusive)) return false;
  }
  if (high) {
    const std::weak_ordering order = compare(value, high->value);
    if (order > 0 || (order == 0 && !high->inclusive)) return false;
  }
  return true;
}

bool is_nothing(const JsonValue& value) {
  return value.is_null() || (value.is_string() && value.string().empty()) ||
         (value.is_object() && value.empty());
}

bool has_words(const JsonValue& value, const std::vector<std::string>& wanted) {
  if (!value.is_string()) return false;
  const std::vector<std::string> words = word_set(value.string());
  return std::includes(words.begin(), words.end(), wanted.begin(), wanted.end());
}

template <typename Ask>
bool any_value(const JsonValue& object, const FilterPath& path, Ask ask) {
  return visit_values(object, path, ask).ended;
}

bool contains_all(const JsonValue& object, const ContainsAll& node) {
  std::vector<bool> seen(node.values.size());
  size_t missing = node.values.size();
  if (missing == 0) return true;
  visit_values(object, node.path, [&](const JsonValue& value) {
    const size_t at = find_scalar(node.values, value);
    if (at < seen.size() && !seen[at]) {
      seen[at] = true;
      --missing;
    }
    return missing == 0;
  });
  return missing == 0;
}

template <typename T>
concept HasFiltersBelow = requires(T node) {
  std::vector<Filter>(node.of);
};

}  // namespace

// One overload a node: does it hold for an object and an id.
struct Matcher::Step::Question {
  const Step& step;
  const Id& id;
  const JsonValue& object;

  bool operator()(const AllOf&) const {
    return std::all_of(step.of_.begin(), step.of_.end(),
                       [&](const Step& s) { return s.matches(id, object); });
  }
  bool operator()(const AnyOf&) const {
    return std::any_of(step.of_.begin(), step.of_.end(),
                       [&](const Step& s) { return s.matches(id, object); });
  }
  bool operator()(const AtLeast& node) const {
    size_t hold = 0;
    for (size_t i = 0; i < step.of_.size() && hold < node.min; ++i) hold += step.of_[i].matches(id, object);
    return hold >= node.min;
  }
  bool operator()(const NotOf&) const { return !step.of_.front().matches(id, object); }
  bool operator()(const OneOf& node) const {
    return any_value(object, node.path,
                     [&](const JsonValue& v) { return find_scalar(node.values, v) < node.values.size(); });
  }
  bool operator()(const ContainsAll& node) const { return contains_all(object, node); }
  bool operator()(const NumberRange& node) const {
    return any_value(object, node.path, [&](const JsonValue& v) {
      return v.is_number() && within(v.number(), node.low, node.high, compare_numbers);
    });
  }
  bool operator()(const MomentRange& node) const {
    return any_value(object, node.path, [&](const JsonValue& v) {
      const auto moment = v.is_string() ? parse_moment(v.string()) : std::nullopt;
      return moment && within(*moment, node.low, node.high,
                              [](Moment a, Moment b) -> std::weak_ordering { return a <=> b; });
    });
  }
  bool operator()(const Exists& node) const {
    return visit_values(object, node.path, [](const JsonValue&) { return false; }).member_met;
  }
  bool operator()(const IsNull& node) const {
    return any_value(object, node.path, [](const JsonValue& v) { return v.is_null(); });
  }
  bool operator()(const IsEmpty& node) const {
    return !any_value(object, node.path, [](const JsonValue& v) { return !is_nothing(v); });
  }
  bool operator()(const Prefix& node) const {
    return any_value(object, node.path,
                     [&](const JsonValue& v) { return v.is_string() && v.string().starts_with(node.text); });
  }
  bool operator()(const MatchWords& node) const {
    if (step.words_.empty()) return true;
    return any_value(object, node.path, [&](const JsonValue& v) { return has_words(v, step.words_); });
  }
  bool operator()(const GeoRadius& node) const {
    return any_place(
        node.path, [&](const GeoPoint& place) { return distance_metres(node.center, place) <= node.metres; });
  }
  bool operator()(const GeoBox& node) const {
    return any_place(node.path, [&](const GeoPoint& place) { return in_box(place, node); });
  }
  bool operator()(const GeoPolygon& node) const {
    return any_place(node.path, [&](const GeoPoint& place) { return in_polygon(place, node.ring); });
  }
  bool operator()(const HasId& node) const {
    return std::binary_search(node.ids.begin(), node.ids.end(), id);
  }
  bool operator()(const Nested& node) const {
    return any_value(object, node.path,
                     [&](const JsonValue& v) { return v.is_object() && step.of_.front().matches(id, v); });
  }

  template <typename Ask>
  bool any_place(const FilterPath& path, Ask ask) const {
    return any_value(object, path, [&](const JsonValue& v) {
      const auto place = place_of(v);
      return place && ask(*place);
    });
  }
};

Matcher::Step::Step(const Filter& filter) : node_(filter.node) {
  std::visit(
      [&](auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (HasFiltersBelow<Node>) {
          for (const Filter& below : node.of) of_.emplace_back(below);
          node.of.clear();
        } else if constexpr (std::is_same_v<Node, OneOf> || std::is_same_v<Node, ContainsAll>) {
          sort_once(node.values);
        } else if constexpr (std::is_same_v<Node, MatchWords>) {
          words_ = word_set(node.text);
        } else if constexpr (std::is_same_v<Node, HasId>) {
          std::sort(node.ids.begin(), node.ids.end());
        }
      },
      node_);
}

bool Matcher::Step::matches(const Id& id, const JsonValue& object) const {
  return std::visit(Question{*this, id, object}, node_);
}

}  // namespace kith

#include "query/columns/selector.h"

#include <algorithm>
#include <utility>

#include "query/columns/column.h"
#include "query/schema/limits.h"
#include "query/text/words.h"

namespace kith {
namespace {

/// Below, where a valid filter has nothing, all is unsure.
constexpr size_t kDepthMax = limits::kFilterDepth.max;

template <typename T>
concept HasParts = requires(T node) {
  std::vector<Filter>(node.of);
};

template <typename T>
concept IsShape = std::is_same_v<T, GeoRadius> || std::is_same_v<T, GeoBox> || std::is_same_v<T, GeoPolygon>;

/// Those that look at many keys are asked last: there may be no need.
bool is_quick(const Filter& filter) {
  return std::holds_alternative<OneOf>(filter.node) || std::holds_alternative<NumberRange>(filter.node) ||
         std::holds_alternative<MomentRange>(filter.node) || std::holds_alternative<HasId>(filter.node);
}

FilterPath below(const std::vector<std::string>& prefix, const FilterPath& path) {
  FilterPath joined{prefix};
  joined.names.insert(joined.names.end(), path.names.begin(), path.names.end());
  return joined;
}

}  // namespace

void Selector::resolve(const Filter& filter, const ResolveIds& resolve_ids, size_t depth) {
  if (depth >= kDepthMax) return;
  const auto visit = [&]<typename Node>(const Node& node) {
    if constexpr (HasParts<Node>)
      for (const Filter& part : node.of) resolve(part, resolve_ids, depth + 1);
    if constexpr (std::is_same_v<Node, HasId>) ids_.emplace(&node, resolve_ids(node.ids));
  };
  std::visit(visit, filter.node);
}

template <typename Ask>
Truth Selector::by_column(const FilterPath& path, Ask ask) const {
  Truth truth;
  const auto found = store_.by_path_.find(path_key(path.names));
  if (found != store_.by_path_.end())
    truth = ask(std::as_const(*found->second));
  else
    truth.perhaps = store_.pathless_;
  truth.add_perhaps(store_.opaque_);
  return truth;
}

/// The leaf as if it asked `path`.
template <typename Leaf>
Truth Selector::leaf(const Leaf& leaf, const FilterPath& path) const {
  if constexpr (std::is_same_v<Leaf, Exists>) {
    return by_column(path, [](const Column& column) { return Truth{column.existing(), {}}; });
  } else if constexpr (std::is_same_v<Leaf, IsNull>) {
    return by_column(path, [](const Column& column) { return Truth{column.nulls(), {}}; });
  } else if constexpr (std::is_same_v<Leaf, IsEmpty>) {
    return negate(by_column(path, [](const Column& column) { return Truth{column.nonempty(), {}}; }), live());
  } else if constexpr (std::is_same_v<Leaf, ContainsAll>) {
    if (leaf.values.empty()) return {live(), {}};
    return by_column(path, [&](const Column& column) { return column.ask(leaf); });
  } else if constexpr (std::is_same_v<Leaf, MatchWords>) {
    const std::vector<std::string> words = word_set(leaf.text);
    if (words.empty()) return {live(), {}};
    return by_column(path, [&](const Column& column) { return column.ask_words(words); });
  } else if constexpr (IsShape<Leaf>) {
    return by_column(path, [&](const Column& column) { return column.ask(cover(leaf)); });
  } else {
    return by_column(path, [&](const Column& column) { return column.ask(leaf); });
  }
}

namespace {

/// The smallest first: what is left of it makes the rest quick. One stays.
void intersect_all(std::vector<Truth>& truths) {
  std::sort(truths.begin(), truths.end(),
            [](const Truth& a, const Truth& b) { return a.possible_rows() < b.possible_rows(); });
  for (size_t i = 1; i < truths.size(); ++i) truths.front().intersect(truths[i]);
  truths.resize(1);
}

}  // namespace

Truth Selector::all_of(const std::vector<Filter>& parts, size_t depth) const {
  constexpr size_t kHeldMax = 8;  // bounds the memory that a filter of many parts takes
  std::vector<Truth> truths;
  for (const bool quick : {true, false}) {
    for (const Filter& part : parts) {
      if (is_quick(part) != quick) continue;
      truths.push_back(ask(part, depth + 1));
      if (truths.back().possible_rows() == 0) return {};
      if (truths.size() == kHeldMax) intersect_all(truths);
    }
  }
  if (truths.empty()) return {live(), {}};
  intersect_all(truths);
  return std::move(truths.front());
}

/// One overload a node of another kind than leaves with paths.
struct SelectorQuestion {
  const Selector& selector;
  size_t depth;

  const RowSet& live() const { return selector.live(); }
  Truth operator()(const AllOf& node) const { return selector.all_of(node.of, depth); }
  Truth operator()(const AnyOf& node) const {
    Truth any;
    for (const Filter& part : node.of) any.unite(selector.ask(part, depth + 1));
    return any;
  }
  Truth operator()(const AtLeast& node) const {
    if (node.min == 0) return {live(), {}};
    RowCounter yes;
    RowCounter possible;
    for (const Filter& part : node.of) {
      const Truth truth = selector.ask(part, depth + 1);
      yes.add(truth.yes);
      possible.add(truth.possible());
    }
    Truth out{yes.at_least(node.min), {}};
    out.add_perhaps(possible.at_least(node.min));
    return out;
  }
  Truth operator()(const NotOf& node) const {
    return negate(selector.ask(node.of.front(), depth + 1), live());
  }
  Truth operator()(const HasId& node) const {
    const auto found = selector.ids_.find(&node);
    if (found == selector.ids_.end()) return {{}, live()};
    return {found->second, {}};
  }
  Truth operator()(const Nested& node) const {
    const Truth objects = selector.by_column(node.path, [](const Column& column) {
      return Truth{column.objects(), {}};
    });
    return {{}, selector.possible(node.of.front(), node.path.names, objects.possible(), depth + 1)};
  }
  template <typename Leaf>
  Truth operator()(const Leaf& leaf) const {
    return selector.leaf(leaf, leaf.path);
  }
};

Truth Selector::ask(const Filter& filter, size_t depth) const {
  if (depth >= kDepthMax) return {{}, live()};
  if (stopped()) return {};
  return std::visit(SelectorQuestion{*this, depth}, filter.node);
}

RowSet Selector::possible(const Filter& filter, const std::vector<std::string>& path, const RowSet& objects,
                          size_t depth) const {
  if (depth >= kDepthMax) return objects;
  if (stopped()) return {};
  const auto part_rows = [&](const Filter& part) { return possible(part, path, objects, depth + 1); };
  const auto visit = [&]<typename Node>(const Node& node) -> RowSet {
    if constexpr (std::is_same_v<Node, AllOf>) {
      RowSet rows = objects;
      for (const Filter& part : node.of) rows.intersect(part_rows(part));
      return rows;
    } else if constexpr (std::is_same_v<Node, AnyOf>) {
      RowSet rows;
      for (const Filter& part : node.of) rows.unite(part_rows(part));
      return rows;
    } else if constexpr (std::is_same_v<Node, AtLeast>) {
      if (node.min == 0) return objects;
      RowCounter parts;
      for (const Filter& part : node.of) parts.add(part_rows(part));
      return parts.at_least(node.min);
    } else if constexpr (std::is_same_v<Node, NotOf> || std::is_same_v<Node, IsEmpty> ||
                         std::is_same_v<Node, HasId>) {
      return objects;
    } else if constexpr (std::is_same_v<Node, Nested>) {
      const FilterPath inner = below(path, node.path);
      RowSet rows = by_column(inner, [](const Column& column) {
                      return Truth{column.objects(), {}};
                    }).possible();
      rows.intersect(objects);
      return possible(node.of.front(), inner.names, rows, depth + 1);
    } else {
      RowSet rows = leaf(node, below(path, node.path)).possible();
      rows.intersect(objects);
      return rows;
    }
  };
  return std::visit(visit, filter.node);
}

}  // namespace kith

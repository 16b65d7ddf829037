// Goal: filters that say the same in another way get one key, those that differ keep theirs, and a canonical
// filter holds for the same points. Method: pairs by hand; random filters rewritten at random by laws of
// logic must keep their key, and agree with their canonical form on random points.
#include "query/filter/canonical.h"

#include <gtest/gtest.h>

#include "query/filter/check_filter.h"
#include "query/filter/filter_text.h"
#include "query/filter/matches.h"
#include "tests/support/random_filter.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

std::string key_of(const std::string& text) {
  const auto filter = parse_filter_text(text);
  EXPECT_OK(filter) << text;
  return filter.ok() ? key(*filter) : "";
}

TEST(Canonical, GivesOneKeyToWhatSaysTheSame) {
  const std::pair<const char*, const char*> pairs[] = {
      {"a = 1 AND b = 2", "b = 2.0 AND a = 1 AND a = 1e0"},
      {"a = 1 OR a = 2", "a IN (2, 1, 2)"},
      {"a != 1 AND a != 2", "a NOT IN (1, 2)"},
      {"a CONTAINS ALL (1, 2)", "a = 1 AND a = 2"},
      {"NOT a CONTAINS ALL (1, 2)", "a != 1 OR a != 2"},
      {"ID = 1 OR ID = 'x'", "ID IN ('x', 1)"},
      {"NOT (EXISTS a AND EXISTS b)", "NOT EXISTS b OR NOT EXISTS a"},
      {"NOT (EXISTS a OR NOT EXISTS b)", "EXISTS b AND NOT EXISTS a"},
      {"AT LEAST 1 OF (EXISTS a, EXISTS b)", "EXISTS a OR EXISTS b"},
      {"AT LEAST 2 OF (EXISTS a, EXISTS b)", "EXISTS a AND EXISTS b"},
      {"AT LEAST 0 OF (EXISTS a)", "TRUE"},
      {"NOT AT LEAST 2 OF (EXISTS a, EXISTS b, EXISTS c)",
       "AT LEAST 2 OF (NOT EXISTS c, NOT EXISTS b, NOT EXISTS a)"},
      {"AT LEAST 2 OF (TRUE, EXISTS a, FALSE, EXISTS b)", "EXISTS a OR EXISTS b"},
      {"EXISTS a AND (EXISTS b AND EXISTS c)", "(EXISTS a AND EXISTS b) AND EXISTS c"},
      {"EXISTS a AND TRUE", "EXISTS a"},
      {"EXISTS a AND FALSE", "FALSE"},
      {"EXISTS a OR TRUE", "NOT FALSE"},
      {"a BETWEEN 1 AND 1", "a = 1"},
      {"a BETWEEN 2 AND 1", "FALSE"},
      {"1 < a < 1", "a IN ()"},
      {"a > DATE '2026-01-01T00:00:00Z'", "a >= DATE '2026-01-01T00:00:00.000000001Z'"},
      {"a MATCH 'Two words, two'", "a MATCH 'WORDS two'"},
      {"a MATCH '?'", "TRUE"},
      {"ANY a (FALSE)", "FALSE"},
      {"ANY a (EXISTS b OR EXISTS c)", "ANY a (EXISTS c OR EXISTS b)"},
      {"a IN BOX (1, 0, -1, 0)", "FALSE"},
      {"a.b = 1", "\"a\".\"b\" = 1"},
  };
  for (const auto& [a, b] : pairs) EXPECT_EQ(key_of(a), key_of(b)) << a << "\n" << b;
}

TEST(Canonical, KeepsKeysOfWhatDiffersApart) {
  const std::pair<const char*, const char*> pairs[] = {
      {"a = 1", "a = '1'"},
      {"a = 1", "a = TRUE"},
      {"a = 9007199254740993", "a = 9007199254740992"},
      {"a = 1 AND a = 2", "a = 1 OR a = 2"},
      {"a.b = 1", "\"a.b\" = 1"},
      {"a > 1", "a >= 1"},
      {"a > 1 AND a < 5", "1 < a < 5"},
      {"a MATCH 'x' AND a MATCH 'y'", "a MATCH 'x y'"},
      {"NOT a > 1", "a <= 1"},
      {"ANY a (EXISTS b)", "EXISTS a.b"},
      {"ANY a (b = 1 AND c = 1)", "ANY a (b = 1) AND ANY a (c = 1)"},
      {"AT LEAST 2 OF (EXISTS a, EXISTS a, EXISTS b)", "AT LEAST 2 OF (EXISTS a, EXISTS b, EXISTS b)"},
      {"a STARTS WITH ''", "TRUE"},
  };
  for (const auto& [a, b] : pairs) EXPECT_NE(key_of(a), key_of(b)) << a << "\n" << b;
}

// Says the same in another way, by laws of logic picked at random.
class Rewriter {
 public:
  explicit Rewriter(Random& random) : random_(random) {}

  Filter rewritten(const Filter& filter) {
    Filter out = std::visit([&](const auto& node) { return rewrite(node); }, filter.node);
    switch (random_.below(8)) {
      case 0:
        return {NotOf{{{NotOf{{std::move(out)}}}}}};
      case 1:
        return {AllOf{{std::move(out)}}};
      case 2:
        return {AnyOf{{std::move(out), {AnyOf{}}}}};
      case 3:
        return {AllOf{{{AllOf{}}, out, out}}};
      case 4:
        return {AtLeast{1, {std::move(out)}}};
      default:
        return out;
    }
  }

 private:
  template <typename T>
  void shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random_.below(i)]);
  }
  template <typename T>
  void repeat_some(std::vector<T>& values) {
    if (!values.empty() && random_.below(2) == 0) values.push_back(values[random_.below(values.size())]);
    shuffle(values);
  }
  std::vector<Filter> opposites(std::vector<Filter> of) {
    for (Filter& one : of) one = {NotOf{{std::move(one)}}};
    return of;
  }
  // Some of them in a group of their own.
  template <typename Node>
  void group_some(std::vector<Filter>& of) {
    if (of.size() < 2 || random_.below(2) == 0) return;
    const auto split = static_cast<std::ptrdiff_t>(1 + random_.below(of.size() - 1));
    Filter inner{Node{{of.begin(), of.begin() + split}}};
    of.erase(of.begin(), of.begin() + split);
    of.push_back(std::move(inner));
  }
  std::vector<Filter> each(const std::vector<Filter>& of) {
    std::vector<Filter> out;
    for (const Filter& one : of) out.push_back(rewritten(one));
    return out;
  }

  template <typename Node, typename Dual>
  Filter rewrite_group(const Node& node, size_t at_least_min) {
    std::vector<Filter> of = each(node.of);
    const uint64_t law = random_.below(4);
    if (law == 0 && !of.empty()) return {AtLeast{static_cast<uint32_t>(at_least_min), std::move(of)}};
    repeat_some(of);
    group_some<Node>(of);
    if (law == 1) return {NotOf{{{Dual{opposites(std::move(of))}}}}};
    return {Node{std::move(of)}};
  }
  Filter rewrite(const AllOf& node) { return rewrite_group<AllOf, AnyOf>(node, node.of.size()); }
  Filter rewrite(const AnyOf& node) { return rewrite_group<AnyOf, AllOf>(node, 1); }
  Filter rewrite(const AtLeast& node) {
    std::vector<Filter> of = each(node.of);
    shuffle(of);
    if (node.min > 0 && random_.below(2) == 0) {
      const auto min = static_cast<uint32_t>(of.size() - node.min + 1);
      return {NotOf{{{AtLeast{min, opposites(std::move(of))}}}}};
    }
    return {AtLeast{node.min, std::move(of)}};
  }
  Filter rewrite(const NotOf& node) { return {NotOf{each(node.of)}}; }
  Filter rewrite(const Nested& node) { return {Nested{node.path, each(node.of)}}; }
  Filter rewrite(OneOf node) {
    repeat_some(node.values);
    respell(node.values);
    if (node.values.size() < 2 || random_.below(2) == 0) return {std::move(node)};
    AnyOf apart;
    for (const FilterScalar& value : node.values) apart.of.push_back({OneOf{node.path, {value}}});
    return {std::move(apart)};
  }
  Filter rewrite(ContainsAll node) {
    repeat_some(node.values);
    respell(node.values);
    if (random_.below(2) == 0) return {std::move(node)};
    AllOf apart;
    for (const FilterScalar& value : node.values) apart.of.push_back({OneOf{node.path, {value}}});
    return {std::move(apart)};
  }
  Filter rewrite(HasId node) {
    repeat_some(node.ids);
    if (node.ids.empty() || random_.below(2) == 0) return {std::move(node)};
    const Id last = node.ids.back();
    node.ids.pop_back();
    return {AnyOf{{{std::move(node)}, {HasId{{last}}}}}};
  }
  Filter rewrite(MomentRange node) {
    if (node.low && !node.low->inclusive && node.low->value.ns < std::numeric_limits<int64_t>::max())
      node.low = {{node.low->value.ns + 1}, true};
    return {std::move(node)};
  }
  template <typename Node>
  Filter rewrite(const Node& node) {
    return {node};
  }
  // Small whole numbers as doubles.
  void respell(std::vector<FilterScalar>& values) {
    for (FilterScalar& value : values) {
      auto* number = std::get_if<FilterNumber>(&value);
      const auto* whole = number == nullptr ? nullptr : std::get_if<int64_t>(number);
      if (whole != nullptr && *whole >= 0 && *whole < 100 && random_.below(2) == 0)
        *number = static_cast<double>(*whole);
    }
  }

  Random& random_;
};

TEST(Canonical, KeyOutlastsRewriting) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(seed);
  test::RandomFilters random(seed);
  Rewriter rewriter(random.random());
  for (int i = 0; i < 3'000; ++i) {
    const Filter filter = random.filter(5);
    const Filter other = rewriter.rewritten(filter);
    ASSERT_EQ(key(filter), key(other)) << to_text(filter) << "\n" << to_text(other);
  }
}

TEST(Canonical, HoldsForTheSamePointsAndIsItsOwnForm) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(seed);
  test::RandomFilters random(seed);
  Rewriter rewriter(random.random());
  for (int i = 0; i < 1'000; ++i) {
    Filter filter = random.filter(5);
    if (i % 2 == 0) filter = rewriter.rewritten(filter);
    const Filter form = canonical(filter);
    ASSERT_OK(check_filter(form)) << to_text(form);
    ASSERT_TRUE(canonical(form) == form) << to_text(filter) << "\n" << to_text(form);
    const Matcher as_written(filter);
    const Matcher as_canonical(form);
    for (int p = 0; p < 10; ++p) {
      const std::string payload = random.payload();
      const Id id = random.id();
      ASSERT_VALUE(tree, JsonTree::parse_payload(payload));
      ASSERT_EQ(as_written.matches(id, tree.root()), as_canonical.matches(id, tree.root()))
          << to_text(filter) << "\n"
          << to_text(form) << "\n"
          << payload << "\n"
          << to_string(id);
    }
  }
}

}  // namespace
}  // namespace kith

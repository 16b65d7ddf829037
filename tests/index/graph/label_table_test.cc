// Goal: a table of labels says of each node what was set, tells when one node may occlude another in a list,
// and lists the nodes that match. Method: random sets against the definitions, sets that meet the ends of
// extents, widening and starts by many threads.
#include "index/graph/label_table.h"

#include <gtest/gtest.h>

#include <thread>

#include "index/graph/label_filter.h"
#include "tests/index/graph/label_support.h"

namespace kith::test {
namespace {

LabelSet random_set(Random& random, Label count, size_t most) {
  std::set<Label> set;
  for (size_t i = random.below(most + 1); i > 0; --i) set.insert(static_cast<Label>(random.below(count)));
  return {set.begin(), set.end()};
}

void set_all(LabelTable& table, const std::vector<LabelSet>& sets) {
  ASSERT_OK(table.grow(static_cast<Node>(sets.size())));
  for (Node node = 0; node < sets.size(); ++node) {
    ASSERT_VALUE(number, table.intern(sets[node]));
    table.set(node, number);
  }
}

TEST(LabelTable, SaysWhatWasSetAcrossExtents) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  std::vector<LabelSet> sets(20'000);
  for (LabelSet& set : sets) set = random_set(random, 1'000'000, 12);  // about 130,000 labels in all
  sets[0] = {};                                                        // before there are any labels
  LabelTable table(kNoLabel);
  set_all(table, sets);
  std::map<LabelSet, LabelSetNumber> numbers;
  for (Node node = 0; node < sets.size(); ++node) {
    ASSERT_TRUE(std::ranges::equal(table.labels(table.set_of(node)), sets[node])) << node;
    EXPECT_EQ(table.walk_set(node), table.set_of(node));
    EXPECT_EQ(numbers.try_emplace(sets[node], table.set_of(node)).first->second, table.set_of(node));
  }
  EXPECT_EQ(table.find(sets[77]), table.set_of(77));
  EXPECT_EQ(table.find(LabelSet{}), LabelTable::kNoLabels);
  EXPECT_EQ(table.find(LabelSet{2'000'000}), std::nullopt);
}

/// FilteredRobustPrune: only what carries all that centre and candidate share. The universal label stands for
/// all others.
TEST(LabelTable, MayOccludeByTheDefinition) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  constexpr Label kUniversal = 5;
  for (const Label universal : {kNoLabel, kUniversal}) {
    std::vector<LabelSet> sets(60);
    for (LabelSet& set : sets) set = random_set(random, 6, 4);
    LabelTable table(universal);
    set_all(table, sets);
    const auto has = [&](Node node, Label label) {
      return carries(sets[node], label) || (universal != kNoLabel && carries(sets[node], universal));
    };
    for (int round = 0; round < 20'000; ++round) {
      const Node centre = static_cast<Node>(random.below(60)),
                 candidate = static_cast<Node>(random.below(60)), kept = static_cast<Node>(random.below(60));
      bool expected = true;
      for (Label label = 0; label < 7; ++label)  // 6 is one that none carries by itself
        if (has(centre, label) && has(candidate, label) && !has(kept, label)) expected = false;
      ASSERT_EQ(table.may_occlude(centre, candidate, kept), expected)
          << centre << ' ' << candidate << ' ' << kept;
    }
  }
}

TEST(LabelTable, AFilterListsWhatMatchesOnce) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  std::vector<LabelSet> sets(2000);
  for (LabelSet& set : sets) set = random_set(random, 10, 5);
  LabelTable table(kNoLabel);
  set_all(table, sets);
  for (int round = 0; round < 300; ++round) {
    const LabelQuery query{static_cast<LabelMatch>(round % 3), random_set(random, 11, 4)};
    const LabelFilter filter(table, query);
    std::multiset<Node> listed;
    filter.for_each([&](Node node) { return listed.insert(node), true; });
    std::multiset<Node> expected;
    for (Node node = 0; node < sets.size(); ++node) {
      if (matches(sets[node], query)) expected.insert(node);
      EXPECT_EQ(filter.matches(node), matches(sets[node], query));
    }
    EXPECT_EQ(listed, expected);
    EXPECT_GE(filter.rows(), expected.size());
    size_t left = 7;
    filter.for_each([&](Node) { return --left > 0; });
    EXPECT_EQ(left, expected.size() < 7 ? 7 - expected.size() : 0) << "it ends when told to";
  }
}

TEST(LabelTable, CountsLiveRowsAndListsNodesUntilTheyAreDropped) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  std::vector<LabelSet> sets(600);
  for (LabelSet& set : sets) set = random_set(random, 5, 3);
  LabelTable table(kNoLabel);
  set_all(table, sets);
  std::set<Node> removed, dropped;
  const auto expect_lists = [&] {
    for (LabelSetNumber set = 0; set < table.sets(); ++set) {
      std::set<Node> listed, expected;
      table.for_each_node(set, [&](Node node) { return listed.insert(node).second; });
      size_t rows = 0;
      for (Node node = 0; node < sets.size(); ++node) {
        if (table.set_of(node) != set) continue;
        rows += !removed.contains(node);
        if (!dropped.contains(node)) expected.insert(node);
      }
      ASSERT_EQ(listed, expected) << "set " << set;
      EXPECT_EQ(table.rows_of(set), rows);
    }
    for (Label label = 0; label < 5; ++label)
      EXPECT_EQ(table.rows(label), std::ranges::count_if(first_rows(sets.size()), [&](Node node) {
                  return carries(sets[node], label) && !removed.contains(node);
                }));
  };
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 30; ++i)
      if (const auto node = static_cast<Node>(random.below(sets.size())); removed.insert(node).second)
        table.count_removed(node);
    expect_lists();
    if (round % 2 == 0) continue;
    for (LabelSetNumber set = 0; set < table.sets(); ++set)
      table.drop_nodes(set, [&](Node node) { return removed.contains(node); });
    dropped = removed;
    expect_lists();
    for (const Node node : dropped) {  // half of them are used again
      if (node % 2 == 0) continue;
      sets[node] = random_set(random, 5, 3);
      ASSERT_VALUE(set, table.intern(sets[node]));
      table.set(node, set);
      EXPECT_EQ(table.walk_set(node), set);
      removed.erase(node);
    }
    dropped = removed;
    expect_lists();
  }
}

/// Whoever stands on one that is dropped finds its way on.
TEST(LabelTable, ReadersOfASetMissNoneWhileOthersAreDropped) {
  constexpr Node kNodes = 3000;
  LabelTable table(kNoLabel);
  set_all(table, std::vector<LabelSet>(kNodes, LabelSet{1}));
  const LabelSetNumber set = table.set_of(0);
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) {
      Node kept = 0;
      table.for_each_node(set, [&](Node node) { return kept += node % 3 == 0, true; });
      EXPECT_EQ(kept, kNodes / 3);
    }
  });
  for (Node below = 0; below <= kNodes; below += 50)
    table.drop_nodes(set, [&](Node node) { return node % 3 != 0 && node < below; });
  done = true;
  reader.join();
}

/// With groups a search goes through all sets that may match: of very many it is a filter like any other.
TEST(LabelTable, AFilterOfVeryManySetsWalksNoGroups) {
  std::vector<LabelSet> sets(20'000);
  for (Label i = 0; i < sets.size(); ++i) sets[i] = {i % 10 == 0 ? 8u : 7u, 100 + i};
  LabelTable table(kNoLabel);
  set_all(table, sets);
  const NestedStore nested(table, 30);
  for (const LabelQuery& query : {LabelQuery{LabelMatch::kAll, {7}}, any_of({7}), any_of({7, 8})}) {
    const LabelFilter filter(table, query, &nested);
    EXPECT_FALSE(filter.nested());
    EXPECT_FALSE(filter.walkable());
    for (Node node = 0; node < 100; ++node) EXPECT_EQ(filter.matches(node), matches(sets[node], query));
  }
  for (const LabelQuery& query :
       {LabelQuery{LabelMatch::kAll, {7, 101}}, any_of({8}), LabelQuery{LabelMatch::kEqual, {7, 101}}}) {
    const LabelFilter filter(table, query, &nested);
    EXPECT_TRUE(filter.nested());
    for (Node node = 0; node < 100; ++node) EXPECT_EQ(filter.matches(node), matches(sets[node], query));
  }
}

/// However many linkers found room for one, and though others wait for theirs.
TEST(LabelGroups, NoMoreBeginThanMayBeButThatOfNoLabels) {
  LabelTable table(kNoLabel);
  set_all(table, {{}, {1}, {2}, {1, 2}, {3}, {1, 4}});
  const auto set_of = [&](Node node) { return table.set_of(node); };
  LabelGroups groups(table, 3);
  groups.merge(set_of(5), set_of(1));  // as a file says, before that group begins
  for (const Node node : {2u, 3u, 4u}) EXPECT_EQ(groups.place(set_of(node)), set_of(node)) << "there is room";
  EXPECT_TRUE(groups.begin(set_of(2), 2));
  EXPECT_TRUE(groups.begin(set_of(3), 3));
  EXPECT_FALSE(groups.begin(set_of(4), 4)) << "others wait for the last place";
  EXPECT_EQ(groups.place(set_of(4)), LabelTable::kNoLabels);
  EXPECT_EQ(groups.place(set_of(5)), set_of(1));
  EXPECT_TRUE(groups.begin(set_of(1), 5));
  EXPECT_TRUE(groups.begin(LabelTable::kNoLabels, 0));
  const std::vector<LabelGroups::Group> all = groups.all();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_FALSE(all[0].mixed);
  EXPECT_TRUE(all[2].mixed);
  EXPECT_TRUE(all[3].mixed) << "a set was merged into it before it began";
}

TEST(LabelTable, ThreadsClaimOneStartAndWidenToAllThatWasAsked) {
  constexpr Node kNodes = 8;
  LabelTable table(kNoLabel);
  set_all(table, std::vector<LabelSet>(kNodes, LabelSet{1}));
  std::vector<std::thread> threads;
  std::array<std::vector<Node>, 4> claimed;
  for (Label thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (Label i = 0; i < 200; ++i) {
        claimed[thread].push_back(table.claim_start(1000 + i, thread));
        const LabelSet more{10 + i % 5, 20 + thread};
        EXPECT_OK(table.widen(i % kNodes, table.intern(more).value()));
        EXPECT_TRUE(table.has(table.walk_set(i % kNodes), 20 + thread));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (Label i = 0; i < 200; ++i)
    for (const auto& mine : claimed) EXPECT_EQ(mine[i], table.start(1000 + i));
  for (Node node = 0; node < kNodes; ++node) {
    EXPECT_TRUE(std::ranges::equal(table.labels(table.walk_set(node)),
                                   LabelSet{1, 10, 11, 12, 13, 14, 20, 21, 22, 23}));
    EXPECT_TRUE(std::ranges::equal(table.labels(table.set_of(node)), LabelSet{1})) << "its own stays";
  }
  LabelSet many(kRowLabelsMax);
  std::iota(many.begin(), many.end(), 100u);
  ASSERT_OK(table.widen(0, table.intern(many).value()));
  EXPECT_EQ(table.walk_set(0), LabelTable::kEveryLabel);
  EXPECT_TRUE(table.universal(table.walk_set(0)));
}

}  // namespace
}  // namespace kith::test

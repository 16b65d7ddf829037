// Goal: the pools and the visited set of a walk do what their plain descriptions say. Method: random offers
// with ties and infinities against a sorted vector, beam 1 and more offers than the beam takes among them;
// patience and trail counted by hand; random nodes against std::set across resets.
#include "index/graph/candidate_pool.h"

#include <gtest/gtest.h>

#include <set>

#include "index/graph/beam_search.h"
#include "index/graph/visited_set.h"
#include "tests/support/vectors.h"

namespace kith::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// LinearPool as described: keep the nearest `beam`, equal ones in the order of their coming; of one offer
/// those below the bound at its beginning.
class PlainPool {
 public:
  PlainPool(size_t beam, size_t watched, size_t patience, size_t expanded)
      : beam_(beam), watched_(watched), patience_(patience), expanded_(expanded) {}

  void offer(const std::vector<Candidate>& offered) {
    const float bound = entries_.size() == beam_ ? entries_.back().distance : kInfinity;
    for (const Candidate& candidate : offered)
      if (candidate.distance < bound) add(candidate);
    cut();
  }
  void insert(Candidate candidate) {
    if (entries_.size() < beam_ || candidate.distance < entries_.back().distance) add(candidate);
    cut();
  }
  Node next() {
    for (size_t i = 0; i < entries_.size(); ++i) {
      Entry& entry = entries_[i];
      if (entry.expanded) continue;
      if (entries_.size() == beam_ && i >= expanded_) break;
      if (++quiet_ > patience_) return kNoNode;
      entry.expanded = true;
      return entry.node;
    }
    return kNoNode;
  }
  Node peek() const {
    const size_t end = entries_.size() == beam_ ? std::min(beam_, expanded_) : entries_.size();
    for (size_t i = 0; i < end; ++i)
      if (!entries_[i].expanded) return entries_[i].node;
    return kNoNode;
  }
  size_t size() const { return entries_.size(); }
  Candidate operator[](size_t i) const { return {entries_[i].distance, entries_[i].node}; }
  const std::multiset<Node>& trail() const { return trail_; }

 private:
  struct Entry {
    float distance;
    Node node;
    bool expanded, fresh;
  };

  void add(Candidate candidate) {
    size_t at = 0;
    while (at < entries_.size() && entries_[at].distance <= candidate.distance) ++at;
    entries_.insert(entries_.begin() + static_cast<ptrdiff_t>(at),
                    {candidate.distance, candidate.node, false, true});
  }
  void cut() {
    for (; entries_.size() > beam_; entries_.pop_back())
      if (entries_.back().expanded) trail_.insert(entries_.back().node);
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].fresh && i < watched_) quiet_ = 0;
      entries_[i].fresh = false;
    }
  }

  size_t beam_, watched_, patience_, expanded_, quiet_ = 0;
  std::vector<Entry> entries_;
  std::multiset<Node> trail_;
};

float random_distance(Random& random, uint64_t values) {
  const uint64_t value = random.below(values + 1);
  return value == values ? kInfinity : static_cast<float>(value);
}

TEST(LinearPool, KeepsWhatAPlainListKeeps) {
  const uint64_t seed = test_seed(51);
  SCOPED_TRACE(seed);
  Random random(seed);
  LinearPool pool;  // one for all walks, as in use
  for (int round = 0; round < 3000; ++round) {
    const size_t beam = 1 + random.below(random.below(2) == 0 ? 3 : 40);
    const size_t watched = random.below(beam + 2);
    const size_t patience = random.below(3) == 0 ? SIZE_MAX : random.below(6);
    const size_t part = random.below(3) == 0 ? 1 + random.below(beam) : SIZE_MAX;
    const uint64_t values = 1 + random.below(60);  // few: many ties
    pool.reset(beam, watched, patience, part);
    std::vector<Candidate> trail;
    pool.keep_trail(&trail);
    PlainPool plain(beam, watched, patience, part);
    Node fresh = 0;
    const float first = random_distance(random, values);
    pool.insert(first, fresh, true);
    plain.insert({first, fresh++});
    for (int step = 0; step < 25; ++step) {
      ASSERT_EQ(pool.peek(), plain.peek());
      const Node expanded = pool.next();
      ASSERT_EQ(expanded, plain.next()) << "round " << round << ", step " << step << ", beam " << beam;
      if (expanded == kNoNode) break;
      std::vector<Candidate> offered(random.below(70));
      std::vector<float> distances;
      std::vector<Node> nodes;
      for (Candidate& candidate : offered) {
        candidate = {random_distance(random, values), fresh++};
        distances.push_back(candidate.distance);
        nodes.push_back(candidate.node);
      }
      pool.offer(distances.data(), nodes.data(), nodes.size(), AllNodes{});
      plain.offer(offered);
      ASSERT_EQ(pool.size(), plain.size());
      for (size_t i = 0; i < pool.size(); ++i) {
        ASSERT_EQ(pool[i].distance, plain[i].distance) << "round " << round << " at " << i;
        ASSERT_EQ(pool[i].node, plain[i].node) << "round " << round << " at " << i;
      }
    }
    std::multiset<Node> way;
    for (const Candidate& candidate : trail) way.insert(candidate.node);
    ASSERT_EQ(way, plain.trail()) << "round " << round;
  }
}

TEST(LinearPool, PatienceCountsStepsWithoutNewsAmongTheWatched) {
  LinearPool pool;
  pool.reset(8, 2, 3);
  for (Node node = 0; node < 8; ++node) pool.insert(static_cast<float>(10 + node), node, true);
  EXPECT_EQ(pool.next(), 0u);
  EXPECT_EQ(pool.next(), 1u);
  const float far = 15.5f, near = 10.5f;  // the sixth, and the second
  const Node nodes[] = {20, 21};
  pool.offer(&far, &nodes[0], 1, AllNodes{});
  EXPECT_EQ(pool.next(), 2u) << "the third quiet step is still taken";
  pool.offer(&near, &nodes[1], 1, AllNodes{});
  for (const Node expected : {21u, 3u, 4u}) EXPECT_EQ(pool.next(), expected);
  EXPECT_EQ(pool.next(), kNoNode);
  EXPECT_NE(pool.peek(), kNoNode) << "patience ended the walk, not the beam";
}

TEST(LinearPool, NotANumberNeverEntersAFullBeam) {
  LinearPool pool;
  pool.reset(2);
  pool.insert(1, 1, true);
  pool.insert(2, 2, true);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Node node = 3;
  pool.offer(&nan, &node, 1, AllNodes{});
  pool.insert(nan, 4, true);
  ASSERT_EQ(pool.size(), 2u);
  EXPECT_EQ(pool[0].node, 1u);
  EXPECT_EQ(pool[1].node, 2u);
}

TEST(FilteredPool, EndsWhenTheBeamOfAcceptedIsNearerThanTheRest) {
  const uint64_t seed = test_seed(52);
  SCOPED_TRACE(seed);
  Random random(seed);
  FilteredPool pool;
  for (int round = 0; round < 500; ++round) {
    const size_t beam = 1 + random.below(12);
    pool.reset(beam);
    std::vector<std::pair<float, Node>> accepted, all;
    float bound = kInfinity;
    for (Node node = 0; node < 100; ++node) {
      const float distance = static_cast<float>(random.below(50));
      const bool passes = random.below(3) == 0;
      pool.insert(distance, node, passes);
      if (!(distance < bound) && accepted.size() >= beam) continue;
      all.emplace_back(distance, node);
      if (!passes) continue;
      accepted.emplace_back(distance, node);
      std::stable_sort(accepted.begin(), accepted.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
      if (accepted.size() > beam) accepted.pop_back();
      if (accepted.size() == beam) bound = accepted.back().first;
    }
    ASSERT_EQ(pool.size(), accepted.size());
    for (size_t i = 0; i < pool.size(); ++i) ASSERT_EQ(pool[i].node, accepted[i].second) << "round " << round;
    const bool full = accepted.size() == beam;
    const auto worth = std::count_if(all.begin(), all.end(),
                                     [&](const auto& entry) { return !full || entry.first <= bound; });
    ptrdiff_t expanded = 0;
    while (pool.next() != kNoNode) ++expanded;
    EXPECT_EQ(expanded, worth) << "round " << round;
  }
}

TEST(VisitedSet, IsASetOfTheNodesBelowItsReset) {
  const uint64_t seed = test_seed(53);
  SCOPED_TRACE(seed);
  Random random(seed);
  VisitedSet visited;
  for (int walk = 0; walk < 400; ++walk) {
    // Small and large in turn: words of earlier walks must not shine through, whichever way they are cleared.
    const Node nodes = static_cast<Node>(random.below(walk % 3 == 0 ? 40'000 : 130));
    visited.reset(nodes);
    std::set<Node> plain;
    for (size_t list = 0; list < 1 + random.below(200); ++list) {
      Node offered[48];
      const size_t count = random.below(49);
      std::vector<Node> expected;
      for (size_t i = 0; i < count; ++i) {
        offered[i] = static_cast<Node>(random.below(random.below(8) == 0 ? 80'000 : nodes + 2));
        if (random.below(50) == 0) offered[i] = kNoNode;
        if (offered[i] < nodes && plain.insert(offered[i]).second) expected.push_back(offered[i]);
      }
      const size_t fresh = visited.keep_fresh(offered, count);
      ASSERT_EQ(std::vector<Node>(offered, offered + fresh), expected) << "walk " << walk;
    }
    for (const Node node : plain) ASSERT_FALSE(visited.insert(node)) << "walk " << walk << ", node " << node;
    for (Node node = 0; node < nodes + 200; node += 1 + node / 64)
      ASSERT_EQ(visited.contains(node), plain.contains(node)) << "walk " << walk << ", node " << node;
  }
}

}  // namespace
}  // namespace kith::test

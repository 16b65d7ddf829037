// Goal: a search with group_by shows the best k groups with the best hits of each, never fewer than there
// are, whatever columns know of the values and however groups lie; and costs rounds, not the collection.
// Method: random points, paths and filters against groups made of a sorted map; one large group before all
// others, with the distances counted; writers beside readers.
#include <atomic>
#include <set>
#include <thread>

#include "query/columns/limits.h"
#include "query/filter/filter_text.h"
#include "query/schema/limits.h"
#include "tests/query/collection/modelled_collection.h"

namespace kith {
namespace {

using namespace testing_support;

class GroupedSearchTest : public ModelledCollection {
 protected:
  struct ModelGroup {
    FilterScalar value;
    std::vector<float> distances;  // ascending
  };
  bool flat() const { return std::string_view(GetParam()) == "flat"; }

  /// All groups, that of the nearest point first, with all their points.
  std::vector<ModelGroup> groups(const FilterPath& path, const Filter& filter,
                                 const std::vector<float>& to) const {
    std::vector<ModelGroup> out;
    for (const auto& [id, point] : satisfying(filter)) {
      for (const FilterScalar& value : values_at(point, path)) {
        auto group =
            std::find_if(out.begin(), out.end(), [&](const ModelGroup& g) { return g.value == value; });
        if (group == out.end()) group = out.insert(out.end(), {value, {}});
        group->distances.push_back(distance(point.vector, to));
      }
    }
    for (ModelGroup& group : out) std::sort(group.distances.begin(), group.distances.end());
    std::stable_sort(out.begin(), out.end(), [](const ModelGroup& a, const ModelGroup& b) {
      return a.distances.front() < b.distances.front();
    });
    return out;
  }
  void check(const FilterPath& path, const std::optional<Filter>& filter, bool exact) {
    SCOPED_TRACE(to_text(path) + " of " + (filter ? to_text(*filter) : "all"));
    Query asked = query(vector(), static_cast<uint32_t>(1 + random_.below(8)));
    asked.filter = filter;
    asked.exact = exact;
    asked.group_by = GroupBy{path, static_cast<uint32_t>(1 + random_.below(4))};
    asked.fetch.payload = true;
    const std::vector<ModelGroup> all = groups(path, filter.value_or(Filter()), floats(asked.vector));
    const Answer answer = must(books_->search(asked));
    EXPECT_TRUE(answer.hits.empty());
    ASSERT_EQ(answer.groups.size(), std::min<size_t>(asked.k, all.size()));
    for (size_t i = 0; i < answer.groups.size(); ++i) {
      const HitGroup& shown = answer.groups[i];
      const auto group =
          std::find_if(all.begin(), all.end(), [&](const ModelGroup& g) { return g.value == shown.value; });
      ASSERT_NE(group, all.end());
      ASSERT_EQ(shown.hits.size(), std::min<size_t>(asked.group_by->size, group->distances.size()));
      std::set<Id> ids;
      for (size_t j = 0; j < shown.hits.size(); ++j) {
        const Hit& hit = shown.hits[j];
        EXPECT_TRUE(ids.insert(hit.id).second);
        const ModelPoint& point = model_.at(hit.id);
        EXPECT_EQ(hit.payload, point.payload);
        EXPECT_NEAR(hit.score, distance(point.vector, floats(asked.vector)), 1e-4);
        if (exact || flat()) {
          EXPECT_NEAR(hit.score, group->distances[j], 1e-4);
        }
        const auto values = values_at(point, path);
        EXPECT_NE(std::find(values.begin(), values.end(), shown.value), values.end());
      }
      if (exact || flat()) {
        EXPECT_NEAR(shown.hits.front().score, all[i].distances.front(), 1e-4);
      }
    }
  }
};

TEST_P(GroupedSearchTest, ShowsTheBestGroups) {
  open();
  for (int round = 0; round < 8 && !HasFailure(); ++round) {
    upsert(200);
    remove(40);
    if (round % 3 == 2) open();
    for (int i = 0; i < 15 && !HasFailure(); ++i)
      check(filters_.path(), i % 3 == 0 ? std::optional<Filter>() : filters_.filter(), i % 2 == 0);
  }
}

/// Values that columns know by a hash, and payloads of which they know nothing.
TEST_P(GroupedSearchTest, GroupsByValuesThatColumnsDoNotKeep) {
  open();
  const std::string stem(column_limits::kStringBytesMax, 'x');
  std::string many;
  for (size_t i = 0; i <= column_limits::kRowValuesMax; ++i) many += "0,";
  std::vector<Point> points;
  for (uint64_t id = 0; id < 200; ++id) {
    std::string payload = fmt::format(R"({{"s":"{}{}"}})", stem, id % 7);
    if (id % 20 == 0) payload = fmt::format(R"({{"many":[{}0],"s":["{}1","short"]}})", many, stem);
    model_[Id(id)] = {vector(), payload};
    points.push_back(point(id, model_[Id(id)].vector, payload));
  }
  must(books_->upsert(points, Durability::kAsync));
  for (int i = 0; i < 10 && !HasFailure(); ++i) check({{"s"}}, std::nullopt, i % 2 == 0);
}

/// 4,000 chunks of one document lie before those of all others.
TEST_P(GroupedSearchTest, ALargeGroupBeforeAllOthersIsNotGoneThrough) {
  open();
  constexpr uint64_t kLarge = 4'000;
  std::vector<Point> points;
  for (uint64_t id = 0; id < kLarge + 100; ++id) {
    const bool large = id < kLarge;
    std::vector<float> at = vector();
    for (float& x : at) x = x * 0.01f + (large ? 0 : 5 + 0.1f * static_cast<float>(id - kLarge));
    model_[Id(id)] = {at, fmt::format(R"({{"doc":{}}})", large ? 0 : 1 + (id - kLarge) / 2)};
    points.push_back(point(id, at, model_[Id(id)].payload));
  }
  must(books_->upsert(points, Durability::kAsync));
  must(books_->settle({}));
  Query asked = query({0, 0, 0, 0}, 10);
  asked.group_by = GroupBy{{{"doc"}}, 2};
  const Answer answer = must(books_->search(asked));
  ASSERT_EQ(answer.groups.size(), 10u);
  for (const HitGroup& group : answer.groups) EXPECT_EQ(group.hits.size(), 2u);
  EXPECT_EQ(answer.groups[0].value, FilterScalar(FilterNumber(int64_t{0})));
  if (!flat()) {
    EXPECT_LT(answer.stats.full_distances + answer.stats.code_distances, kLarge);
  }
  asked.k = 60;  // there are 51
  EXPECT_EQ(must(books_->search(asked)).groups.size(), 51u);
}

TEST_P(GroupedSearchTest, AThresholdEndsGroupsAndHits) {
  open();
  std::vector<Point> points;
  for (uint64_t id = 0; id < 40; ++id)
    points.push_back(point(id, {static_cast<float>(id), 0, 0, 0}, fmt::format(R"({{"doc":{}}})", id % 10)));
  must(books_->upsert(points, Durability::kAsync));
  Query asked = query({0, 0, 0, 0}, 10);
  asked.group_by = GroupBy{{{"doc"}}, 4};
  asked.score_threshold = 12.0f;  // ids 0 to 12: three groups have two
  const Answer answer = must(books_->search(asked));
  ASSERT_EQ(answer.groups.size(), 10u);
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(answer.groups[i].hits.size(), i < 3 ? 2u : 1u);
  asked.score_threshold = 3.0f;
  EXPECT_EQ(must(books_->search(asked)).groups.size(), 4u);
}

TEST_P(GroupedSearchTest, AQueryOfABatchMayGroup) {
  open();
  upsert(200);
  std::vector<Query> batch;
  for (int i = 0; i < 6; ++i) {
    batch.push_back(query(vector(), 5));
    if (i % 2 == 0) batch.back().group_by = GroupBy{{{"a"}}, 2};
    if (i % 3 == 0) batch.back().exact = true;
  }
  const std::vector<Answer> answers = must(books_->search_batch(batch));
  ASSERT_EQ(answers.size(), batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    EXPECT_EQ(answers[i].groups.empty(), i % 2 == 1);
    EXPECT_EQ(answers[i].hits.size(), i % 2 == 0 ? 0u : 5u);
    EXPECT_EQ(answers[i].groups.size(), must(books_->search(batch[i])).groups.size());
  }
}

TEST_P(GroupedSearchTest, RefusesWhatCannotBeGrouped) {
  open();
  const auto code = [&](auto change) {
    Query asked = query(vector(), 10);
    asked.group_by = GroupBy{{{"a"}}, 2};
    change(asked);
    return code_of(books_->search(asked));
  };
  EXPECT_EQ(code([](Query&) {}), std::nullopt);
  EXPECT_EQ(code([](Query& q) { q.offset = 1; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](Query& q) { q.group_by->path = {}; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](Query& q) { q.group_by->size = 0; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](Query& q) { q.group_by->size = limits::kGroupSize.max + 1; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](Query& q) { q.k = limits::kK.max; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](Query& q) { q.diversity = Diversity{}; }), Code::kInvalidArgument);
}

/// All points are replaced all the time, each within its group: no group may be missing or short.
TEST_P(GroupedSearchTest, ConcurrentReadersMissNoGroup) {
  open();
  constexpr uint64_t kIds = 60, kGroups = 12;
  const auto chunk = [](Random& random, uint64_t id, uint64_t n) {
    std::vector<float> at(4);
    for (float& x : at) x = static_cast<float>(random.normal());
    return point(id, at, fmt::format(R"({{"doc":{},"n":{}}})", id % kGroups, n));
  };
  std::vector<Point> points;
  for (uint64_t id = 0; id < kIds; ++id) points.push_back(chunk(random_, id, 0));
  must(books_->upsert(points, Durability::kAsync));
  std::atomic<bool> done{false};
  std::thread writer([&] {
    Random random(7);
    for (uint64_t n = 1; !done; ++n) {
      std::vector<Point> some;
      for (uint64_t id = random.below(7); id < kIds; id += 7) some.push_back(chunk(random, id, n));
      must(books_->upsert(some, Durability::kAsync));
    }
  });
  Query asked = query({0, 0, 0, 0}, 20);
  asked.group_by = GroupBy{{{"doc"}}, 3};
  asked.fetch.payload = true;
  for (int round = 0; round < 100 && !HasFailure(); ++round) {
    asked.exact = round % 3 == 0;
    const Answer answer = must(books_->search(asked));
    EXPECT_EQ(answer.groups.size(), kGroups);
    for (const HitGroup& group : answer.groups) {
      EXPECT_EQ(group.hits.size(), 3u);
      for (const Hit& hit : group.hits)
        EXPECT_EQ(group.value,
                  FilterScalar(FilterNumber(static_cast<int64_t>(std::get<uint64_t>(hit.id) % kGroups))));
    }
  }
  done = true;
  writer.join();
}

INSTANTIATE_TEST_SUITE_P(Kinds, GroupedSearchTest, testing::Values("flat", "vamana"));

}  // namespace
}  // namespace kith

// Goal: diverse searches choose what maximal marginal relevance says, and recommendations are near to what
// they are to be like and not to what they are not. Method: random points of all metrics and types against
// both written down plainly over all points; refusals.
#include <set>

#include "query/filter/filter_text.h"
#include "query/schema/limits.h"
#include "tests/query/collection/modelled_collection.h"

namespace kith {
namespace {

using namespace testing_support;

struct Space {
  Metric metric;
  ScalarType type;
};

/// A collection of random points with a "kind" of five, and its points.
class ExamplesTest : public testing::TestWithParam<Space> {
 protected:
  static constexpr uint32_t kDim = 16;
  static constexpr uint64_t kPoints = 300;

  void SetUp() override {
    db_ = open_at(directory_.path());
    const auto [metric, type] = GetParam();
    books_ = must(db_->create_collection("books", schema_of({field("v", kDim, metric, "flat", type)})));
    std::vector<Point> points;
    for (uint64_t id = 0; id < kPoints; ++id) {
      Point each;
      each.id = id;
      each.payload = fmt::format(R"({{"kind":{}}})", id % 5);
      each.vectors.push_back({"v", random_vector()});
      vectors_.push_back(each.vectors[0].data);
      points.push_back(std::move(each));
    }
    must(books_->upsert(points, Durability::kAsync));
  }
  std::vector<std::byte> random_vector() {
    const ScalarType type = GetParam().type;
    std::vector<float> values(kDim);
    for (float& x : values) {
      x = static_cast<float>(random_.normal());
      if (type == ScalarType::kI8) x = static_cast<float>(random_.below(100)) - 50;
      if (type == ScalarType::kU8) x = static_cast<float>(random_.below(200));
    }
    std::vector<std::byte> out(vector_bytes(type, kDim));
    must(from_f32(values.data(), kDim, type, out.data()));
    return out;
  }
  std::vector<std::byte> as_query(const std::vector<std::byte>& stored) const {
    const ScalarType type = GetParam().type;
    if (query_type(type) == type) return stored;
    std::vector<std::byte> out(kDim * sizeof(float));
    to_f32(stored.data(), kDim, type, reinterpret_cast<float*>(out.data()));
    return out;
  }
  float distance(const std::vector<std::byte>& query_vector, uint64_t id) const {
    const void* row = vectors_[id].data();
    float out = 0;
    distance_kernel(GetParam().metric, GetParam().type)(query_vector.data(), &row, 1, kDim, &out);
    return out;
  }
  double nearness(const std::vector<std::byte>& query_vector, uint64_t id) const {
    const double score = score_of(GetParam().metric, distance(query_vector, id));
    return higher_is_nearer(GetParam().metric) ? score : -score;
  }
  /// Nearest first.
  std::vector<uint64_t> ranked(const std::vector<std::vector<std::byte>>& toward) const {
    std::vector<std::pair<float, uint64_t>> all;
    for (uint64_t id = 0; id < kPoints; ++id) {
      float least = std::numeric_limits<float>::infinity();
      for (const auto& vector : toward) least = std::min(least, distance(vector, id));
      all.emplace_back(least, id);
    }
    std::sort(all.begin(), all.end());
    std::vector<uint64_t> ids;
    for (const auto& [least, id] : all) ids.push_back(id);
    return ids;
  }
  static std::vector<uint64_t> numbers(const std::vector<Hit>& hits) {
    std::vector<uint64_t> ids;
    for (const Hit& hit : hits) ids.push_back(std::get<uint64_t>(hit.id));
    return ids;
  }

  TempDirectory directory_;
  Random random_{test::test_seed()};
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> books_;
  std::vector<std::vector<std::byte>> vectors_;  // stored, by id
};

/// Whether each choice is as good as the best that a plain search over the rest finds.
TEST_P(ExamplesTest, ADiverseSearchChoosesByMarginalRelevance) {
  for (const float lambda : {0.0f, 0.3f, 0.5f, 0.8f, 1.0f}) {
    Query asked;
    asked.vector = as_query(random_vector());
    asked.k = 12;
    asked.diversity = Diversity{lambda, 60};
    asked.fetch.payload = true;
    const Answer answer = must(books_->search(asked));
    ASSERT_EQ(answer.hits.size(), 12u);
    std::vector<uint64_t> left = ranked({asked.vector});
    left.resize(60);
    std::vector<uint64_t> chosen;
    const auto worth = [&](uint64_t id) {
      double nearest = -std::numeric_limits<double>::infinity();
      for (const uint64_t other : chosen)
        nearest = std::max(nearest, nearness(as_query(vectors_[other]), id));
      return lambda * nearness(asked.vector, id) - (1.0 - lambda) * nearest;
    };
    for (const Hit& hit : answer.hits) {
      const uint64_t id = std::get<uint64_t>(hit.id);
      const auto at = std::find(left.begin(), left.end(), id);
      ASSERT_NE(at, left.end()) << "no candidate, or chosen before";
      if (chosen.empty()) {
        EXPECT_NEAR(nearness(asked.vector, id), nearness(asked.vector, left.front()), 1e-4);
      } else {
        double best = -std::numeric_limits<double>::infinity();
        for (const uint64_t other : left) best = std::max(best, worth(other));
        EXPECT_NEAR(worth(id), best, 1e-3 * std::max(1.0, std::abs(best))) << "lambda " << lambda;
      }
      EXPECT_EQ(hit.payload, fmt::format(R"({{"kind":{}}})", id % 5));
      left.erase(at);
      chosen.push_back(id);
    }
    EXPECT_EQ(numbers(must(books_->search(asked)).hits), chosen);  // always the same
    asked.offset = 5;
    asked.k = 7;
    EXPECT_EQ(numbers(must(books_->search(asked)).hits),
              std::vector<uint64_t>(chosen.begin() + 5, chosen.end()));
  }
}

TEST_P(ExamplesTest, BestScoreIsNearToOneAndToNoneOfTheOthers) {
  for (int round = 0; round < 10; ++round) {
    RecommendQuery asked;
    asked.strategy = RecommendStrategy::kBestScore;
    asked.query.k = 20;
    std::vector<std::vector<std::byte>> toward, away;
    std::set<uint64_t> examples;
    for (uint64_t i = 0; i < 4; ++i) {
      const uint64_t id = random_.below(kPoints);
      examples.insert(id);
      (i % 2 == 0 ? asked.positive : asked.negative).emplace_back(Id(id));
      (i % 2 == 0 ? toward : away).push_back(as_query(vectors_[id]));
    }
    toward.push_back(as_query(random_vector()));
    asked.positive.emplace_back(toward.back());
    std::vector<uint64_t> expected;
    for (const uint64_t id : ranked(toward)) {
      const auto least = [&](const auto& vectors) {
        float out = std::numeric_limits<float>::infinity();
        for (const auto& vector : vectors) out = std::min(out, distance(vector, id));
        return out;
      };
      if (!examples.contains(id) && !(least(away) < least(toward)) && expected.size() < 20)
        expected.push_back(id);
    }
    const Answer answer = must(books_->recommend(asked));
    ASSERT_EQ(answer.hits.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      const uint64_t id = std::get<uint64_t>(answer.hits[i].id);
      EXPECT_FALSE(examples.contains(id));
      double best = -std::numeric_limits<double>::infinity(), wanted = best;
      for (const auto& vector : toward) best = std::max(best, nearness(vector, id));
      for (const auto& vector : toward) wanted = std::max(wanted, nearness(vector, expected[i]));
      EXPECT_NEAR(best, wanted, 1e-4 * std::max(1.0, std::abs(wanted))) << "place " << i;
      EXPECT_NEAR(std::abs(best), std::abs(answer.hits[i].score), 1e-4 * std::max(1.0, std::abs(best)));
    }
  }
}

TEST_P(ExamplesTest, TheAverageLiesBetweenExamples) {
  RecommendQuery asked;
  asked.positive = {Id(uint64_t{7})};
  asked.query.k = 10;
  // Of one example the average is the example.
  const std::vector<uint64_t> like = numbers(must(books_->recommend(asked)).hits);
  std::vector<uint64_t> nearest = ranked({as_query(vectors_[7])});
  std::erase(nearest, 7u);
  ASSERT_EQ(like.size(), 10u);
  for (size_t i = 0; i < like.size(); ++i)
    EXPECT_NEAR(nearness(as_query(vectors_[7]), like[i]), nearness(as_query(vectors_[7]), nearest[i]), 1e-3);
  asked.positive = {Id(uint64_t{7}), Id(uint64_t{8})};
  asked.negative = {Id(uint64_t{9})};
  for (const uint64_t id : numbers(must(books_->recommend(asked)).hits)) EXPECT_TRUE(id < 7 || id > 9);
}

TEST_P(ExamplesTest, FiltersGroupsAndDiversityGoWithExamples) {
  for (const auto strategy : {RecommendStrategy::kAverage, RecommendStrategy::kBestScore}) {
    RecommendQuery asked;
    asked.positive = {Id(uint64_t{3}), Id(uint64_t{4})};
    asked.negative = {Id(uint64_t{5})};
    asked.strategy = strategy;
    asked.query.filter = must(parse_filter_text("kind = 3 AND NOT id = 8"));
    asked.query.k = 8;
    for (const uint64_t id : numbers(must(books_->recommend(asked)).hits)) {
      EXPECT_EQ(id % 5, 3u);
      EXPECT_NE(id, 3u);
      EXPECT_NE(id, 8u);
    }
    asked.query.filter.reset();
    asked.query.group_by = GroupBy{{{"kind"}}, 2};
    const Answer grouped = must(books_->recommend(asked));
    EXPECT_EQ(grouped.groups.size(), 5u);
    for (const HitGroup& group : grouped.groups) {
      EXPECT_EQ(group.hits.size(), 2u);
      for (const uint64_t id : numbers(group.hits))
        EXPECT_EQ(FilterScalar(FilterNumber(static_cast<int64_t>(id % 5))), group.value);
    }
    asked.query.group_by.reset();
    asked.query.diversity = Diversity{0.5f, 50};
    EXPECT_EQ(must(books_->recommend(asked)).hits.size(), 8u);
  }
}

TEST_P(ExamplesTest, RefusesBadExamplesAndChoices) {
  const auto code = [&](auto change) {
    RecommendQuery asked;
    asked.positive = {Id(uint64_t{3})};
    change(asked);
    return code_of(books_->recommend(asked));
  };
  EXPECT_EQ(code([](RecommendQuery&) {}), std::nullopt);
  EXPECT_EQ(code([](RecommendQuery& q) { q.positive.clear(); }), Code::kInvalidArgument);
  EXPECT_EQ(code([](RecommendQuery& q) { q.negative.assign(limits::kExamples.max, Id(uint64_t{1})); }),
            Code::kInvalidArgument);
  EXPECT_EQ(code([](RecommendQuery& q) { q.positive = {Id(kPoints + 1)}; }), Code::kNotFound);
  EXPECT_EQ(code([](RecommendQuery& q) { q.negative = {Id("")}; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](RecommendQuery& q) { q.positive = {std::vector<std::byte>(1)}; }),
            Code::kInvalidArgument);
  EXPECT_EQ(code([&](RecommendQuery& q) { q.query.vector = as_query(vectors_[0]); }), Code::kInvalidArgument);
  EXPECT_EQ(code([](RecommendQuery& q) { q.query.k = 0; }), Code::kInvalidArgument);
  const auto choice = [&](Diversity diversity, uint32_t k) {
    return code([&](RecommendQuery& q) {
      q.query.diversity = diversity;
      q.query.k = k;
    });
  };
  EXPECT_EQ(choice({0.5f, 0}, 10), std::nullopt);
  EXPECT_EQ(choice({-0.1f, 0}, 10), Code::kInvalidArgument);
  EXPECT_EQ(choice({std::nanf(""), 0}, 10), Code::kInvalidArgument);
  EXPECT_EQ(choice({0.5f, 9}, 10), Code::kInvalidArgument);
  EXPECT_EQ(choice({0.5f, 0}, static_cast<uint32_t>(limits::kDiversityCandidates.max + 1)),
            Code::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(
    Spaces, ExamplesTest,
    testing::Values(Space{Metric::kL2, ScalarType::kF32}, Space{Metric::kCosine, ScalarType::kF16},
                    Space{Metric::kInnerProduct, ScalarType::kI8}, Space{Metric::kL2, ScalarType::kU8},
                    Space{Metric::kHamming, ScalarType::kBit}),
    [](const auto& test) {
      return std::string(metric_name(test.param.metric)) + "_" + std::string(scalar_name(test.param.type));
    });

}  // namespace
}  // namespace kith

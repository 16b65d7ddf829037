// Goal: facets, scrolls in the order of a value, groups, diverse hits and recommendations reach their clients
// as the collection answers them, and bad ones are refused by name. Method: one collection behind a real
// server, each asked of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/server/grpc/harness.h"

namespace kith::testing {
namespace {

constexpr uint32_t kDim = 4;
constexpr uint64_t kPoints = 90;

class ShapedReads : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fixture_.ok());
    ASSERT_TRUE(api().create_collection(create_request("books", kDim), {}).ok());
    v1::UpsertRequest points = upsert_request("books", 0, kPoints, kDim);
    for (int i = 0; i < points.points_size(); ++i)
      points.mutable_points(i)->set_payload(
          fmt::format(R"({{"doc":"d{}","n":{},"flag":{}}})", i % 6, i / 2, i % 3 == 0 ? "true" : "false"));
    ASSERT_TRUE(api().upsert(points, {}).ok());
  }
  Api& api() { return *fixture_.client; }
  template <typename T>
  static T value(Result<T> result) {
    if (result.ok()) return *std::move(result);
    ADD_FAILURE() << result.error().message;
    return T();
  }
  template <typename T>
  static void expect_refusal(const Result<T>& result, const std::string& words) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, Code::kInvalidArgument);
    EXPECT_NE(result.error().message.find(words), std::string::npos) << result.error().message;
  }
  static v1::ScrollRequest ordered(bool descending) {
    v1::ScrollRequest request;
    request.set_collection("books");
    request.mutable_order_by()->mutable_path()->add_names("n");
    request.mutable_order_by()->set_descending(descending);
    request.set_limit(25);
    return request;
  }
  static v1::RecommendRequest like(uint64_t id) {
    v1::RecommendRequest request;
    request.set_collection("books");
    request.add_positive()->mutable_id()->set_number(id);
    return request;
  }

  ServerFixture fixture_;
};

TEST_F(ShapedReads, FacetsHaveValuesOfAllTypes) {
  v1::FacetRequest request;
  request.set_collection("books");
  request.mutable_path()->add_names("doc");
  request.mutable_filter()->set_text("n < 30");
  request.set_limit(4);
  const v1::FacetResponse docs = value(api().facet(request, {}));
  EXPECT_EQ(docs.distinct(), 6u);
  ASSERT_EQ(docs.values_size(), 4);
  EXPECT_EQ(docs.values(0).value().text(), "d0");
  EXPECT_EQ(docs.values(0).points(), 10u);
  request.mutable_path()->set_names(0, "flag");
  const v1::FacetResponse flags = value(api().facet(request, {}));
  ASSERT_EQ(flags.values_size(), 2);
  EXPECT_FALSE(flags.values(0).value().flag());
  EXPECT_EQ(flags.values(0).points(), 40u);
  EXPECT_TRUE(flags.values(1).value().flag());
  request.mutable_path()->set_names(0, "n");
  request.set_limit(0);
  const v1::FacetResponse numbers = value(api().facet(request, {}));
  EXPECT_EQ(numbers.values_size(), 10);
  EXPECT_EQ(numbers.values(9).value().integer(), 9);
  request.clear_path();
  expect_refusal(api().facet(request, {}), "path");
}

TEST_F(ShapedReads, OrderedPagesGoOnByTheirCursor) {
  for (const bool descending : {false, true}) {
    v1::ScrollRequest request = ordered(descending);
    request.mutable_fetch()->set_payload(!descending);
    std::vector<uint64_t> ids;
    for (int pages = 0; pages < 10; ++pages) {
      const v1::ScrollResponse page = value(api().scroll(request, {}));
      EXPECT_FALSE(page.has_next());
      for (const v1::Point& point : page.points()) {
        ids.push_back(point.id().number());
        EXPECT_EQ(point.payload().empty(), descending);
      }
      request.set_cursor(page.cursor());
      if (page.cursor().empty()) break;
    }
    std::vector<uint64_t> expected;
    for (uint64_t n = 0; n < kPoints / 2; ++n) {
      const uint64_t shown = descending ? kPoints / 2 - 1 - n : n;
      expected.insert(expected.end(), {2 * shown, 2 * shown + 1});
    }
    EXPECT_EQ(ids, expected);
  }
  v1::ScrollRequest request = ordered(false);
  request.set_cursor("beef");
  expect_refusal(api().scroll(request, {}), "cursor");
  request = ordered(false);
  request.mutable_from()->set_number(1);
  expect_refusal(api().scroll(request, {}), "from");
  request = ordered(false);
  request.clear_order_by();
  request.set_cursor("beef");
  expect_refusal(api().scroll(request, {}), "cursor");
}

TEST_F(ShapedReads, SearchesGroupAndDiversify) {
  v1::SearchRequest request = search_request("books", kDim, 1, 4);
  request.mutable_group_by()->mutable_path()->add_names("doc");
  request.mutable_group_by()->set_size(3);
  request.mutable_fetch()->set_payload(true);
  const v1::SearchResponse grouped = value(api().search(request, {}));
  EXPECT_EQ(grouped.hits_size(), 0);
  ASSERT_EQ(grouped.groups_size(), 4);
  for (const v1::HitGroup& group : grouped.groups()) {
    EXPECT_EQ(group.hits_size(), 3);
    for (const v1::Hit& hit : group.hits())
      EXPECT_NE(hit.payload().find('"' + group.value().text() + '"'), std::string::npos);
  }
  v1::SearchBatchRequest batch;
  batch.set_collection("books");
  *batch.add_queries() = request;
  EXPECT_EQ(value(api().search_batch(batch, {})).answers(0).groups_size(), 4);
  request.mutable_group_by()->set_size(1'000);
  expect_refusal(api().search(request, {}), "group_by.size");

  request = search_request("books", kDim, 1, 5);
  request.mutable_diversity()->set_candidates(50);
  const v1::SearchResponse diverse = value(api().search(request, {}));
  EXPECT_EQ(diverse.hits_size(), 5);
  request.clear_diversity();
  const v1::SearchResponse nearest = value(api().search(request, {}));
  EXPECT_EQ(diverse.hits(0).id().number(), nearest.hits(0).id().number());
  float farthest = 0;
  for (const v1::Hit& hit : diverse.hits()) farthest = std::max(farthest, hit.score());
  EXPECT_GT(farthest, nearest.hits(4).score());
  request.mutable_diversity()->set_lambda(1);
  const v1::SearchResponse same = value(api().search(request, {}));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(same.hits(i).id().number(), nearest.hits(i).id().number());
  request.mutable_diversity()->set_lambda(2);
  expect_refusal(api().search(request, {}), "lambda");
}

TEST_F(ShapedReads, RecommendsByIdsAndVectors) {
  v1::RecommendRequest request = like(7);
  request.mutable_filter()->set_text("flag = true");
  const v1::SearchResponse by_id = value(api().recommend(request, {}));
  ASSERT_EQ(by_id.hits_size(), 10);
  std::set<uint64_t> ids;
  for (const v1::Hit& hit : by_id.hits()) ids.insert(hit.id().number());
  EXPECT_FALSE(ids.contains(7));
  for (const uint64_t id : ids) EXPECT_EQ(id % 3, 0u);
  // The same by the point's vector.
  v1::GetRequest get;
  get.set_collection("books");
  get.add_ids()->set_number(7);
  get.mutable_fetch()->set_vectors(true);
  request.clear_positive();
  *request.add_positive()->mutable_vector() = value(api().get(get, {})).entries(0).point().vectors(0);
  const v1::SearchResponse by_vector = value(api().recommend(request, {}));
  ASSERT_EQ(by_vector.hits_size(), 10);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(by_vector.hits(i).id().number(), by_id.hits(i).id().number());

  request.set_strategy(v1::RECOMMEND_STRATEGY_BEST_SCORE);
  request.add_negative()->mutable_id()->set_number(9);
  request.mutable_group_by()->mutable_path()->add_names("doc");
  EXPECT_GT(value(api().recommend(request, {})).groups_size(), 0);

  request = like(kPoints);
  EXPECT_EQ(api().recommend(request, {}).error().code, Code::kNotFound);
  request.clear_positive();
  expect_refusal(api().recommend(request, {}), "examples");
  request = like(1);
  request.add_negative();
  expect_refusal(api().recommend(request, {}), "negative[0]");
  request = like(1);
  request.set_strategy(static_cast<v1::RecommendStrategy>(9));
  expect_refusal(api().recommend(request, {}), "strategy");
}

}  // namespace
}  // namespace kith::testing

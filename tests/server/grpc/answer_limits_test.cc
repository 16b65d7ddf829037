// Goal: no answer grows far beyond 'answer_bytes' in memory, however a batch spreads its hits. Method: points
// with large payloads, asked for on every way a batch can take through the engine, on the collection itself
// with a budget and through the API; counts of hits at and over the limit.
#include <gtest/gtest.h>

#include "server/api/wire_limits.h"
#include "tests/server/grpc/harness.h"

namespace kith::testing {
namespace {

constexpr uint32_t kDim = 4;
constexpr uint64_t kPoints = 200;
constexpr uint64_t kPayload = 100'000;

v1::SearchBatchRequest batch_of(int queries, uint64_t k) {
  v1::SearchBatchRequest batch;
  batch.set_collection("rows");
  for (int i = 0; i < queries; ++i)
    *batch.add_queries() = search_request("rows", kDim, static_cast<uint64_t>(i), k);
  return batch;
}

class AnswerLimitsTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fixture_.ok());
    ASSERT_TRUE(fixture_.client->create_collection(create_request("rows", kDim, GetParam()), {}).ok());
    v1::UpsertRequest request = upsert_request("rows", 0, kPoints, kDim);
    for (v1::Point& point : *request.mutable_points())
      point.set_payload("{\"x\":\"" + std::string(kPayload, 'y') + "\"}");
    auto written = fixture_.client->upsert(request, {});
    ASSERT_TRUE(written.ok()) << written.error().message;
    v1::SettleRequest settle;
    settle.set_collection("rows");
    ASSERT_TRUE(fixture_.client->settle(settle, {}).ok());
  }

  ServerFixture fixture_;
};

TEST_P(AnswerLimitsTest, FetchingEndsWhenTheBudgetOfTheWholeBatchIsSpent) {
  auto collection = fixture_.database->collection("rows");
  ASSERT_TRUE(collection.ok());
  for (const bool mixed : {false, true}) {  // mixed efforts are asked one by one, on many threads
    for (const bool enough : {true, false}) {
      AnswerBudget budget(enough ? 2 * kPoints * (kPayload + 100) : kPayload * kPoints * 3 / 2);
      std::vector<Query> queries(2);
      for (Query& query : queries) {
        query.vector.resize(kDim * sizeof(float));
        query.k = kPoints;
        query.effort = mixed && &query == &queries[0] ? 300 : 400;
        query.fetch.payload = true;
        query.fetch.budget = &budget;
      }
      SCOPED_TRACE(std::string(mixed ? "mixed" : "same") + (enough ? ", enough" : ", too little"));
      auto answers = (*collection)->search_batch(queries);
      ASSERT_EQ(answers.ok(), enough) << (answers.ok() ? "" : answers.error().message);
      if (enough) {
        EXPECT_EQ((*answers)[1].hits.size(), kPoints);
      } else {
        EXPECT_EQ(answers.error().code, Code::kResourceExhausted);
        EXPECT_NE(answers.error().message.find("answer_bytes"), std::string::npos);
      }
    }
  }
  AnswerBudget small(10 * kPayload);
  Query query;
  query.vector.resize(kDim * sizeof(float));
  query.k = kPoints;
  query.fetch.payload = true;
  query.fetch.budget = &small;
  EXPECT_FALSE((*collection)->search(query).ok());
  EXPECT_FALSE(small.take(0)) << "nothing was charged";
}

TEST_P(AnswerLimitsTest, BatchesOfLargePayloadsAreRefusedAndSmallOnesAnswered) {
  v1::SearchBatchRequest batch = batch_of(50, kPoints);  // 1 GB
  for (v1::SearchRequest& query : *batch.mutable_queries()) query.mutable_fetch()->set_payload(true);
  auto refused = fixture_.client->search_batch(batch, within_ms(60'000));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  EXPECT_NE(refused.error().message.find("answer_bytes"), std::string::npos) << refused.error().message;
  for (v1::SearchRequest& query : *batch.mutable_queries()) query.set_k(5);  // 25 MB
  auto answered = fixture_.client->search_batch(batch, within_ms(60'000));
  ASSERT_TRUE(answered.ok()) << answered.error().message;
  EXPECT_EQ(answered->answers(49).hits_size(), 5);
}

INSTANTIATE_TEST_SUITE_P(Kinds, AnswerLimitsTest, ::testing::Values("flat", "hnsw"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST(BatchHits, AreCountedByTheDeepestQuery) {
  ServerFixture fixture;
  ASSERT_TRUE(fixture.ok());
  ASSERT_TRUE(fixture.client->create_collection(create_request("rows", kDim), {}).ok());
  ASSERT_TRUE(fixture.client->upsert(upsert_request("rows", 0, 10, kDim), {}).ok());
  v1::SearchBatchRequest batch = batch_of(1'000, 10);
  batch.mutable_queries(500)->set_offset(990);
  EXPECT_TRUE(fixture.client->search_batch(batch, {}).ok()) << "1,000 x (990 + 10) is the limit";
  batch.mutable_queries(500)->set_offset(991);
  auto refused = fixture.client->search_batch(batch, {});
  ASSERT_FALSE(refused.ok()) << "every query would be asked for 1,001 rows";
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_NE(refused.error().message.find("batch_hits"), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace kith::testing

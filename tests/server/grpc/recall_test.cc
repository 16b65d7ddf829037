// Goal: recall targets, plans and calibrations travel over the wire as the library has them, and what is
// wrong is refused by name. Method: a real server and client on a collection that is measured through them.
#include <gtest/gtest.h>

#include <cmath>

#include "server/api/convert_plan.h"
#include "tests/server/grpc/harness.h"

namespace kith::testing {
namespace {

constexpr uint32_t kDim = 8;

class WireRecall : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fixture_.ok());
    ASSERT_TRUE(api().create_collection(create_request("books", kDim, "vamana"), {}).ok());
    for (uint64_t first = 0; first < 1'000; first += 500)
      ASSERT_TRUE(api().upsert(upsert_request("books", first, 500, kDim), {}).ok());
  }
  Api& api() { return *fixture_.client; }
  v1::CalibrateResponse calibrate() {
    v1::CalibrateRequest request;
    request.set_collection("books");
    auto response = api().calibrate(request, {});
    EXPECT_TRUE(response.ok()) << response.error().message;
    return response.ok() ? *response : v1::CalibrateResponse();
  }
  v1::GetCollectionResponse info() {
    v1::GetCollectionRequest request;
    request.set_collection("books");
    auto response = api().get_collection(request, {});
    EXPECT_TRUE(response.ok());
    return response.ok() ? *response : v1::GetCollectionResponse();
  }
  std::string refusal(const v1::SearchRequest& request) {
    const auto response = api().search(request, {});
    EXPECT_FALSE(response.ok());
    if (response.ok()) return "";
    EXPECT_EQ(response.error().code, Code::kInvalidArgument);
    return response.error().message;
  }

  ServerFixture fixture_;
};

TEST_F(WireRecall, ACalibrationIsMadeAndTold) {
  EXPECT_FALSE(info().fields(0).has_calibrated());
  EXPECT_EQ(info().recall_target(), 0.95);
  v1::SearchRequest request = search_request("books", kDim, 5);
  request.set_recall_target(0.9);
  auto before = api().search(request, {});
  ASSERT_TRUE(before.ok());
  EXPECT_FALSE(before->taken().has_recall());

  const v1::CalibrateResponse measured = calibrate();
  ASSERT_EQ(measured.fields_size(), 1);
  EXPECT_EQ(measured.fields(0).field(), "v");
  EXPECT_EQ(measured.fields(0).rows(), 1'000u);
  EXPECT_GT(measured.fields(0).queries(), 0u);
  EXPECT_GT(measured.fields(0).vector_bytes(), 0u);
  ASSERT_GT(measured.fields(0).points_size(), 3);
  for (const v1::CalibrationPoint& point : measured.fields(0).points()) {
    EXPECT_GE(point.recall(), point.recall_low());
    EXPECT_LE(point.recall(), 1);
    EXPECT_GT(point.k(), 0u);
    EXPECT_GT(point.nanoseconds(), 0);
  }
  ASSERT_TRUE(info().fields(0).has_calibrated());
  EXPECT_EQ(info().fields(0).calibrated().rows(), 1'000u);

  auto after = api().search(request, {});
  ASSERT_TRUE(after.ok());
  ASSERT_TRUE(after->taken().has_recall());
  EXPECT_GE(after->taken().recall(), 0.85);
  EXPECT_EQ(after->taken().share(), 1);
  EXPECT_FALSE(after->has_explanation());
}

TEST_F(WireRecall, ExplanationsComeBackAsTheyWere) {
  calibrate();
  v1::SearchRequest request = search_request("books", kDim, 5);
  request.mutable_filter()->set_text("n < 300");
  request.set_explain(v1::EXPLAIN_PLAN);
  auto planned = api().search(request, {});
  ASSERT_TRUE(planned.ok()) << planned.error().message;
  EXPECT_EQ(planned->hits_size(), 0);
  ASSERT_TRUE(planned->has_explanation());
  request.set_explain(v1::EXPLAIN_ANALYZE);
  auto analyzed = api().search(request, {});
  ASSERT_TRUE(analyzed.ok());
  EXPECT_EQ(analyzed->hits_size(), 10);
  const v1::Explanation& told = analyzed->explanation();
  EXPECT_TRUE(told.calibrated());
  EXPECT_NEAR(told.share(), 0.3, 0.001);
  EXPECT_GT(told.search_ns(), 0u);
  EXPECT_GT(told.others_size(), 0);
  auto read = explanation_from_proto(*analyzed);
  ASSERT_TRUE(read.ok());
  v1::Explanation again;
  explanation_to_proto(*read, &again);
  EXPECT_EQ(again.SerializeAsString(), told.SerializeAsString());
  v1::SearchResponse newer = *analyzed;
  newer.mutable_explanation()->mutable_chosen()->set_plan("teleport");
  EXPECT_EQ(explanation_from_proto(newer).error().code, Code::kUnavailable);
}

TEST_F(WireRecall, WrongTargetsAreRefusedByName) {
  v1::SearchRequest request = search_request("books", kDim, 5);
  request.set_recall_target(0.9);
  request.set_effort(30);
  const std::string both = refusal(request);
  EXPECT_NE(both.find("recall_target"), std::string::npos) << both;
  EXPECT_NE(both.find("effort"), std::string::npos) << both;
  request.set_effort(0);
  for (const double wrong : {-0.1, 1.5, std::nan(""), HUGE_VAL}) {
    request.set_recall_target(wrong);
    EXPECT_NE(refusal(request).find("recall_target"), std::string::npos) << wrong;
    v1::SetRecallTargetRequest set;
    set.set_collection("books");
    set.set_recall_target(wrong);
    EXPECT_EQ(api().set_recall_target(set, {}).error().code, Code::kInvalidArgument) << wrong;
  }
  request.set_recall_target(0);
  request.set_explain(static_cast<v1::Explain>(7));
  EXPECT_NE(refusal(request).find("explain"), std::string::npos);
  v1::SearchBatchRequest batch;
  batch.set_collection("books");
  *batch.add_queries() = search_request("books", kDim, 5);
  *batch.add_queries() = search_request("books", kDim, 6);
  batch.mutable_queries(1)->set_recall_target(2);
  auto refused = api().search_batch(batch, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("queries[1].recall_target"), std::string::npos)
      << refused.error().message;
}

TEST_F(WireRecall, TheCollectionsOwnTargetIsSet) {
  v1::SetRecallTargetRequest set;
  set.set_collection("books");
  set.set_recall_target(0.99);
  ASSERT_TRUE(api().set_recall_target(set, {}).ok());
  EXPECT_EQ(info().recall_target(), 0.99);
  set.set_recall_target(0);
  ASSERT_TRUE(api().set_recall_target(set, {}).ok());
  EXPECT_EQ(info().recall_target(), 0.95);
  set.set_collection("nobody");
  EXPECT_EQ(api().set_recall_target(set, {}).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace kith::testing

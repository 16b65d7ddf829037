// Goal: every RPC does its work through a real server and client, and says the same as the Api in this
// process; errors come back with code and message. Method: one small collection, each RPC once on the good
// path and once on a bad one.
#include <gtest/gtest.h>

#include "tests/server/grpc/harness.h"

namespace kith::testing {
namespace {

constexpr uint32_t kDim = 8;

class ServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fixture_.ok());
    ASSERT_TRUE(api().create_collection(create_request("books", kDim), {}).ok());
    auto written = api().upsert(upsert_request("books", 0, 100, kDim), {});
    ASSERT_TRUE(written.ok()) << written.error().message;
    EXPECT_EQ(written->inserted(), 100u);
  }
  Api& api() { return *fixture_.client; }

  ServerFixture fixture_;
};

TEST_F(ServiceTest, CollectionsAreCreatedListedDescribedAndDropped) {
  auto again = api().create_collection(create_request("books", kDim), {});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, Code::kAlreadyExists);
  ASSERT_TRUE(api().create_collection(create_request("films", kDim, "hnsw"), {}).ok());
  auto list = api().list_collections({}, {});
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->collections_size(), 2);

  v1::GetCollectionRequest about;
  about.set_collection("books");
  auto info = api().get_collection(about, {});
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->points(), 100u);
  EXPECT_GT(info->sequence(), 0u);
  ASSERT_EQ(info->fields_size(), 1);
  EXPECT_EQ(info->fields(0).field().dim(), kDim);
  EXPECT_EQ(info->fields(0).field().metric(), v1::METRIC_L2);
  EXPECT_EQ(info->fields(0).field().type(), v1::SCALAR_TYPE_F32);
  EXPECT_EQ(info->fields(0).field().index(), "flat");
  EXPECT_EQ(info->fields(0).rows(), 100u);

  v1::DropCollectionRequest drop;
  drop.set_collection("films");
  EXPECT_TRUE(api().drop_collection(drop, {}).ok());
  auto gone = api().drop_collection(drop, {});
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code, Code::kNotFound);
}

TEST_F(ServiceTest, GetReturnsPointsInOrderWithWhatWasAsked) {
  v1::GetRequest request;
  request.set_collection("books");
  request.add_ids()->set_number(7);
  request.add_ids()->set_number(7'000);
  request.add_ids()->set_number(3);
  request.mutable_fetch()->set_payload(true);
  request.mutable_fetch()->set_vectors(true);
  auto answer = api().get(request, {});
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  ASSERT_EQ(answer->entries_size(), 3);
  EXPECT_EQ(answer->entries(0).point().id().number(), 7u);
  EXPECT_FALSE(answer->entries(1).has_point());
  EXPECT_EQ(answer->entries(2).point().payload(), "{\"n\":3}");
  const v1::Point sent = upsert_request("books", 3, 1, kDim).points(0);
  ASSERT_EQ(answer->entries(2).point().vectors_size(), 1);
  EXPECT_EQ(answer->entries(2).point().vectors(0).field(), "v");
  for (uint32_t d = 0; d < kDim; ++d) {
    EXPECT_EQ(answer->entries(2).point().vectors(0).values(static_cast<int>(d)),
              sent.vectors(0).values(static_cast<int>(d)));
  }
}

TEST_F(ServiceTest, ScrollWalksAllPointsOnce) {
  v1::ScrollRequest request;
  request.set_collection("books");
  request.set_limit(33);
  uint64_t expected = 0;
  int pages = 0;
  while (true) {
    auto page = api().scroll(request, {});
    ASSERT_TRUE(page.ok()) << page.error().message;
    ++pages;
    for (const v1::Point& point : page->points()) EXPECT_EQ(point.id().number(), expected++);
    if (!page->has_next()) break;
    *request.mutable_from() = page->next();
  }
  EXPECT_EQ(expected, 100u);
  EXPECT_EQ(pages, 4);
}

TEST_F(ServiceTest, SearchFindsAPointByItsOwnVector) {
  v1::SearchRequest request;
  request.set_collection("books");
  *request.mutable_vector() = upsert_request("books", 42, 1, kDim).points(0).vectors(0);
  request.set_k(5);
  request.mutable_fetch()->set_payload(true);
  auto answer = api().search(request, {});
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  ASSERT_EQ(answer->hits_size(), 5);
  EXPECT_EQ(answer->hits(0).id().number(), 42u);
  EXPECT_EQ(answer->hits(0).score(), 0.0f);
  EXPECT_EQ(answer->hits(0).payload(), "{\"n\":42}");
  EXPECT_GT(answer->stats().full_distances(), 0u);
}

TEST_F(ServiceTest, DefaultsStandForZero) {
  v1::SearchRequest request = search_request("books", kDim, 1, 0);
  auto answer = api().search(request, {});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->hits_size(), 10);
}

TEST_F(ServiceTest, SearchBatchAndLocalApiSayTheSame) {
  const auto local_api = make_local_api(*fixture_.database);
  v1::SearchBatchRequest batch;
  batch.set_collection("books");
  for (uint64_t seed = 0; seed < 20; ++seed) {
    *batch.add_queries() = search_request("books", kDim, seed);
    batch.mutable_queries()->rbegin()->clear_collection();
  }
  auto remote = api().search_batch(batch, {});
  auto in_process = local_api->search_batch(batch, {});
  ASSERT_TRUE(remote.ok()) << remote.error().message;
  ASSERT_TRUE(in_process.ok());
  EXPECT_EQ(remote->SerializeAsString(), in_process->SerializeAsString());
  ASSERT_EQ(remote->answers_size(), 20);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    auto single = api().search(search_request("books", kDim, seed), {});
    ASSERT_TRUE(single.ok());
    const v1::SearchResponse& batched = remote->answers(static_cast<int>(seed));
    ASSERT_EQ(single->hits_size(), batched.hits_size());
    for (int i = 0; i < single->hits_size(); ++i) {
      EXPECT_EQ(single->hits(i).id().number(), batched.hits(i).id().number())
          << "query " << seed << " hit " << i;
    }
  }
}

TEST_F(ServiceTest, RangeSearchReturnsExactlyWhatIsWithin) {
  v1::RangeSearchRequest request;
  request.set_collection("books");
  const v1::SearchRequest query = search_request("books", kDim, 5, 100);
  *request.mutable_vector() = query.vector();
  auto all = api().search(query, {});
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->hits_size(), 100);
  request.set_radius(all->hits(29).score());
  auto within = api().range_search(request, {});
  ASSERT_TRUE(within.ok()) << within.error().message;
  ASSERT_GE(within->hits_size(), 29);
  ASSERT_LE(within->hits_size(), 31);
  for (const v1::Hit& hit : within->hits()) EXPECT_LE(hit.score(), request.radius() * 1.0001f);
}

TEST_F(ServiceTest, DeleteRemovesAndReports) {
  v1::DeleteRequest request;
  request.set_collection("books");
  for (uint64_t id : {1ull, 2ull, 999ull}) request.add_ids()->set_number(id);
  auto answer = api().remove(request, {});
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->removed(), 2u);
  v1::CountRequest count;
  count.set_collection("books");
  auto counted = api().count(count, {});
  ASSERT_TRUE(counted.ok());
  EXPECT_EQ(counted->count(), 98u);
}

TEST_F(ServiceTest, UpdateChangesWhatItNames) {
  v1::UpdateRequest request;
  request.set_collection("books");
  for (uint64_t id : {1ull, 2ull, 999ull}) {
    v1::PointUpdate* update = request.add_updates();
    update->mutable_id()->set_number(id);
    update->mutable_patch()->set_payload(R"({"read":true,"n":null})");
    update->mutable_patch()->set_expires_at_ms(32'503'680'000'000);
  }
  auto answer = api().update(request, {});
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->updated(), 2u);
  EXPECT_EQ(answer->missing(), 1u);

  v1::UpdateRequest where;
  where.set_collection("books");
  where.mutable_filter()->set_text("read = true");
  *where.mutable_patch()->add_vectors() = upsert_request("books", 77, 1, kDim).points(0).vectors(0);
  answer = api().update(where, {});
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->updated(), 2u);

  v1::GetRequest get;
  get.set_collection("books");
  get.add_ids()->set_number(2);
  get.set_after_sequence(answer->sequence());
  get.mutable_fetch()->set_payload(true);
  get.mutable_fetch()->set_vectors(true);
  const auto found = api().get(get, {});
  ASSERT_TRUE(found.ok()) << found.error().message;
  const v1::Point& point = found->entries(0).point();
  EXPECT_EQ(point.payload(), R"({"read":true})");
  EXPECT_EQ(point.expires_at_ms(), 32'503'680'000'000u);
  EXPECT_EQ(point.vectors(0).values(0), where.patch().vectors(0).values(0));

  for (const char* words : {"filter and updates", "patch: "}) {
    (words[0] == 'f' ? *where.add_updates() : *request.add_updates()).mutable_id()->set_number(1);
    if (words[0] == 'p') *request.mutable_patch() = where.patch();
    const auto refused = api().update(words[0] == 'f' ? where : request, {});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
    EXPECT_EQ(refused.error().message.rfind(words, 0), 0u) << refused.error().message;
  }
}

TEST_F(ServiceTest, DeleteTakesAFilterInsteadOfIds) {
  v1::DeleteRequest request;
  request.set_collection("books");
  request.mutable_filter()->set_text("n >= 10 AND n < 30");
  auto answer = api().remove(request, {});
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->removed(), 20u);
  request.add_ids()->set_number(1);
  EXPECT_EQ(api().remove(request, {}).error().message.rfind("filter and ids: ", 0), 0u);
  request.clear_filter();
  request.clear_ids();
  EXPECT_FALSE(api().remove(request, {}).ok());
  v1::CountRequest count;
  count.set_collection("books");
  EXPECT_EQ(api().count(count, {})->count(), 80u);
}

TEST_F(ServiceTest, SettleAndVerify) {
  v1::SettleRequest settle;
  settle.set_collection("books");
  EXPECT_TRUE(api().settle(settle, {}).ok());
  v1::VerifyRequest verify;
  verify.set_collection("books");
  auto report = api().verify(verify, {});
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->points(), 100u);
  EXPECT_GT(report->bytes(), 0u);
  EXPECT_EQ(report->problems_size(), 0) << report->problems(0);
}

TEST_F(ServiceTest, AllKindsOfIdsAreDifferentIds) {
  v1::UpsertRequest request = upsert_request("books", 7, 3, kDim);
  request.mutable_points(0)->mutable_id()->set_text("7");
  request.mutable_points(1)->mutable_id()->set_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  request.mutable_points(2)->mutable_id()->set_text("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  auto written = api().upsert(request, {});
  ASSERT_TRUE(written.ok()) << written.error().message;
  EXPECT_EQ(written->inserted(), 3u);
  v1::GetRequest get;
  get.set_collection("books");
  get.add_ids()->set_uuid("6BA7B810-9DAD-11D1-80B4-00C04FD430C8");
  auto answer = api().get(get, {});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->entries(0).point().id().uuid(), "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
}

TEST_F(ServiceTest, ErrorsAreTheSameOnBothWays) {
  const auto local_api = make_local_api(*fixture_.database);
  v1::SearchRequest wrong = search_request("books", kDim + 1, 1);
  auto remote = api().search(wrong, {});
  auto in_process = local_api->search(wrong, {});
  ASSERT_FALSE(remote.ok());
  ASSERT_FALSE(in_process.ok());
  EXPECT_EQ(remote.error().code, Code::kInvalidArgument);
  EXPECT_EQ(remote.error().message, in_process.error().message);
  EXPECT_NE(remote.error().message.find("vector.values: 9 dimensions"), std::string::npos)
      << remote.error().message;

  wrong.set_collection("nothing");
  EXPECT_EQ(api().search(wrong, {}).error().code, Code::kNotFound);
}

TEST_F(ServiceTest, StoredTypesTravelAsValuesOrData) {
  v1::CreateCollectionRequest create;
  create.set_collection("types");
  const std::pair<v1::ScalarType, v1::Metric> kinds[] = {{v1::SCALAR_TYPE_F16, v1::METRIC_COSINE},
                                                         {v1::SCALAR_TYPE_BF16, v1::METRIC_L2},
                                                         {v1::SCALAR_TYPE_I8, v1::METRIC_L2},
                                                         {v1::SCALAR_TYPE_U8, v1::METRIC_L2},
                                                         {v1::SCALAR_TYPE_BIT, v1::METRIC_HAMMING}};
  for (const auto& [type, metric] : kinds) {
    v1::VectorField* field = create.add_vectors();
    field->set_name(v1::ScalarType_Name(type));
    field->set_dim(16);
    field->set_type(type);
    field->set_metric(metric);
    field->set_index("flat");
  }
  ASSERT_TRUE(api().create_collection(create, {}).ok());
  v1::UpsertRequest upsert;
  upsert.set_collection("types");
  v1::Point* point = upsert.add_points();
  point->mutable_id()->set_number(1);
  for (const auto& field : create.vectors()) {
    v1::Vector* vector = point->add_vectors();
    vector->set_field(field.name());
    for (int d = 0; d < 16; ++d) vector->add_values(static_cast<float>(d % 2));
  }
  auto written = api().upsert(upsert, {});
  ASSERT_TRUE(written.ok()) << written.error().message;
  v1::GetRequest get;
  get.set_collection("types");
  get.add_ids()->set_number(1);
  get.mutable_fetch()->set_vectors(true);
  auto answer = api().get(get, {});
  ASSERT_TRUE(answer.ok());
  const v1::Point& back = answer->entries(0).point();
  ASSERT_EQ(back.vectors_size(), 5);
  for (const v1::Vector& vector : back.vectors()) {
    if (vector.field() == "SCALAR_TYPE_F16" || vector.field() == "SCALAR_TYPE_BF16") {
      ASSERT_EQ(vector.values_size(), 16) << vector.field();
      EXPECT_EQ(vector.values(1), 1.0f);
      EXPECT_EQ(vector.values(2), 0.0f);
    } else {
      EXPECT_EQ(vector.data().size(), vector.field() == "SCALAR_TYPE_BIT" ? 2u : 16u) << vector.field();
    }
  }
  // What came back can be sent again.
  v1::UpsertRequest again;
  again.set_collection("types");
  *again.add_points() = back;
  EXPECT_TRUE(api().upsert(again, {}).ok());
}

TEST_F(ServiceTest, PagesEndEarlyInsteadOfGrowingOverTheAnswerLimit_slow) {
  const std::string large = "{\"x\":\"" + std::string(1'000'000, 'y') + "\"}";
  for (uint64_t first = 1'000; first < 1'100; first += 25) {
    v1::UpsertRequest request = upsert_request("books", first, 25, kDim);
    for (v1::Point& point : *request.mutable_points()) point.set_payload(large);
    ASSERT_TRUE(api().upsert(request, {}).ok());
  }
  v1::ScrollRequest request;
  request.set_collection("books");
  request.mutable_from()->set_number(1'000);
  request.set_limit(10'000);
  request.mutable_fetch()->set_payload(true);
  auto page = api().scroll(request, {});
  ASSERT_TRUE(page.ok()) << page.error().message;
  ASSERT_TRUE(page->has_next());
  EXPECT_LT(page->points_size(), 100);
  EXPECT_EQ(page->next().number(), 1'000u + static_cast<uint64_t>(page->points_size()));

  v1::GetRequest get;
  get.set_collection("books");
  for (uint64_t id = 1'000; id < 1'100; ++id) get.add_ids()->set_number(id);
  get.mutable_fetch()->set_payload(true);
  auto answer = api().get(get, {});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, Code::kResourceExhausted);
  EXPECT_NE(answer.error().message.find("answer_bytes"), std::string::npos);
}

TEST(RemoteApi, NobodyThereIsUnavailable) {
  auto api = connect_remote_api("127.0.0.1:1");
  ASSERT_FALSE(api.ok());
  EXPECT_EQ(api.error().code, Code::kUnavailable);
}

TEST(RunServer, RefusesWhatIsNotLoopback) {
  TempDir dir;
  ServerOptions options;
  options.directory = dir.path();
  options.host = "0.0.0.0";
  auto result = run_server(options, [](uint16_t) { FAIL() << "serves"; });
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, Code::kFailedPrecondition);
}

}  // namespace
}  // namespace kith::testing

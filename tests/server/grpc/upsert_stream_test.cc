// Goal: a bulk load is applied in order and answered one by one; a refused batch ends it and names itself; a
// client that does not read answers is not read from. Method: a real server; the client's own stream, and raw
// gRPC streams that do what no polite client does.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <thread>

#include "kith.grpc.pb.h"
#include "server/api/wire_limits.h"
#include "server/grpc/upsert_reactor.h"
#include "tests/server/grpc/harness.h"
#include "tests/server/grpc/observed_database.h"

namespace kith::testing {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kDim = 4;

class UpsertStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fixture_.ok());
    ASSERT_TRUE(fixture_.client->create_collection(create_request("rows", kDim), {}).ok());
    stub_ = v1::Kith::NewStub(
        grpc::CreateChannel(local(fixture_.server->port()), grpc::InsecureChannelCredentials()));
  }
  uint64_t count() {
    v1::CountRequest request;
    request.set_collection("rows");
    auto counted = fixture_.client->count(request, {});
    EXPECT_TRUE(counted.ok());
    return counted.ok() ? counted->count() : 0;
  }
  v1::UpsertRequest batch(uint64_t first, size_t points = 10) {
    v1::UpsertRequest request = upsert_request("rows", first, points, kDim);
    request.set_durability(v1::DURABILITY_ASYNC);
    return request;
  }

  ServerFixture fixture_;
  std::unique_ptr<v1::Kith::Stub> stub_;
};

TEST_F(UpsertStreamTest, EveryBatchIsAppliedAndAnsweredInOrder) {
  grpc::ClientContext context;
  auto call = stub_->UpsertStream(&context);
  std::thread writer([&] {
    for (uint64_t i = 0; i < 200; ++i)
      ASSERT_TRUE(call->Write(batch(i * 5)));  // every batch overlaps the one before
    call->WritesDone();
  });
  v1::WriteResponse answer;
  uint64_t answers = 0, sequence = 0;
  while (call->Read(&answer)) {
    EXPECT_EQ(answer.inserted(), answers == 0 ? 10u : 5u);
    EXPECT_EQ(answer.replaced(), answers == 0 ? 0u : 5u);
    if (answers > 0) {
      EXPECT_EQ(answer.sequence(), sequence + 1);
    }
    sequence = answer.sequence();
    ++answers;
  }
  writer.join();
  EXPECT_TRUE(call->Finish().ok());
  EXPECT_EQ(answers, 200u);
  EXPECT_EQ(count(), 1'005u);
}

TEST_F(UpsertStreamTest, TheClientsStreamCountsAnswers) {
  auto stream = fixture_.client->upsert_stream({});
  ASSERT_TRUE(stream.ok());
  for (uint64_t i = 0; i < 50; ++i) ASSERT_TRUE((*stream)->send(batch(i * 10)).ok());
  ASSERT_TRUE((*stream)->finish().ok());
  EXPECT_EQ((*stream)->acknowledged(), 50u);
  EXPECT_EQ(count(), 500u);
  EXPECT_FALSE((*stream)->send(batch(0)).ok()) << "a finished stream takes no more";
}

TEST_F(UpsertStreamTest, AnEmptyStreamIsFine) {
  auto stream = fixture_.client->upsert_stream({});
  ASSERT_TRUE(stream.ok());
  EXPECT_TRUE((*stream)->finish().ok());
}

TEST_F(UpsertStreamTest, ARefusedBatchEndsTheStreamAndNamesItself) {
  auto stream = fixture_.client->upsert_stream({});
  ASSERT_TRUE(stream.ok());
  Result<void> sent;
  for (uint64_t i = 0; i < 100 && sent.ok(); ++i) {
    v1::UpsertRequest request = batch(i * 10);
    if (i == 6) request.mutable_points(3)->mutable_vectors(0)->add_values(1);
    sent = (*stream)->send(request);
  }
  auto finished = (*stream)->finish();
  ASSERT_FALSE(finished.ok());
  EXPECT_EQ(finished.error().code, Code::kInvalidArgument);
  EXPECT_EQ(finished.error().message.rfind("batch 7: points[3].vectors[0].values", 0), 0u)
      << finished.error().message;
  EXPECT_EQ((*stream)->acknowledged(), 6u);
  EXPECT_EQ(count(), 60u) << "batches before the refused one stay, those behind it are dropped";
}

TEST_F(UpsertStreamTest, AClientThatWaitsForTheRefusalGetsIt) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 10s);
  auto call = stub_->UpsertStream(&context);
  v1::UpsertRequest bad = batch(0);
  bad.set_collection("nothing");
  ASSERT_TRUE(call->Write(bad));
  v1::WriteResponse answer;
  EXPECT_FALSE(call->Read(&answer)) << "the write side is still open here";
  EXPECT_EQ(call->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(UpsertStreamTest, AClientThatGoesAwayLeavesWholeBatches) {
  for (int round = 0; round < 10; ++round) {
    grpc::ClientContext context;
    auto call = stub_->UpsertStream(&context);
    for (uint64_t i = 0; i < 20; ++i) call->Write(batch(i * 10));
    context.TryCancel();
    EXPECT_EQ(call->Finish().error_code(), grpc::StatusCode::CANCELLED);
    EXPECT_EQ(count() % 10, 0u);
  }
  EXPECT_TRUE(fixture_.client->upsert(batch(0), {}).ok());
}

TEST_F(UpsertStreamTest, StreamsOverTheLimitAreRefusedAndRoomComesBack) {
  const auto open_all = [&](size_t streams) {
    std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
    std::vector<std::unique_ptr<grpc::ClientReaderWriter<v1::UpsertRequest, v1::WriteResponse>>> calls;
    v1::WriteResponse answer;
    for (size_t i = 0; i < streams; ++i) {
      contexts.push_back(std::make_unique<grpc::ClientContext>());
      calls.push_back(stub_->UpsertStream(contexts.back().get()));
      EXPECT_TRUE(calls.back()->Write(batch(i * 10)));
      EXPECT_TRUE(calls.back()->Read(&answer)) << "stream " << i;
    }
    grpc::ClientContext context;
    auto extra = stub_->UpsertStream(&context);
    extra->Write(batch(0));
    EXPECT_FALSE(extra->Read(&answer));
    EXPECT_EQ(extra->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    for (auto& call : calls) {
      call->WritesDone();
      EXPECT_TRUE(call->Finish().ok());
    }
  };
  open_all(limits::kBulkStreams.max);
  std::this_thread::sleep_for(100ms);
  open_all(limits::kBulkStreams.max);
}

TEST(UpsertReactor, WithoutAThreadEndsAndGivesItsPlaceBack) {
  TempDir dir;
  auto database = Database::open(dir.path(), {});
  ASSERT_TRUE(database.ok()) << database.error().message;
  const auto api = make_local_api(**database);
  Admission admission(1'000);
  RunningCalls running;
  std::atomic<uint32_t> streams{0};
  // A stack larger than the address space: no thread starts. Without a server, whose own threads it would
  // hit.
  pthread_attr_t usual, impossible;
  ASSERT_EQ(pthread_getattr_default_np(&usual), 0);
  ASSERT_EQ(pthread_attr_init(&impossible), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&impossible, size_t{1} << 50), 0);
  ASSERT_EQ(pthread_setattr_default_np(&impossible), 0);
  EXPECT_THROW(std::thread([] {}).join(), std::system_error);
  EXPECT_NO_THROW({
    auto* reactor = make_upsert_reactor(*api, admission, running, streams);
    EXPECT_EQ(streams.load(), 1u);
    reactor->OnDone();  // as gRPC does once the refusal has left
  });
  ASSERT_EQ(pthread_setattr_default_np(&usual), 0);
  EXPECT_EQ(streams.load(), 0u);
}

TEST_F(UpsertStreamTest, RunningOutOfMemoryEndsTheCallNotTheServer) {
  ObservedDatabase starved(*fixture_.database);
  fixture_.server.reset();
  fixture_.serve(starved);
  ASSERT_TRUE(fixture_.ok());
  starved.watch().fail_upserts(true);
  auto stream = fixture_.client->upsert_stream(within_ms(10'000));
  ASSERT_TRUE(stream.ok());
  (void)(*stream)->send(batch(0));
  auto finished = (*stream)->finish();
  ASSERT_FALSE(finished.ok());
  EXPECT_EQ(finished.error().code, Code::kResourceExhausted) << finished.error().message;
  auto single = fixture_.client->upsert(batch(0), within_ms(10'000));
  ASSERT_FALSE(single.ok());
  EXPECT_EQ(single.error().code, Code::kResourceExhausted) << single.error().message;
  starved.watch().fail_upserts(false);
  EXPECT_TRUE(fixture_.client->upsert(batch(0), {}).ok());
  fixture_.server.reset();
}

TEST_F(UpsertStreamTest, AClientThatDoesNotReadIsNotReadFrom_slow) {
  // A window that stays at HTTP/2's 64 KiB: some 5,000 answers.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  stub_ = v1::Kith::NewStub(grpc::CreateCustomChannel(local(fixture_.server->port()),
                                                      grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto step = [&](std::chrono::milliseconds patience) {
    void* tag = nullptr;
    bool ok = false;
    return queue.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + patience) ==
               grpc::CompletionQueue::GOT_EVENT &&
           ok;
  };
  auto call = stub_->PrepareAsyncUpsertStream(&context, &queue);
  call->StartCall(nullptr);
  ASSERT_TRUE(step(5s));
  // Large enough that what the server's own windows hold (a few MB) is far less than all that could be
  // written.
  v1::UpsertRequest small = batch(0, 1);
  small.mutable_points(0)->set_payload("{\"x\":\"" + std::string(4'000, 'y') + "\"}");
  constexpr uint64_t kMany = 30'000;
  uint64_t written = 0;
  bool blocked = false;
  while (written < kMany && !blocked) {
    call->Write(small, nullptr);
    ++written;
    blocked = !step(2s);
  }
  ASSERT_TRUE(blocked) << "the server took " << kMany << " batches whose answers nobody read";
  // Reading answers sets it going again.
  int tag_read = 0, tag_other = 0;
  v1::WriteResponse answer;
  uint64_t answers = 0;
  call->Read(&answer, &tag_read);
  bool closing = false;
  while (answers < written) {
    void* tag = nullptr;
    bool ok = false;
    ASSERT_EQ(queue.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + 20s),
              grpc::CompletionQueue::GOT_EVENT);
    ASSERT_TRUE(ok);
    if (tag == &tag_read) {
      if (++answers < written) call->Read(&answer, &tag_read);
    } else if (!closing) {
      closing = true;
      call->WritesDone(&tag_other);
    }
  }
  grpc::Status status;
  int tag_finish = 0;
  call->Finish(&status, &tag_finish);
  void* tag = nullptr;  // WritesDone may still be on its way; gRPC holds `status` until Finish has come
  for (bool ok = false; tag != &tag_finish;) ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(answers, written);
  RecordProperty("batches_before_block", static_cast<int>(written));
}

}  // namespace
}  // namespace kith::testing

// Goal: what arrives on the port is bounded and answered: compressed and oversized messages, lying lengths,
// fat headers, bytes that are no HTTP/2; health and reflection answer as the ecosystem expects. Method: raw
// sockets and generic stubs against a real server, which must serve an ordinary client afterwards.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "kith.grpc.pb.h"
#include "reflection.grpc.pb.h"
#include "server/api/wire_limits.h"
#include "tests/server/grpc/harness.h"
#include "tests/server/grpc/raw_http2.h"
#include "tests/support/memory.h"

namespace kith::testing {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kDim = 4;

class WireTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fixture_.ok());
    ASSERT_TRUE(fixture_.client->create_collection(create_request("rows", kDim), {}).ok());
    channel_ = grpc::CreateChannel(local(fixture_.server->port()), grpc::InsecureChannelCredentials());
  }
  void TearDown() override {
    auto alive = fixture_.client->list_collections({}, within_ms(5'000));
    EXPECT_TRUE(alive.ok()) << "the server no longer serves: " << alive.error().message;
  }

  /// One message there, one message back.
  grpc::Status call(const std::string& method, const std::string& request, std::string* answer = nullptr,
                    grpc::ClientContext* context = nullptr) {
    grpc::ClientContext own;
    if (context == nullptr) context = &own;
    context->set_deadline(std::chrono::system_clock::now() + 20s);
    grpc::GenericStub stub(channel_);
    grpc::CompletionQueue queue;
    grpc::Slice slice(request);
    grpc::ByteBuffer out(&slice, 1), in;
    auto stream = stub.PrepareCall(context, method, &queue);
    const auto step = [&] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    stream->StartCall(nullptr);
    bool alive = step();
    if (alive) {
      stream->WriteLast(out, {}, nullptr);
      alive = step();
    }
    if (alive) {
      stream->Read(&in, nullptr);
      if (step() && answer != nullptr) {
        std::vector<grpc::Slice> slices;
        (void)in.Dump(&slices);
        for (const grpc::Slice& part : slices)
          answer->append(reinterpret_cast<const char*>(part.begin()), part.size());
      }
    }
    grpc::Status status;
    stream->Finish(&status, nullptr);
    step();
    return status;
  }

  ServerFixture fixture_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(WireTest, HealthSaysServing) {
  for (const std::string& request : {std::string(), std::string("\x0a\x0ckith.v1.Kith")}) {
    std::string answer;
    const grpc::Status status = call("/grpc.health.v1.Health/Check", request, &answer);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(answer, std::string("\x08\x01")) << "field 1 = SERVING";
  }
}

TEST_F(WireTest, ReflectionNamesAndDescribesTheService) {
  const std::string method = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  std::string services, file;
  ASSERT_TRUE(call(method, std::string("\x3a\x01*"), &services).ok());  // list_services
  EXPECT_NE(services.find("kith.v1.Kith"), std::string::npos);
  EXPECT_NE(services.find("grpc.health.v1.Health"), std::string::npos);
  ASSERT_TRUE(call(method, std::string("\x22\x0ckith.v1.Kith"), &file).ok());  // file_containing_symbol
  EXPECT_NE(file.find("UpsertStream"), std::string::npos);
}

TEST_F(WireTest, ReflectionAnswersEveryKindOfQuestion) {
  namespace v1alpha = grpc::reflection::v1alpha;
  auto stub = v1alpha::ServerReflection::NewStub(channel_);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 20s);
  auto stream = stub->ServerReflectionInfo(&context);
  v1alpha::ServerReflectionRequest request;
  v1alpha::ServerReflectionResponse answer;
  const auto ask = [&] { return stream->Write(request) && stream->Read(&answer); };
  request.set_host("here");
  request.set_file_by_filename("kith.proto");
  ASSERT_TRUE(ask());
  EXPECT_EQ(answer.valid_host(), "here");
  EXPECT_EQ(answer.original_request().file_by_filename(), "kith.proto");
  ASSERT_EQ(answer.file_descriptor_response().file_descriptor_proto_size(), 1);
  const std::string file = answer.file_descriptor_response().file_descriptor_proto(0);
  request.set_file_containing_symbol("kith.v1.SearchRequest.vector");
  ASSERT_TRUE(ask());
  ASSERT_EQ(answer.file_descriptor_response().file_descriptor_proto_size(), 1);
  EXPECT_EQ(answer.file_descriptor_response().file_descriptor_proto(0), file);
  request.set_all_extension_numbers_of_type("kith.v1.Point");
  ASSERT_TRUE(ask());
  EXPECT_EQ(answer.all_extension_numbers_response().base_type_name(), "kith.v1.Point");
  for (int i = 0; i < 4; ++i) {
    if (i == 0) request.set_file_by_filename("no.proto");
    if (i == 1) request.set_file_containing_symbol("no.Symbol");
    if (i == 2) request.set_all_extension_numbers_of_type("no.Type");
    if (i == 3) request.mutable_file_containing_extension()->set_containing_type("kith.v1.Point");
    ASSERT_TRUE(ask());
    EXPECT_EQ(answer.error_response().error_code(), static_cast<int>(grpc::StatusCode::NOT_FOUND)) << i;
  }
  request.set_list_services("*");  // as tools do that describe a server: each service by its name
  ASSERT_TRUE(ask());
  const auto listed = answer.list_services_response();
  EXPECT_EQ(listed.service_size(), 3);
  for (const auto& service : listed.service()) {
    request.set_file_containing_symbol(service.name());
    ASSERT_TRUE(ask());
    EXPECT_EQ(answer.file_descriptor_response().file_descriptor_proto_size(), 1) << service.name();
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(WireTest, IdleReflectionStreamsHoldNoThread) {
  namespace v1alpha = grpc::reflection::v1alpha;
  ServerOptions options;
  options.threads = 2;
  fixture_.client.reset();
  fixture_.server.reset();
  fixture_.serve(*fixture_.database, options);
  ASSERT_TRUE(fixture_.ok());
  auto stub = v1alpha::ServerReflection::NewStub(
      grpc::CreateChannel(local(fixture_.server->port()), grpc::InsecureChannelCredentials()));
  v1alpha::ServerReflectionRequest request;
  request.set_list_services("*");
  v1alpha::ServerReflectionResponse answer;
  using Stream =
      grpc::ClientReaderWriter<v1alpha::ServerReflectionRequest, v1alpha::ServerReflectionResponse>;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<Stream>> streams;
  const auto open = [&] {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    contexts.back()->set_deadline(std::chrono::system_clock::now() + 60s);
    streams.push_back(stub->ServerReflectionInfo(contexts.back().get()));
    streams.back()->Write(request);
    return streams.back()->Read(&answer);
  };
  for (size_t i = 0; i < limits::kReflectionStreams.max; ++i) ASSERT_TRUE(open()) << "stream " << i;
  EXPECT_FALSE(open()) << "over the limit";
  EXPECT_EQ(streams.back()->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  for (int i = 0; i < 20; ++i) {
    auto listed = fixture_.client->list_collections({}, within_ms(5'000));
    EXPECT_TRUE(listed.ok()) << listed.error().message;
  }
  streams.front()->WritesDone();
  EXPECT_TRUE(streams.front()->Finish().ok());
  EXPECT_TRUE(open()) << "room comes back";
  for (auto& context : contexts) context->TryCancel();
}

TEST_F(WireTest, CompressedMessagesAreRefusedUnread) {
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    v1::UpsertRequest request;
    request.set_collection("rows");
    request.add_points()->set_payload(std::string(32'000'000, ' '));
    grpc::ClientContext context;
    context.set_compression_algorithm(algorithm);
    const grpc::Status status = call("/kith.v1.Kith/Upsert", request.SerializeAsString(), nullptr, &context);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << status.error_message();
  }
}

TEST_F(WireTest, ARawGzipMessageIsRefused) {
  RawHttp2 raw(fixture_.server->port());
  ASSERT_TRUE(raw.connected());
  raw.open_call("/kith.v1.Kith/ListCollections", RawHttp2::literal("grpc-encoding", "gzip"));
  const std::string gzip_of_nothing(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);
  raw.send_message(1, 20, gzip_of_nothing);
  const std::string answer = raw.read_until(status_header(12), 5s);
  EXPECT_NE(answer.find(status_header(12)), std::string::npos) << "no UNIMPLEMENTED";
}

TEST_F(WireTest, ALengthOfFourGigabytesAllocatesNothing) {
  const uint64_t before = test::resident_bytes();
  RawHttp2 raw(fixture_.server->port());
  raw.open_call("/kith.v1.Kith/Search");
  raw.send_message(0, 0xffffffffu, "few");
  const std::string answer = raw.read_until("grpc-status", 5s);
  EXPECT_EQ(answer.find(status_header(0)), std::string::npos) << "was accepted";
  EXPECT_LT(test::resident_bytes(), before + 64 * limits::kMiB);
}

TEST_F(WireTest, BytesThatAreNoHttp2CloseTheConnection) {
  std::string noise(4'096, '\0');
  Random random(7);
  for (char& c : noise) c = static_cast<char>(random.next());
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\nHost: kith\r\n\r\n"), noise,
                                   "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(100, '\xff')}) {
    RawHttp2 raw(fixture_.server->port());
    raw.send(bytes);
    raw.read_until("", 15s);
    EXPECT_TRUE(raw.closed());
  }
}

TEST_F(WireTest, SearchesAreSmallAndBatchesAreNotEndless) {
  v1::SearchRequest search = search_request("rows", kDim, 1);
  search.mutable_vector()->set_data(std::string(limits::kRequestBytes.max, 'x'));
  grpc::Status status = call("/kith.v1.Kith/Search", search.SerializeAsString());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(status.error_message().find("SearchRequest"), std::string::npos) << status.error_message();

  status = call("/kith.v1.Kith/Upsert", std::string(limits::kMessageBytes.max + 1, '\0'));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
}

TEST_F(WireTest, NestedEmptiesDoNotGrowInMemory) {
  std::string bomb = "\x0a\x04rows";
  for (int i = 0; i < 1'900'000; ++i) bomb += std::string("\x12\x00", 2);
  (void)call("/kith.v1.Kith/Upsert", bomb.substr(0, 1'000));  // whatever the first call allocates
  const uint64_t before = test::resident_bytes();
  const grpc::Status status = call("/kith.v1.Kith/Upsert", bomb);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(status.error_message().find("sub_messages"), std::string::npos) << status.error_message();
  EXPECT_LT(test::resident_bytes(), before + 64 * limits::kMiB) << "parsed, they take 164 MB";
}

TEST_F(WireTest, FieldsOfTheWrongKindAndFieldsAgainDoNotGrowInMemory) {
  for (const std::string& piece : {std::string("\x1a\x00", 2), std::string("\x0a\x00", 2)}) {
    std::string bomb;
    for (int i = 0; i < 4'000'000; ++i) bomb += piece;
    (void)call("/kith.v1.Kith/Upsert", bomb.substr(0, 1'000));
    const uint64_t before = test::resident_bytes();
    const grpc::Status status = call("/kith.v1.Kith/Upsert", bomb);
    EXPECT_NE(status.error_message().find("unknown_fields"), std::string::npos) << status.error_message();
    EXPECT_LT(test::resident_bytes(), before + 64 * limits::kMiB) << "parsed, they take over 128 MB";
  }
}

TEST_F(WireTest, FatMetadataIsRefused) {
  grpc::ClientContext context;
  context.AddMetadata("x-fat", std::string(4 * limits::kMetadataBytes.max, 'm'));
  const grpc::Status status = call("/kith.v1.Kith/ListCollections", "", nullptr, &context);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
}

TEST_F(WireTest, UnknownMethodsAreUnimplemented) {
  EXPECT_EQ(call("/kith.v1.Kith/Explode", "").error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(call("/", "").error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(WireTest, ConnectionsOverTheCapAreClosedAndRoomComesBack) {
  ServerOptions options;
  options.connections_max = 3;
  fixture_.client.reset();
  fixture_.server.reset();
  fixture_.serve(*fixture_.database, options);  // its client is connection 1
  ASSERT_TRUE(fixture_.ok());
  const std::string address = local(fixture_.server->port());
  for (int round = 0; round < 3; ++round) {
    auto second = connect_remote_api(address);
    auto third = connect_remote_api(address);
    ASSERT_TRUE(second.ok()) << second.error().message << " in round " << round;
    ASSERT_TRUE(third.ok()) << third.error().message << " in round " << round;
    EXPECT_EQ(fixture_.server->connections(), 3u);
    auto fourth = connect_remote_api(address);
    ASSERT_FALSE(fourth.ok());
    EXPECT_EQ(fourth.error().code, Code::kUnavailable);
    EXPECT_TRUE((*second)->list_collections({}, {}).ok()) << "those inside are not disturbed";
    second = Error{Code::kCancelled, ""};
    third = Error{Code::kCancelled, ""};
    const auto end = std::chrono::steady_clock::now() + 5s;
    while (fixture_.server->connections() > 1 && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(1ms);
    EXPECT_EQ(fixture_.server->connections(), 1u);
  }
}

}  // namespace
}  // namespace kith::testing

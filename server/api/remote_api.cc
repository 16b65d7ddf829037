// RemoteApi: kith.v1 answered by a server, over one channel. A Stop becomes the call's deadline; where
// somebody can cancel, a watcher thread polls the Stop for as long as the call runs.
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "kith.grpc.pb.h"
#include "server/api/api.h"
#include "server/api/remote_stream.h"
#include "server/api/wire_limits.h"
#include "server/grpc/status.h"

namespace kith {
namespace {

using Stub = v1::Kith::StubInterface;

class RemoteApi final : public Api {
 public:
  explicit RemoteApi(std::shared_ptr<grpc::Channel> channel) : stub_(v1::Kith::NewStub(channel)) {}

  Result<v1::CreateCollectionResponse> create_collection(const v1::CreateCollectionRequest& request,
                                                         const Stop& stop) override {
    return call(&Stub::CreateCollection, request, stop);
  }
  Result<v1::DropCollectionResponse> drop_collection(const v1::DropCollectionRequest& request,
                                                     const Stop& stop) override {
    return call(&Stub::DropCollection, request, stop);
  }
  Result<v1::ListCollectionsResponse> list_collections(const v1::ListCollectionsRequest& request,
                                                       const Stop& stop) override {
    return call(&Stub::ListCollections, request, stop);
  }
  Result<v1::GetCollectionResponse> get_collection(const v1::GetCollectionRequest& request,
                                                   const Stop& stop) override {
    return call(&Stub::GetCollection, request, stop);
  }
  Result<v1::WriteResponse> upsert(const v1::UpsertRequest& request, const Stop& stop) override {
    return call(&Stub::Upsert, request, stop);
  }
  Result<v1::WriteResponse> remove(const v1::DeleteRequest& request, const Stop& stop) override {
    return call(&Stub::Delete, request, stop);
  }
  Result<v1::WriteResponse> update(const v1::UpdateRequest& request, const Stop& stop) override {
    return call(&Stub::Update, request, stop);
  }
  Result<std::unique_ptr<UpsertStream>> upsert_stream(const Stop& stop) override {
    return open_remote_stream(*stub_, stop);
  }
  Result<v1::GetResponse> get(const v1::GetRequest& request, const Stop& stop) override {
    return call(&Stub::Get, request, stop);
  }
  Result<v1::ScrollResponse> scroll(const v1::ScrollRequest& request, const Stop& stop) override {
    return call(&Stub::Scroll, request, stop);
  }
  Result<v1::CountResponse> count(const v1::CountRequest& request, const Stop& stop) override {
    return call(&Stub::Count, request, stop);
  }
  Result<v1::SearchResponse> search(const v1::SearchRequest& request, const Stop& stop) override {
    return call(&Stub::Search, request, stop);
  }
  Result<v1::SearchBatchResponse> search_batch(const v1::SearchBatchRequest& request,
                                               const Stop& stop) override {
    return call(&Stub::SearchBatch, request, stop);
  }
  Result<v1::SearchResponse> range_search(const v1::RangeSearchRequest& request, const Stop& stop) override {
    return call(&Stub::RangeSearch, request, stop);
  }
  Result<v1::SearchResponse> recommend(const v1::RecommendRequest& request, const Stop& stop) override {
    return call(&Stub::Recommend, request, stop);
  }
  Result<v1::FacetResponse> facet(const v1::FacetRequest& request, const Stop& stop) override {
    return call(&Stub::Facet, request, stop);
  }
  Result<v1::SettleResponse> settle(const v1::SettleRequest& request, const Stop& stop) override {
    return call(&Stub::Settle, request, stop);
  }
  Result<v1::VerifyResponse> verify(const v1::VerifyRequest& request, const Stop& stop) override {
    return call(&Stub::Verify, request, stop);
  }
  Result<v1::LimitMemoryResponse> limit_memory(const v1::LimitMemoryRequest& request,
                                               const Stop& stop) override {
    return call(&Stub::LimitMemory, request, stop);
  }
  Result<v1::SetRecallTargetResponse> set_recall_target(const v1::SetRecallTargetRequest& request,
                                                        const Stop& stop) override {
    return call(&Stub::SetRecallTarget, request, stop);
  }
  Result<v1::CalibrateResponse> calibrate(const v1::CalibrateRequest& request, const Stop& stop) override {
    return call(&Stub::Calibrate, request, stop);
  }
  Result<v1::CheckpointResponse> checkpoint(const v1::CheckpointRequest& request, const Stop& stop) override {
    return call(&Stub::Checkpoint, request, stop);
  }
  Result<v1::CompactResponse> compact(const v1::CompactRequest& request, const Stop& stop) override {
    return call(&Stub::Compact, request, stop);
  }
  Result<v1::BackupResponse> backup(const v1::BackupRequest& request, const Stop& stop) override {
    return call(&Stub::Backup, request, stop);
  }
  Result<v1::ListBackupsResponse> list_backups(const v1::ListBackupsRequest& request,
                                               const Stop& stop) override {
    return call(&Stub::ListBackups, request, stop);
  }

 private:
  template <typename Request, typename Response>
  Result<Response> call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                        const Request& request, const Stop& stop) {
    TRY(stop.check());
    grpc::ClientContext context;
    const CallGuard guard(context, stop);
    Response response;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    if (!status.ok()) return from_grpc_status(status);
    return response;
  }

  std::unique_ptr<v1::Kith::Stub> stub_;
};

}  // namespace

Result<std::unique_ptr<Api>> connect_remote_api(const std::string& address) {
  constexpr auto kPatience = std::chrono::seconds(2);
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetCompressionAlgorithm(GRPC_COMPRESS_NONE);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL,
                   1);  // a connection of its own, not one shared in this process
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, 1 << 20);
  auto channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + kPatience)) {
    return unavailable("no server answers at '{}'; check the address and that one runs there", address);
  }
  return std::unique_ptr<Api>(std::make_unique<RemoteApi>(std::move(channel)));
}

}  // namespace kith

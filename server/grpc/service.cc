#include "server/grpc/service.h"

#include <google/protobuf/arena.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/support/method_handler.h>
#include <grpcpp/support/server_callback.h>

#include "server/api/wire_limits.h"
#include "server/grpc/call_stop.h"
#include "server/grpc/codec.h"
#include "server/grpc/slot.h"
#include "server/grpc/status.h"
#include "server/grpc/upsert_reactor.h"

namespace kith {
namespace {

constexpr uint64_t kSmall = limits::kRequestBytes.max;
constexpr uint64_t kLarge = limits::kMessageBytes.max;

template <typename Request, typename Response, typename Call>
grpc::Status answer(Admission& admission, uint64_t bytes_max, const grpc::ServerContext& context,
                    const grpc::ByteBuffer& wire, grpc::ByteBuffer* out, Call call) {
  const Admission::Ticket ticket = admission.try_admit(wire.Length());
  if (!ticket) {
    return grpc_status(
        resource_exhausted("the server is working on {} bytes of requests (limit 'inflight_bytes'); try "
                           "again in a moment",
                           admission.used() / Admission::kCostPerByte));
  }
  alignas(16) char first_block[4'096];
  google::protobuf::ArenaOptions options;
  options.initial_block = first_block;
  options.initial_block_size = sizeof first_block;
  google::protobuf::Arena arena(options);
  auto* request = google::protobuf::Arena::CreateMessage<Request>(&arena);
  // gRPC hands out the buffer const; reading it does not change what it says.
  auto parsed = parse_message(const_cast<grpc::ByteBuffer&>(wire), bytes_max, *request);
  if (!parsed.ok()) return grpc_status(parsed.error());
  const CallStop stop(context);
  Result<Response> response = call(*request, stop.stop());
  if (!response.ok()) return grpc_status(response.error());
  serialize_message(*response, *out);
  return grpc::Status::OK;
}

}  // namespace

template <typename Request, typename Response>
grpc::Status Service::serve(uint64_t bytes_max, Call<Request, Response> call,
                            const grpc::ServerContext& context, const grpc::ByteBuffer& wire,
                            grpc::ByteBuffer* out) {
  const RunningCalls::Guard running(running_);
  if (!running) return grpc_status(unavailable("{}", kShuttingDown));
  return guarded([&] {
    return answer<Request, Response>(
        admission_, bytes_max, context, wire, out,
        [&](const Request& request, const Stop& stop) { return (api_.*call)(request, stop); });
  });
}

template <typename Handler>
void Service::add(const char* name, Handler handler) {
  AddMethod(new grpc::internal::RpcServiceMethod(
      name, grpc::internal::RpcMethod::NORMAL_RPC,
      new grpc::internal::RpcMethodHandler<Service, grpc::ByteBuffer, grpc::ByteBuffer>(handler, this)));
}

template <typename Request, typename Response>
void Service::add_unary(const char* name, uint64_t bytes_max, Call<Request, Response> call) {
  add(name, [this, bytes_max, call](Service*, grpc::ServerContext* context, const grpc::ByteBuffer* wire,
                                    grpc::ByteBuffer* out) {
    return serve<Request, Response>(bytes_max, call, *context, *wire, out);
  });
}

template <typename Request, typename Response>
void Service::add_waiting(const char* name, Call<Request, Response> call) {
  add(name, [this, call](Service*, grpc::ServerContext* context, const grpc::ByteBuffer* wire,
                         grpc::ByteBuffer* out) {
    const Slot slot(waiting_, waiting_max_);
    if (slot) return serve<Request, Response>(kSmall, call, *context, *wire, out);
    return grpc_status(resource_exhausted(
        "{} calls that may take long (Settle, Verify, Calibrate, Checkpoint, Compact, Backup) are running, as many as may "
        "at a time (half of the server's threads); try again later, or serve with more "
        "--threads",
        waiting_max_));
  });
}

void Service::add_upsert_stream() {
  // As the generated code does it: a method without handler, then marked as raw callback.
  AddMethod(new grpc::internal::RpcServiceMethod("/kith.v1.Kith/UpsertStream",
                                                 grpc::internal::RpcMethod::BIDI_STREAMING, nullptr));
  MarkMethodRawCallback(0, new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
                               [this](grpc::CallbackServerContext*) {
                                 return make_upsert_reactor(api_, admission_, running_, streams_);
                               }));
}

Service::Service(Api& api, uint32_t waiting_max)
    : api_(api), admission_(limits::kInflightBytes.max * Admission::kCostPerByte), waiting_max_(waiting_max) {
  add_upsert_stream();  // its index is 0
  add_unary("/kith.v1.Kith/CreateCollection", kSmall, &Api::create_collection);
  add_unary("/kith.v1.Kith/DropCollection", kSmall, &Api::drop_collection);
  add_unary("/kith.v1.Kith/ListCollections", kSmall, &Api::list_collections);
  add_unary("/kith.v1.Kith/GetCollection", kSmall, &Api::get_collection);
  add_unary("/kith.v1.Kith/Upsert", kLarge, &Api::upsert);
  add_unary("/kith.v1.Kith/Delete", kLarge, &Api::remove);
  add_unary("/kith.v1.Kith/Update", kLarge, &Api::update);
  add_unary("/kith.v1.Kith/Get", kLarge, &Api::get);
  add_unary("/kith.v1.Kith/Scroll", kSmall, &Api::scroll);
  add_unary("/kith.v1.Kith/Count", kSmall, &Api::count);
  add_unary("/kith.v1.Kith/Search", kSmall, &Api::search);
  add_unary("/kith.v1.Kith/SearchBatch", kLarge, &Api::search_batch);
  add_unary("/kith.v1.Kith/RangeSearch", kSmall, &Api::range_search);
  add_unary("/kith.v1.Kith/Recommend", kSmall, &Api::recommend);
  add_unary("/kith.v1.Kith/Facet", kSmall, &Api::facet);
  add_waiting("/kith.v1.Kith/Settle", &Api::settle);
  add_waiting("/kith.v1.Kith/Verify", &Api::verify);
  add_unary("/kith.v1.Kith/LimitMemory", kSmall, &Api::limit_memory);
  add_unary("/kith.v1.Kith/SetRecallTarget", kSmall, &Api::set_recall_target);
  add_waiting("/kith.v1.Kith/Calibrate", &Api::calibrate);
  add_waiting("/kith.v1.Kith/Checkpoint", &Api::checkpoint);
  add_waiting("/kith.v1.Kith/Compact", &Api::compact);
  add_waiting("/kith.v1.Kith/Backup", &Api::backup);
  add_unary("/kith.v1.Kith/ListBackups", kSmall, &Api::list_backups);
}

}  // namespace kith

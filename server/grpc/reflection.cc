#include "server/grpc/reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "health.pb.h"
#include "kith.pb.h"
#include "reflection.pb.h"
#include "server/api/convert.h"
#include "server/api/wire_limits.h"
#include "server/grpc/codec.h"
#include "server/grpc/slot.h"
#include "server/grpc/status.h"

namespace kith {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using grpc::ByteBuffer;
using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
using Response = grpc::reflection::v1alpha::ServerReflectionResponse;

/// Names are short; the answer repeats the request.
constexpr uint64_t kRequestBytes = 4'096;

constexpr const char* kServices[] = {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection",
                                     "kith.v1.Kith"};

void not_found(std::string_view what, const std::string& name, Response& response) {
  auto* error = response.mutable_error_response();
  error->set_error_code(static_cast<int>(grpc::StatusCode::NOT_FOUND));
  error->set_error_message(fmt::format("{} '{}' is not known here", what, shortened(name)));
}

/// Our files import none, so one file is complete.
void give_file(const FileDescriptor* file, const std::string& asked, Response& response) {
  if (file == nullptr) return not_found("file or symbol", asked, response);
  google::protobuf::FileDescriptorProto proto;
  file->CopyTo(&proto);
  proto.SerializeToString(response.mutable_file_descriptor_response()->add_file_descriptor_proto());
}

Response answer(const Request& request) {
  // Any message of a file brings it into the program; health.proto has no other user here.
  const DescriptorPool& pool = *grpc::health::v1::HealthCheckRequest::descriptor()->file()->pool();
  Response response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kFileByFilename:
      give_file(pool.FindFileByName(request.file_by_filename()), request.file_by_filename(), response);
      break;
    case Request::kFileContainingSymbol:
      give_file(pool.FindFileContainingSymbol(request.file_containing_symbol()),
                request.file_containing_symbol(), response);
      break;
    case Request::kFileContainingExtension:  // proto3 has none
      not_found("extension of", request.file_containing_extension().containing_type(), response);
      break;
    case Request::kAllExtensionNumbersOfType:
      if (pool.FindMessageTypeByName(request.all_extension_numbers_of_type()) == nullptr)
        not_found("type", request.all_extension_numbers_of_type(), response);
      else
        response.mutable_all_extension_numbers_response()->set_base_type_name(
            request.all_extension_numbers_of_type());
      break;
    case Request::kListServices:
      for (const char* name : kServices)
        response.mutable_list_services_response()->add_service()->set_name(name);
      break;
    case Request::MESSAGE_REQUEST_NOT_SET:
      response.mutable_error_response()->set_error_code(static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
      response.mutable_error_response()->set_error_message("the request asks nothing");
      break;
  }
  return response;
}

/// Reads, answers, reads: never two operations under way, so gRPC never runs two of these functions at once.
class ReflectionReactor final : public grpc::ServerBidiReactor<ByteBuffer, ByteBuffer> {
 public:
  explicit ReflectionReactor(std::atomic<uint32_t>& streams)
      : slot_(streams, limits::kReflectionStreams.max) {
    if (slot_) {
      StartRead(&incoming_);
    } else {
      Finish(grpc_status(
          resource_exhausted("{} reflection streams are open (limit 'reflection_streams'); try later",
                             limits::kReflectionStreams.max)));
    }
  }

  void OnReadDone(bool ok) override {
    if (!ok) return end(grpc::Status::OK);  // no more requests, or the client is gone
    const grpc::Status status = guarded([this] {
      Request request;
      auto parsed = parse_message(incoming_, kRequestBytes, request);
      if (!parsed.ok()) return grpc_status(parsed.error());
      incoming_.Clear();
      outgoing_.Clear();
      serialize_message(answer(request), outgoing_);
      return grpc::Status::OK;
    });
    if (!status.ok()) return end(status);
    StartWrite(&outgoing_);
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return end(grpc::Status(grpc::StatusCode::CANCELLED, "the client went away"));
    StartRead(&incoming_);
  }

  void OnDone() override { delete this; }

 private:
  void end(const grpc::Status& status) {
    slot_.free();
    Finish(status);
  }

  Slot slot_;
  ByteBuffer incoming_;
  ByteBuffer outgoing_;
};

}  // namespace

ReflectionService::ReflectionService() {
  AddMethod(
      new grpc::internal::RpcServiceMethod("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                           grpc::internal::RpcMethod::BIDI_STREAMING, nullptr));
  MarkMethodRawCallback(
      0, new grpc::internal::CallbackBidiHandler<ByteBuffer, ByteBuffer>(
             [this](grpc::CallbackServerContext*) { return new ReflectionReactor(streams_); }));
}

}  // namespace kith

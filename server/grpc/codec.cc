#include "server/grpc/codec.h"

#include <google/protobuf/stubs/logging.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include "server/grpc/wire_scan.h"

namespace kith {
namespace {

/// Bytes that are no message are answered with an error; protobuf would also print a line for each to stderr.
bool silence_protobuf() {
  return google::protobuf::SetLogHandler(nullptr) != nullptr;
}

}  // namespace

Result<void> parse_message(grpc::ByteBuffer& wire, uint64_t bytes_max, google::protobuf::Message& out) {
  [[maybe_unused]] static const bool silent = silence_protobuf();
  const google::protobuf::Descriptor& type = *out.GetDescriptor();
  const uint64_t bytes = wire.Length();
  if (bytes > bytes_max) {
    return invalid_argument("{}: {} bytes, over the {} allowed for this call; send less per request",
                            type.name(), bytes, bytes_max);
  }
  {
    grpc::ProtoBufferReader reader(&wire);
    TRY(scan_wire(reader, type));
  }
  bool parsed = false;
  {
    grpc::ProtoBufferReader reader(&wire);
    parsed = out.ParseFromZeroCopyStream(&reader) && reader.status().ok();
  }
  if (parsed) return {};
  grpc::ProtoBufferReader reader(&wire);
  return explain_bad_wire(reader, type);
}

void serialize_message(const google::protobuf::Message& message, grpc::ByteBuffer& out) {
  bool own = false;
  const grpc::Status status =
      grpc::SerializationTraits<google::protobuf::Message>::Serialize(message, &out, &own);
  CHECK(status.ok());
}

}  // namespace kith

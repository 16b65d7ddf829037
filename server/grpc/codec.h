// Between gRPC's raw buffers and kith.v1 messages. The service takes raw buffers so that size, nesting and
// memory are judged before protobuf allocates anything (wire_scan.h, admission.h); gRPC's own hook parses
// first and asks later.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>

#include "base/result.h"

namespace kith {

/// Refuses more than `bytes_max` bytes, then scans, then parses into `out`. Errors name the message type.
Result<void> parse_message(grpc::ByteBuffer& wire, uint64_t bytes_max, google::protobuf::Message& out);

/// `out` is empty before.
void serialize_message(const google::protobuf::Message& message, grpc::ByteBuffer& out);

}  // namespace kith

#include "server/grpc/status.h"

namespace kith {
namespace {

struct CodePair {
  Code ours;
  grpc::StatusCode theirs;
};

constexpr CodePair kPairs[] = {
    {Code::kInvalidArgument, grpc::StatusCode::INVALID_ARGUMENT},
    {Code::kNotFound, grpc::StatusCode::NOT_FOUND},
    {Code::kAlreadyExists, grpc::StatusCode::ALREADY_EXISTS},
    {Code::kFailedPrecondition, grpc::StatusCode::FAILED_PRECONDITION},
    {Code::kResourceExhausted, grpc::StatusCode::RESOURCE_EXHAUSTED},
    {Code::kCancelled, grpc::StatusCode::CANCELLED},
    {Code::kDeadlineExceeded, grpc::StatusCode::DEADLINE_EXCEEDED},
    {Code::kUnavailable, grpc::StatusCode::UNAVAILABLE},
    {Code::kCorruption, grpc::StatusCode::DATA_LOSS},
};

constexpr size_t kMessageBytes = 2'048;

std::string cut(const std::string& message) {
  if (message.size() <= kMessageBytes) return message;
  size_t end = kMessageBytes;
  while (end > 0 && (static_cast<uint8_t>(message[end]) & 0xc0) == 0x80) --end;
  return message.substr(0, end) + "...";
}

Error foreign(Code code, const char* name, const grpc::Status& status) {
  return make_error(code, "gRPC {}: {}", name, status.error_message());
}

}  // namespace

grpc::StatusCode grpc_code(Code code) {
  for (const CodePair& pair : kPairs) {
    if (pair.ours == code) return pair.theirs;
  }
  return grpc::StatusCode::INTERNAL;
}

grpc::Status grpc_status(const Error& error) {
  return {grpc_code(error.code), cut(error.message)};
}

grpc::Status out_of_resources(const char* what) {
  return grpc_status(
      resource_exhausted("the server has run out of {}; try again later or with a smaller request", what));
}

Error from_grpc_status(const grpc::Status& status) {
  for (const CodePair& pair : kPairs) {
    if (pair.theirs == status.error_code()) return {pair.ours, status.error_message()};
  }
  switch (status.error_code()) {
    case grpc::StatusCode::OUT_OF_RANGE:
      return foreign(Code::kInvalidArgument, "OUT_OF_RANGE", status);
    case grpc::StatusCode::UNIMPLEMENTED:
      return foreign(Code::kFailedPrecondition, "UNIMPLEMENTED", status);
    case grpc::StatusCode::PERMISSION_DENIED:
      return foreign(Code::kFailedPrecondition, "PERMISSION_DENIED", status);
    case grpc::StatusCode::UNAUTHENTICATED:
      return foreign(Code::kFailedPrecondition, "UNAUTHENTICATED", status);
    case grpc::StatusCode::ABORTED:
      return foreign(Code::kUnavailable, "ABORTED", status);
    case grpc::StatusCode::INTERNAL:
      return foreign(Code::kUnavailable, "INTERNAL", status);
    default:
      return foreign(Code::kUnavailable, "UNKNOWN", status);
  }
}

}  // namespace kith

// The one place where Kith's nine codes and gRPC's status codes meet; 1:1 both ways.
#pragma once

#include <grpcpp/support/status.h>

#include "base/result.h"

namespace kith {

grpc::StatusCode grpc_code(Code code);

/// Long messages are cut at a character: a status travels in trailers, which have a limit of their own.
grpc::Status grpc_status(const Error& error);

/// Codes that Kith never sends come from gRPC itself or a foreign server; they map to the nearest of the nine
/// and their name stays in the message. `status` is not OK.
Error from_grpc_status(const grpc::Status& status);

}  // namespace kith

// The one place where Kith's nine codes and gRPC's status codes meet; 1:1 both ways.
#pragma once

#include <grpcpp/support/status.h>

#include <new>
#include <system_error>

#include "base/result.h"

namespace kith {

grpc::StatusCode grpc_code(Code code);

/// Long messages are cut at a character: a status travels in trailers, which have a limit of their own.
grpc::Status grpc_status(const Error& error);

/// Codes that Kith never sends come from gRPC itself or a foreign server; they map to the nearest of the nine
/// and their name stays in the message. `status` is not OK.
Error from_grpc_status(const grpc::Status& status);

/// What a call gets when the process has no memory or no thread for it.
grpc::Status out_of_resources(const char* what);

/// The status that `work` returns. Exceptions of the standard library that say that something has run out
/// (none of ours leave our functions) end the call, not the process.
template <typename Work>
grpc::Status guarded(Work work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return out_of_resources("memory");
  } catch (const std::system_error&) {
    return out_of_resources("threads");
  }
}

}  // namespace kith

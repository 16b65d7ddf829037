// Service: kith.v1.Kith as a table of methods over an Api. Each unary call is one line of the table: admit,
// scan, parse, call, serialise. UpsertStream is in upsert_reactor.h.
//
// The generated service class is not used because it parses before we may judge the bytes; names and messages
// come from the same proto, so clients and reflection see no difference.
#pragma once

#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_context.h>

#include <atomic>
#include <chrono>
#include <memory>

#include "server/api/api.h"
#include "server/grpc/admission.h"
#include "server/grpc/running_calls.h"

namespace kith {

class Service final : public grpc::Service {
 public:
  /// `api` must outlive the server that this is registered with. At most `waiting_max` calls that may last as
  /// long as they please (Settle, Verify, Calibrate, Checkpoint, Compact, Backup) run at a time, so that they leave threads for the others.
  Service(Api& api, uint32_t waiting_max);

  /// Refuses new calls with UNAVAILABLE, then waits until the running ones have ended, at most `patience`.
  void drain(std::chrono::milliseconds patience) { running_.drain(patience); }

 private:
  template <typename Request, typename Response>
  using Call = Result<Response> (Api::*)(const Request&, const Stop&);

  template <typename Request, typename Response>
  grpc::Status serve(uint64_t bytes_max, Call<Request, Response> call, const grpc::ServerContext& context,
                     const grpc::ByteBuffer& wire, grpc::ByteBuffer* out);
  template <typename Handler>
  void add(const char* name, Handler handler);
  template <typename Request, typename Response>
  void add_unary(const char* name, uint64_t bytes_max, Call<Request, Response> call);
  template <typename Request, typename Response>
  void add_waiting(const char* name, Call<Request, Response> call);
  void add_upsert_stream();

  Api& api_;
  Admission admission_;
  RunningCalls running_;
  std::atomic<uint32_t> streams_{0};
  const uint32_t waiting_max_;
  std::atomic<uint32_t> waiting_{0};
};

}  // namespace kith

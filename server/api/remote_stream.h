// The client's side of a call: CallGuard ties a ClientContext to a Stop; open_remote_stream is UpsertStream
// over gRPC.
#pragma once

#include <grpcpp/client_context.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "base/stop.h"
#include "kith.grpc.pb.h"
#include "server/api/api.h"

namespace kith {

/// Sets the context's deadline from `stop` and, where somebody can cancel, watches for that while it lives.
class CallGuard {
 public:
  CallGuard(grpc::ClientContext& context, const Stop& stop);
  ~CallGuard();
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;

 private:
  void watch(const Stop& stop);

  grpc::ClientContext& context_;
  std::mutex mutex_;  // guards done_
  std::condition_variable changed_;
  bool done_ = false;
  std::thread watcher_;
};

/// The stub must outlive the stream.
Result<std::unique_ptr<UpsertStream>> open_remote_stream(v1::Kith::Stub& stub, const Stop& stop);

}  // namespace kith

// Server reflection (grpc.reflection.v1alpha) over gRPC's callback interface.
//
// gRPC's own reflection is a blocking method: every open stream, however idle, holds one of the threads that
// serve requests, so that a few clients that only stay connected stop all searches. Here an idle stream holds
// a few KiB and no thread; above limit 'reflection_streams' it is refused.
// Protocol: https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
#pragma once

#include <grpcpp/impl/service_type.h>

#include <atomic>

namespace kith {

class ReflectionService final : public grpc::Service {
 public:
  ReflectionService();

 private:
  std::atomic<uint32_t> streams_{0};
};

}  // namespace kith

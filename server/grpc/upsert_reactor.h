// UpsertStream on the server: batches applied in order by one worker thread while gRPC reads the next ones.
//
// At most kWindowBatches batches or kWindowBytes bytes wait; then nothing is read until the worker has taken
// one. The worker does not apply a batch before the answer to the one before has left, so a client that does
// not read answers stops being read from: its window fills, its writes block. A refused batch ends the stream
// with an error that names the batch; batches behind it are dropped, those before it stay.
//
// gRPC's callback interface is used, not its blocking one, because only there may a call end while a read is
// pending: a client may well wait for the answer to a refused batch before it sends another byte.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>

#include "server/api/api.h"
#include "server/grpc/admission.h"
#include "server/grpc/running_calls.h"

namespace kith {

/// The reactor owns itself. `streams` counts those alive. ResourceExhausted (as the call's status) above
/// kBulkStreams.
grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* make_upsert_reactor(
    Api& api, Admission& admission, RunningCalls& running, std::atomic<uint32_t>& streams);

}  // namespace kith

// Wire limits: what only a server has to bound, beside query/schema/limits.h in the same typed form.
// docs/api.md lists both tables and a test compares it with them.
#pragma once

#include "query/schema/limits.h"

namespace kith {

namespace limits {
inline constexpr Limit kMessageBytes{"message_bytes", 0, 64 * kMiB, 0,
                                     "bytes of an Upsert, UpsertStream, Delete, Update, Get or SearchBatch message"};
inline constexpr Limit kRequestBytes{"request_bytes", 0, 4 * kMiB, 0, "bytes of every other request"};
inline constexpr Limit kAnswerBytes{"answer_bytes", 0, 64 * kMiB, 0, "bytes of an answer"};
inline constexpr Limit kBatchHits{"batch_hits", 0, 1'000'000, 0,
                                  "queries of a SearchBatch, times the largest offset + k among them"};
inline constexpr Limit kSubMessages{"sub_messages", 0, 200'000, 0, "nested messages in a request"};
inline constexpr Limit kUnknownFields{"unknown_fields", 0, 1'000, 0,
                                      "fields in a request that kith.v1 does not define, or that come twice"};
inline constexpr Limit kInflightBytes{"inflight_bytes", 0, 256 * kMiB, 0,
                                      "bytes of all requests being served"};
inline constexpr Limit kWindowBatches{"window_batches", 1, 8, 0,
                                      "unanswered batches the server reads ahead per UpsertStream"};
inline constexpr Limit kWindowBytes{"window_bytes", 1, 32 * kMiB, 0, "bytes of those batches"};
inline constexpr Limit kBulkStreams{"bulk_streams", 0, 64, 0, "UpsertStreams at the same time"};
inline constexpr Limit kReflectionStreams{"reflection_streams", 0, 64, 0,
                                          "reflection streams at the same time"};
inline constexpr Limit kConnections{"connections", 1, 65'536, 1'000,
                                    "connections; at most half of the file descriptors"};
inline constexpr Limit kStreams{"streams", 1, 100, 0, "calls at the same time per connection"};
inline constexpr Limit kMetadataBytes{"metadata_bytes", 0, 8'192, 0, "bytes of a call's metadata"};
}  // namespace limits

/// In the order in which documentation lists them.
inline constexpr const Limit* kWireLimits[] = {
    &limits::kMessageBytes, &limits::kRequestBytes,  &limits::kAnswerBytes,       &limits::kBatchHits,
    &limits::kSubMessages,  &limits::kUnknownFields, &limits::kInflightBytes,     &limits::kWindowBatches,
    &limits::kWindowBytes,  &limits::kBulkStreams,   &limits::kReflectionStreams, &limits::kConnections,
    &limits::kStreams,      &limits::kMetadataBytes};

}  // namespace kith

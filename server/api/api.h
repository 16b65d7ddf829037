// Api: every RPC of kith.v1 as a C++ call, so that the command line says the same thing to a directory and to
// a server. Two implementations: LocalApi (validates, converts, calls query; the gRPC service is a thin shell
// around it) and RemoteApi (a gRPC client). All functions are thread-safe; errors carry the same code and
// message on both ways.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/stop.h"
#include "kith.pb.h"

namespace kith {

class Database;

/// Bulk upsert: batches go out in order and are answered in order. Used by one thread.
class UpsertStream {
 public:
  virtual ~UpsertStream() = default;
  /// Hands over one batch. Blocks while too many batches are unanswered. An error is final for the stream and
  /// names the batch that was refused.
  virtual Result<void> send(const v1::UpsertRequest& batch) = 0;
  /// Batches answered OK so far; they are durable as they asked.
  virtual uint64_t acknowledged() const = 0;
  /// Of the last of them, as WriteResponse says it; 0 when there is none.
  virtual uint64_t sequence() const = 0;
  /// Waits for all answers.
  virtual Result<void> finish() = 0;
};

class Api {
 public:
  virtual ~Api() = default;

  virtual Result<v1::CreateCollectionResponse> create_collection(const v1::CreateCollectionRequest&,
                                                                 const Stop&) = 0;
  virtual Result<v1::DropCollectionResponse> drop_collection(const v1::DropCollectionRequest&,
                                                             const Stop&) = 0;
  virtual Result<v1::ListCollectionsResponse> list_collections(const v1::ListCollectionsRequest&,
                                                               const Stop&) = 0;
  virtual Result<v1::GetCollectionResponse> get_collection(const v1::GetCollectionRequest&, const Stop&) = 0;

  virtual Result<v1::WriteResponse> upsert(const v1::UpsertRequest&, const Stop&) = 0;
  virtual Result<v1::WriteResponse> remove(const v1::DeleteRequest&, const Stop&) = 0;
  virtual Result<v1::WriteResponse> update(const v1::UpdateRequest&, const Stop&) = 0;
  virtual Result<std::unique_ptr<UpsertStream>> upsert_stream(const Stop&) = 0;

  virtual Result<v1::GetResponse> get(const v1::GetRequest&, const Stop&) = 0;
  virtual Result<v1::ScrollResponse> scroll(const v1::ScrollRequest&, const Stop&) = 0;
  virtual Result<v1::CountResponse> count(const v1::CountRequest&, const Stop&) = 0;
  virtual Result<v1::SearchResponse> search(const v1::SearchRequest&, const Stop&) = 0;
  virtual Result<v1::SearchBatchResponse> search_batch(const v1::SearchBatchRequest&, const Stop&) = 0;
  virtual Result<v1::SearchResponse> range_search(const v1::RangeSearchRequest&, const Stop&) = 0;

  virtual Result<v1::SearchResponse> recommend(const v1::RecommendRequest&, const Stop&) = 0;
  virtual Result<v1::FacetResponse> facet(const v1::FacetRequest&, const Stop&) = 0;

  virtual Result<v1::SettleResponse> settle(const v1::SettleRequest&, const Stop&) = 0;
  virtual Result<v1::VerifyResponse> verify(const v1::VerifyRequest&, const Stop&) = 0;
  virtual Result<v1::LimitMemoryResponse> limit_memory(const v1::LimitMemoryRequest&, const Stop&) = 0;
  virtual Result<v1::SetRecallTargetResponse> set_recall_target(const v1::SetRecallTargetRequest&,
                                                                const Stop&) = 0;
  virtual Result<v1::CalibrateResponse> calibrate(const v1::CalibrateRequest&, const Stop&) = 0;
  virtual Result<v1::CheckpointResponse> checkpoint(const v1::CheckpointRequest&, const Stop&) = 0;
  virtual Result<v1::CompactResponse> compact(const v1::CompactRequest&, const Stop&) = 0;
  virtual Result<v1::BackupResponse> backup(const v1::BackupRequest&, const Stop&) = 0;
  virtual Result<v1::ListBackupsResponse> list_backups(const v1::ListBackupsRequest&, const Stop&) = 0;
};

/// Where backups go that are asked for.
struct BackupRoot {
  std::string directory;  // "" = nowhere: they are refused
  bool anywhere = false;  // for people who own the process: what is asked for is a path of any kind
};
/// The database must outlive it.
std::unique_ptr<Api> make_local_api(Database& database, const BackupRoot& backups = {});
/// `address` is host:port. Unavailable when nobody answers within two seconds.
Result<std::unique_ptr<Api>> connect_remote_api(const std::string& address);

}  // namespace kith

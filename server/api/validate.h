// What a request may ask, checked against the tables of limits before anything is looked up or allocated. 0
// and "not set" are the same on the wire: limits with a fallback accept 0.
#pragma once

#include "base/result.h"
#include "kith.pb.h"
#include "server/api/api.h"

namespace kith {

Result<void> validate(const v1::CreateCollectionRequest& request);
Result<void> validate(const v1::DropCollectionRequest& request);
Result<void> validate(const v1::ListCollectionsRequest& request);
Result<void> validate(const v1::GetCollectionRequest& request);
Result<void> validate(const v1::UpsertRequest& request);
Result<void> validate(const v1::DeleteRequest& request);
Result<void> validate(const v1::UpdateRequest& request);
Result<void> validate(const v1::GetRequest& request);
Result<void> validate(const v1::ScrollRequest& request);
Result<void> validate(const v1::CountRequest& request);
Result<void> validate(const v1::SearchRequest& request);
Result<void> validate(const v1::SearchBatchRequest& request);
Result<void> validate(const v1::RangeSearchRequest& request);
Result<void> validate(const v1::RecommendRequest& request);
Result<void> validate(const v1::FacetRequest& request);
Result<void> validate(const v1::SettleRequest& request);
Result<void> validate(const v1::VerifyRequest& request);
Result<void> validate(const v1::CheckpointRequest& request);
Result<void> validate(const v1::LimitMemoryRequest& request);
Result<void> validate(const v1::SetRecallTargetRequest& request);
Result<void> validate(const v1::CalibrateRequest& request);
Result<void> validate(const v1::CompactRequest& request);

/// The directory that the `to` of a request means: a name below the root, never a path. FailedPrecondition
/// where there is no root.
Result<std::string> backup_directory(const BackupRoot& root, const std::string& to);

}  // namespace kith

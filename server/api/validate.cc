#include "server/api/validate.h"

#include <algorithm>
#include <cmath>

#include "server/api/convert.h"
#include "server/api/wire_limits.h"

namespace kith {
namespace {

Result<void> check_name(const std::string& name) {
  if (name.empty()) return invalid_argument("collection: empty; name a collection");
  return limits::kNameBytes.check("collection (bytes)", name.size());
}

/// 0 stands for the fallback.
Result<void> check_or_fallback(const Limit& limit, std::string_view field, uint64_t value) {
  return value == 0 ? Result<void>() : limit.check(field, value);
}

Result<void> check_query(const v1::SearchRequest& query) {
  TRY(check_or_fallback(limits::kK, "k", query.k()));
  TRY(limits::kOffset.check("offset", query.offset()));
  TRY(limits::kEffort.check("effort", query.effort()));
  if (query.has_score_threshold() && std::isnan(query.score_threshold())) {
    return invalid_argument("score_threshold: NaN compares with nothing; give a number");
  }
  return {};
}

Result<void> check_ids(int count) {
  return limits::kIds.check("ids (count)", static_cast<uint64_t>(count));
}

}  // namespace

Result<void> validate(const v1::CreateCollectionRequest& request) {
  return check_name(request.collection());
}
Result<void> validate(const v1::DropCollectionRequest& request) {
  return check_name(request.collection());
}
Result<void> validate(const v1::ListCollectionsRequest&) {
  return {};
}
Result<void> validate(const v1::GetCollectionRequest& request) {
  return check_name(request.collection());
}
Result<void> validate(const v1::CountRequest& request) {
  return check_name(request.collection());
}
Result<void> validate(const v1::SettleRequest& request) {
  return check_name(request.collection());
}
Result<void> validate(const v1::VerifyRequest& request) {
  return request.collection().empty() ? Result<void>() : check_name(request.collection());
}
Result<void> validate(const v1::LimitMemoryRequest& request) {
  TRY(check_name(request.collection()));
  return limits::kMemoryBytesMax.check("memory_bytes_max", request.memory_bytes_max());
}
Result<void> validate(const v1::CheckpointRequest& request) {
  return check_name(request.collection());
}
Result<void> validate(const v1::CompactRequest& request) {
  return check_name(request.collection());
}

Result<std::string> backup_directory(const BackupRoot& root, const std::string& to) {
  if (root.anywhere) {
    if (!to.empty()) return to;
    return invalid_argument("to: empty; name a directory for backups");
  }
  constexpr size_t kBytesMax = 64;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const bool plain = std::ranges::all_of(
      to, [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'; });
  if (!to.empty() && (!plain || !letter(to[0]) || to.size() > kBytesMax))
    return invalid_argument(
        "to: '{}' is no name below the backup root: up to {} letters, digits and any of '-_.', a letter "
        "first",
        shortened(to), kBytesMax);
  if (root.directory.empty())
    return failed_precondition(
        "this server makes no backups: it was started without a directory for them (kith serve "
        "--backup-root)");
  return to.empty() ? root.directory : root.directory + '/' + to;
}

Result<void> validate(const v1::UpsertRequest& request) {
  TRY(check_name(request.collection()));
  TRY(limits::kBatchPoints.check("points (count)", static_cast<uint64_t>(request.points_size())));
  return limits::kBatchBytes.check("points (bytes)", request.ByteSizeLong());
}

Result<void> validate(const v1::DeleteRequest& request) {
  TRY(check_name(request.collection()));
  return check_ids(request.ids_size());
}

Result<void> validate(const v1::GetRequest& request) {
  TRY(check_name(request.collection()));
  return check_ids(request.ids_size());
}

Result<void> validate(const v1::ScrollRequest& request) {
  TRY(check_name(request.collection()));
  return check_or_fallback(limits::kScrollLimit, "limit", request.limit());
}

Result<void> validate(const v1::SearchRequest& request) {
  TRY(check_name(request.collection()));
  return check_query(request);
}

Result<void> validate(const v1::SearchBatchRequest& request) {
  TRY(check_name(request.collection()));
  TRY(limits::kBatchQueries.check("queries (count)", static_cast<uint64_t>(request.queries_size())));
  uint64_t deepest = 0;  // the engine asks all queries for as much as the one that asks most
  for (int i = 0; i < request.queries_size(); ++i) {
    const v1::SearchRequest& query = request.queries(i);
    auto checked = check_query(query);
    if (!checked.ok()) return within(std::move(checked).error(), "queries", static_cast<size_t>(i));
    if (!query.collection().empty() && query.collection() != request.collection()) {
      return invalid_argument("queries[{}].collection: '{}' differs from the batch's '{}'; leave it empty", i,
                              shortened(query.collection()), shortened(request.collection()));
    }
    deepest = std::max(deepest, query.offset() + (query.k() == 0 ? limits::kK.fallback : query.k()));
  }
  return limits::kBatchHits.check("queries (count x largest offset + k)",
                                  static_cast<uint64_t>(request.queries_size()) * deepest);
}

Result<void> validate(const v1::RangeSearchRequest& request) {
  TRY(check_name(request.collection()));
  if (!std::isfinite(request.radius()))
    return invalid_argument("radius: {} is not a finite number", request.radius());
  TRY(check_or_fallback(limits::kRangeLimit, "limit", request.limit()));
  return limits::kEffort.check("effort", request.effort());
}

}  // namespace kith

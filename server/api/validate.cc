#include "server/api/validate.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "query/schema/validate.h"
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

/// 0 stands for what the collection or the engine has.
Result<void> check_recall_target(double target) {
  return target == 0 ? Result<void>() : validate_recall_target(target);
}

Result<void> check_explain(v1::Explain explain) {
  if (explain >= v1::EXPLAIN_NONE && explain <= v1::EXPLAIN_ANALYZE) return {};
  return invalid_argument("explain: {} is none of EXPLAIN_NONE, EXPLAIN_PLAN, EXPLAIN_ANALYZE",
                          static_cast<int>(explain));
}

/// Of a Search or a Recommend. Groups and diverse choices are checked by the collection.
template <typename Request>
Result<void> check_query(const Request& query) {
  TRY(check_or_fallback(limits::kK, "k", query.k()));
  TRY(limits::kOffset.check("offset", query.offset()));
  TRY(limits::kEffort.check("effort", query.effort()));
  TRY(check_recall_target(query.recall_target()));
  if (query.recall_target() != 0 && query.effort() != 0)
    return invalid_argument(
        "recall_target and effort: {} and {} exclude each other; a target finds the effort by itself",
        query.recall_target(), query.effort());
  if constexpr (std::is_same_v<Request, v1::SearchRequest>) TRY(check_explain(query.explain()));
  if (query.has_score_threshold() && std::isnan(query.score_threshold())) {
    return invalid_argument("score_threshold: NaN compares with nothing; give a number");
  }
  return {};
}

/// The most that the engine looks for at once to answer it.
uint64_t hits_asked(const v1::SearchRequest& query) {
  const uint64_t k = query.k() == 0 ? limits::kK.fallback : query.k();
  const uint64_t of_groups = k * std::max<uint64_t>(query.group_by().size(), 1);
  return std::max<uint64_t>({query.offset() + k, of_groups, query.diversity().candidates()});
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
Result<void> validate(const v1::SetRecallTargetRequest& request) {
  TRY(check_name(request.collection()));
  return check_recall_target(request.recall_target());
}
Result<void> validate(const v1::CalibrateRequest& request) {
  return check_name(request.collection());
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
  if (!request.has_filter()) return check_ids(request.ids_size());
  if (request.ids_size() == 0) return {};
  return invalid_argument("filter and ids: {} ids stand beside a filter; send one of them",
                          request.ids_size());
}

Result<void> validate(const v1::UpdateRequest& request) {
  TRY(check_name(request.collection()));
  if (request.has_filter() && request.updates_size() > 0)
    return invalid_argument("filter and updates: {} updates stand beside a filter; send one of them",
                            request.updates_size());
  if (request.has_filter() != request.has_patch())
    return invalid_argument("patch: goes with a filter, and a filter with it; updates have their own");
  if (!request.has_filter())
    TRY(limits::kBatchPoints.check("updates (count)", static_cast<uint64_t>(request.updates_size())));
  return limits::kBatchBytes.check("updates (bytes)", request.ByteSizeLong());
}

Result<void> validate(const v1::GetRequest& request) {
  TRY(check_name(request.collection()));
  return check_ids(request.ids_size());
}

Result<void> validate(const v1::ScrollRequest& request) {
  TRY(check_name(request.collection()));
  if (request.has_order_by() && request.has_from())
    return invalid_argument("from: a scroll with order_by goes on from `cursor`; leave `from` out");
  if (!request.has_order_by() && !request.cursor().empty())
    return invalid_argument("cursor: belongs to a scroll with order_by; without one send `from`");
  return check_or_fallback(limits::kScrollLimit, "limit", request.limit());
}

Result<void> validate(const v1::RecommendRequest& request) {
  TRY(check_name(request.collection()));
  const auto examples =
      static_cast<uint64_t>(request.positive_size()) + static_cast<uint64_t>(request.negative_size());
  TRY(limits::kExamples.check("examples (count)", examples));
  return check_query(request);
}

Result<void> validate(const v1::FacetRequest& request) {
  TRY(check_name(request.collection()));
  return check_or_fallback(limits::kFacetLimit, "limit", request.limit());
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
    deepest = std::max(deepest, hits_asked(query));
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

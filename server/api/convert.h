// Between kith.v1 messages and the words of query/types.h. Inward conversions check everything that the
// message alone and the schema can tell, and name the field by its path in the request
// ("points[3].vectors[0].values[17]"); outward ones cannot fail.
//
// Vectors: `values` are floats converted to the field's type on arrival, `data` the packed bytes of that type
// (for a search: of query_type, so f32 for f16 and bf16 fields). Outward, float types come as `values`, the
// rest as `data`.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "kith.pb.h"
#include "query/types.h"

namespace kith {

/// `error` with its message moved under `path`: "id: ..." becomes "points[3].id: ...".
Error within(Error error, std::string_view path, size_t index);
/// At most 64 bytes of a user's string, cut at a character, for error messages.
std::string shortened(std::string_view text);

Result<Id> id_from_proto(const v1::Id& id);
/// Errors begin with `ids[i]`.
Result<std::vector<Id>> ids_from_proto(const google::protobuf::RepeatedPtrField<v1::Id>& ids);
void id_to_proto(const Id& id, v1::Id* out);

Result<Schema> schema_from_proto(const v1::CreateCollectionRequest& request);
void info_to_proto(const CollectionInfo& info, v1::GetCollectionResponse* out);

void backup_to_proto(const BackupInfo& backup, v1::BackupInfo* out);

Result<Durability> durability_from_proto(v1::Durability durability);
Result<std::vector<Point>> points_from_proto(const v1::UpsertRequest& request, const Schema& schema);
/// Errors begin with `patch.`.
Result<Patch> patch_from_proto(const v1::Patch& patch, const Schema& schema);
Result<std::vector<PointUpdate>> updates_from_proto(const v1::UpdateRequest& request, const Schema& schema);
/// Moves the payload out of `point`.
void point_to_proto(Point&& point, const Schema& schema, v1::Point* out);
void receipt_to_proto(const WriteReceipt& receipt, v1::WriteResponse* out);

/// Limits are checked by validate.h before.
Result<Query> query_from_proto(const v1::SearchRequest& request, const Schema& schema, const Stop& stop);
Result<RecommendQuery> recommend_from_proto(const v1::RecommendRequest& request, const Schema& schema,
                                            const Stop& stop);
Result<RangeQuery> range_from_proto(const v1::RangeSearchRequest& request, const Schema& schema,
                                    const Stop& stop);
void answer_to_proto(Answer&& answer, const Schema& schema, v1::SearchResponse* out);

}  // namespace kith

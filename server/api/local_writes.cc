#include "server/api/local_writes.h"

#include "server/api/convert.h"
#include "server/api/convert_filter.h"

namespace kith {
namespace {

v1::WriteResponse response_of(const WriteReceipt& receipt) {
  v1::WriteResponse response;
  receipt_to_proto(receipt, &response);
  return response;
}

}  // namespace

Result<v1::WriteResponse> local_upsert(Collection& collection, const v1::UpsertRequest& request,
                                       const Stop& stop) {
  const Durability durability = TRY(durability_from_proto(request.durability()));
  const std::vector<Point> points = TRY(points_from_proto(request, collection.schema()));
  TRY(stop.check());
  return response_of(TRY(collection.upsert(points, durability)));
}

Result<v1::WriteResponse> local_remove(Collection& collection, const v1::DeleteRequest& request,
                                       const Stop& stop) {
  const Durability durability = TRY(durability_from_proto(request.durability()));
  if (request.has_filter()) {
    const Filter filter = TRY(filter_from_proto(request.filter(), "filter"));
    return response_of(TRY(collection.remove(filter, durability, stop)));
  }
  const std::vector<Id> ids = TRY(ids_from_proto(request.ids()));
  TRY(stop.check());
  return response_of(TRY(collection.remove(ids, durability)));
}

Result<v1::WriteResponse> local_update(Collection& collection, const v1::UpdateRequest& request,
                                       const Stop& stop) {
  const Durability durability = TRY(durability_from_proto(request.durability()));
  if (request.has_filter()) {
    const Filter filter = TRY(filter_from_proto(request.filter(), "filter"));
    const Patch patch = TRY(patch_from_proto(request.patch(), collection.schema()));
    return response_of(TRY(collection.update(filter, patch, durability, stop)));
  }
  const std::vector<PointUpdate> updates = TRY(updates_from_proto(request, collection.schema()));
  TRY(stop.check());
  return response_of(TRY(collection.update(updates, durability)));
}

}  // namespace kith

// Writes of a LocalApi. Requests are validated.
#pragma once

#include "query/database.h"
#include "server/api/api.h"

namespace kith {

Result<v1::WriteResponse> local_upsert(Collection& collection, const v1::UpsertRequest& request,
                                       const Stop& stop);
Result<v1::WriteResponse> local_remove(Collection& collection, const v1::DeleteRequest& request,
                                       const Stop& stop);
Result<v1::WriteResponse> local_update(Collection& collection, const v1::UpdateRequest& request,
                                       const Stop& stop);

}  // namespace kith

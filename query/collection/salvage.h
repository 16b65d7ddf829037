// Salvage of one collection: what can still be read of its points, into another collection.
#pragma once

#include "base/stop.h"
#include "query/database.h"
#include "query/repair.h"
#include "storage/kv/kv_store.h"
#include "storage/rows/keys.h"

namespace kith {

/// `view` may fail for some keys. Points that have expired by `now_ms` are left out.
Result<SalvagedCollection> salvage_collection(const KvSnapshot& view, CollectionNumber number,
                                              const Schema& schema, Collection& target, uint64_t now_ms,
                                              const Stop& stop);

}  // namespace kith

// Where an interrupted load goes on: the first row of the files that the collection does not hold.
//
// Batches are acknowledged in order and atomic, so what is stored is a prefix of the rows and a search by
// halves with Get finds its end; nothing is written down anywhere. Files with ids of their own are read along
// instead.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "server/cli/session.h"

namespace kith {

/// The smallest row in [0, end) for which `stored` says no, given that it says yes for a prefix only; `end`
/// when it never does. Gallops from 0, so `end` may be unknown (UINT64_MAX).
Result<uint64_t> first_missing(uint64_t end, const std::function<Result<bool>(uint64_t row)>& stored);

/// Whether each of the ids is stored.
Result<std::vector<bool>> stored_ids(Session& session, const std::string& collection,
                                     const std::vector<v1::Id>& ids);

}  // namespace kith

// UpsertStream over an Api in this process: each batch is written before the next is taken.
#pragma once

#include <memory>

#include "server/api/api.h"

namespace kith {

/// `api` must outlive it.
std::unique_ptr<UpsertStream> make_local_stream(Api& api, const Stop& stop);

}  // namespace kith

// The request that makes a collection of one vector field, from the words of the command line.
#pragma once

#include <string>

#include "base/result.h"
#include "kith.pb.h"
#include "server/cli/commands.h"

namespace kith {

/// `field` "" = "vector". Errors name the flag.
Result<v1::CreateCollectionRequest> make_schema(const std::string& collection, const std::string& field,
                                                uint32_t dim, const FieldWords& words);

/// Each as --payload takes it.
Result<void> add_payload_fields(const std::vector<std::string>& payload,
                                v1::CreateCollectionRequest& request);

}  // namespace kith

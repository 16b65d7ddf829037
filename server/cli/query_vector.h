// The query of `kith search`: a vector typed as JSON, a row of a file, or a stored point's own vector.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/cli/commands.h"
#include "server/cli/session.h"

namespace kith {

/// A JSON array of finite numbers. InvalidArgument names the position.
Result<std::vector<float>> parse_vector(std::string_view json);

/// By the one of --vector, --vector-file, --like that is set; its dimension is the field's.
Result<std::vector<float>> query_vector(const SearchOptions& options, const v1::VectorField& field,
                                        Session& session);

}  // namespace kith

// The points that --id and --ids-file name.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "kith.pb.h"

namespace kith {

/// `file_name`: one id a line, or empty. InvalidArgument names the flag, and the line of the file.
Result<std::vector<v1::Id>> read_ids(const std::vector<std::string>& texts, const std::string& file_name);

}  // namespace kith

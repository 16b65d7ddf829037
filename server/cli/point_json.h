// One point as one line of JSONL, as `kith export` writes and `kith load` reads it:
//   {"id":7,"vector":[0.5,1],"payload":{…}}            a collection of one field
//   {"id":7,"vectors":{"image":[…],"text":[…]},…}      of several
//   {…,"expires_at_ms":1767225600000}                  one that expires
#pragma once

#include <string>

#include "base/result.h"
#include "kith.pb.h"
#include "server/cli/json_writer.h"

namespace kith {

Result<std::string> point_json(const v1::Point& point, const v1::GetCollectionResponse& info);

}  // namespace kith

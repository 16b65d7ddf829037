// What an answer says of how it came about, for `kith search`: for people and as members of a JSON object.
#pragma once

#include <string>

#include "base/result.h"
#include "kith.pb.h"
#include "server/cli/json_writer.h"

namespace kith {

/// The plan, what it and others were expected to come to, and, where something was searched, what that came
/// to. Of an answer with an explanation.
Result<std::string> explained_text(const v1::SearchResponse& response, bool searched);
/// Adds "plan" and, where the answer has one, "explain" to the object that is open.
Result<void> write_explained(const v1::SearchResponse& response, bool searched, JsonWriter& out);

}  // namespace kith

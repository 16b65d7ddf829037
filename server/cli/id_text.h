// Ids as people and files write them. On the command line: 7 is a number, the canonical 8-4-4-4-12 form is a
// UUID, everything else is text, and "text:7" is the text "7". In JSON files numbers stay numbers and strings
// are read by the same rule without the first part, so "7" is text; text that would be taken for something
// else is written with "text:" before it. Thus every id comes back as what it was.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "datasets/reader.h"
#include "kith.pb.h"

namespace kith {

/// An id of the command line. InvalidArgument when empty, too long, or a number past 2⁶⁴-1.
Result<v1::Id> parse_id(std::string_view text);
/// An id of a file of points.
v1::Id id_of_file(const FileId& id);
v1::Id id_of_number(uint64_t number);

/// The form that parse_id reads back to the same id.
std::string id_text(const v1::Id& id);
/// The JSON value that, read from a JSONL file, id_of_file takes for the same id.
std::string id_json(const v1::Id& id);

}  // namespace kith

// The members of one JSON object as raw slices of its text, so that a payload is stored with the very bytes
// it came with.
//
// Only as much of JSON is read as the cutting needs: strings, brackets, commas. Whether a slice is good JSON
// is for whoever takes it to check. Never reads past the text; depth is counted, not recursed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kith {

struct JsonMember {
  std::string key;         // unescaped
  std::string_view value;  // into the text, blanks around it left out
};

/// InvalidArgument naming the byte where `text` is not an object.
Result<std::vector<JsonMember>> json_members(std::string_view text);

/// Of 0..2^64-1. InvalidArgument for anything else.
Result<uint64_t> json_whole_number(std::string_view value);
/// A JSON string's content. InvalidArgument for anything else.
Result<std::string> json_string(std::string_view value);

}  // namespace kith

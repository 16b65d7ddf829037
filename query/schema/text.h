// Text from outside: is it UTF-8, is it a JSON object; and text on its way out, into messages and JSON.
// Beside json_tree.cc text.cc is the only file that sees simdjson.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace kith {

bool is_utf8(std::string_view text);
/// No byte below 0x20, no 0x7f.
bool has_control_characters(std::string_view text);
/// As messages show it: what is long is cut after 60 bytes, control characters are escaped.
std::string excerpt(std::string_view text);
/// A JSON string, in quotes; `text` is UTF-8.
std::string to_json_string(std::string_view text);
/// InvalidArgument that says what is wrong when `text` is not one valid JSON object.
Result<void> check_json_object(std::string_view text);

}  // namespace kith

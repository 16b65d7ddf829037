#include "query/schema/text.h"

#include <simdjson.h>

#include <algorithm>

namespace kith {

bool is_utf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Result<void> check_json_object(std::string_view text) {
  thread_local simdjson::dom::parser parser;  // keeps its buffers; bounded by the payload limit
  simdjson::dom::element document;
  const auto error = parser.parse(text.data(), text.size()).get(document);
  if (error == simdjson::MEMALLOC)
    return resource_exhausted("no memory to parse its {} bytes of JSON; try again later", text.size());
  if (error != simdjson::SUCCESS)
    return invalid_argument("is not a JSON object: {}", simdjson::error_message(error));
  if (!document.is_object()) return invalid_argument("is valid JSON but not an object; wrap it in {{...}}");
  return {};
}

}  // namespace kith

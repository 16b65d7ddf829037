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

std::string excerpt(std::string_view text) {
  constexpr size_t kShown = 60;
  size_t end = std::min(text.size(), kShown);
  while (end > 0 && end < text.size() && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  std::string shown;
  for (const char c : text.substr(0, end)) {
    if (has_control_characters({&c, 1}))
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      shown += c;
  }
  return end < text.size() ? fmt::format("{}... ({} bytes)", shown, text.size()) : shown;
}

std::string to_json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + '"';
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

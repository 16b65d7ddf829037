#include "server/cli/id_text.h"

#include <algorithm>
#include <charconv>

#include "query/schema/limits.h"
#include "server/cli/json_writer.h"

namespace kith {
namespace {

constexpr std::string_view kTextPrefix = "text:";

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Lower case only: an upper-case UUID would come back changed.
bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

v1::Id id_of_text(std::string_view text) {
  v1::Id id;
  if (is_uuid(text)) {
    id.set_uuid(std::string(text));
  } else {
    if (text.starts_with(kTextPrefix)) text.remove_prefix(kTextPrefix.size());
    id.set_text(std::string(text));
  }
  return id;
}

/// Text as a string that id_of_text reads back.
std::string guarded(const std::string& text) {
  return is_uuid(text) || text.starts_with(kTextPrefix) ? std::string(kTextPrefix) + text : text;
}

}  // namespace

Result<v1::Id> parse_id(std::string_view text) {
  if (text.empty()) return invalid_argument("id: empty; give a number, a UUID or a text");
  if (!is_digits(text)) {
    v1::Id id = id_of_text(text);
    if (id.kind_case() == v1::Id::kText) TRY(limits::kIdBytes.check("id (bytes)", id.text().size()));
    return id;
  }
  uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc())
    return invalid_argument("id: {:.40} is past 2^64-1; for a text of digits write text:{:.40}", text, text);
  return id_of_number(number);
}

v1::Id id_of_file(const FileId& id) {
  const auto* number = std::get_if<uint64_t>(&id);
  return number != nullptr ? id_of_number(*number) : id_of_text(std::get<std::string>(id));
}

v1::Id id_of_number(uint64_t number) {
  v1::Id id;
  id.set_number(number);
  return id;
}

std::string id_text(const v1::Id& id) {
  switch (id.kind_case()) {
    case v1::Id::kNumber:
      return std::to_string(id.number());
    case v1::Id::kUuid:
      return id.uuid();
    case v1::Id::kText:
      return is_digits(id.text()) ? std::string(kTextPrefix) + id.text() : guarded(id.text());
    case v1::Id::KIND_NOT_SET:
      break;
  }
  return "";
}

std::string id_json(const v1::Id& id) {
  JsonWriter out;
  if (id.kind_case() == v1::Id::kNumber) {
    out.number(id.number());
  } else {
    out.text(id.kind_case() == v1::Id::kUuid ? id.uuid() : guarded(id.text()));
  }
  return out.str();
}

}  // namespace kith

#include "query/types.h"

namespace kith {
namespace {

std::string uuid_text(const Uuid& uuid) {
  std::string text;
  for (size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text += fmt::format("{:02x}", uuid.bytes[i]);
  }
  return text;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Control characters and quotes escaped, so that no id can forge a line of a log or an error.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out.push_back(c);
  }
  return out + "\"";
}

}  // namespace

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid uuid;
  size_t nibble = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return std::nullopt;
    if (dash) continue;
    const int digit = hex_digit(text[i]);
    if (digit < 0) return std::nullopt;
    uint8_t& byte = uuid.bytes[nibble / 2];
    byte = static_cast<uint8_t>(byte << 4 | digit);
    ++nibble;
  }
  return uuid;
}

std::string to_string(const Id& id) {
  if (const auto* number = std::get_if<uint64_t>(&id)) return std::to_string(*number);
  if (const auto* uuid = std::get_if<Uuid>(&id)) return uuid_text(*uuid);
  return quoted(std::get<std::string>(id));
}

}  // namespace kith

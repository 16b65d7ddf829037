#include "storage/rows/id_key.h"

#include "base/check.h"

namespace kith {
namespace {

std::string with_kind(IdKind kind, size_t body_bytes) {
  std::string key;
  key.reserve(1 + body_bytes);
  key.push_back(static_cast<char>(kind));
  return key;
}

}  // namespace

std::string number_id_key(uint64_t number) {
  std::string key = with_kind(IdKind::kNumber, sizeof(number));
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift));
  return key;
}

std::string uuid_id_key(std::span<const uint8_t, kUuidBytes> uuid) {
  return with_kind(IdKind::kUuid, uuid.size()).append(uuid.begin(), uuid.end());
}

std::string text_id_key(std::string_view text) {
  CHECK(!text.empty() && text.size() <= kIdTextBytesMax);
  return with_kind(IdKind::kText, text.size()).append(text);
}

Result<IdKeyParts> parse_id_key(std::string_view key) {
  if (key.empty()) return corruption("id key is empty");
  const auto kind = static_cast<IdKind>(key.front());
  const std::string_view body = key.substr(1);
  switch (kind) {
    case IdKind::kNumber: {
      if (body.size() != sizeof(uint64_t)) break;
      uint64_t number = 0;
      for (const char byte : body) number = number << 8 | static_cast<uint8_t>(byte);
      return IdKeyParts{kind, number, body};
    }
    case IdKind::kUuid:
      if (body.size() != kUuidBytes) break;
      return IdKeyParts{kind, 0, body};
    case IdKind::kText:
      if (body.empty() || body.size() > kIdTextBytesMax) break;
      return IdKeyParts{kind, 0, body};
  }
  return corruption("id key of kind {} has {} bytes", static_cast<int>(kind), key.size());
}

}  // namespace kith

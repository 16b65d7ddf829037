#include "query/schema/id_codec.h"

#include <algorithm>

#include "query/schema/limits.h"
#include "query/schema/text.h"
#include "storage/rows/id_key.h"

namespace kith {

static_assert(limits::kIdBytes.max == kIdTextBytesMax);

Result<std::string> id_key_of(const Id& id) {
  if (const auto* number = std::get_if<uint64_t>(&id)) return number_id_key(*number);
  if (const auto* uuid = std::get_if<Uuid>(&id)) return uuid_id_key(uuid->bytes);
  const auto& text = std::get<std::string>(id);
  if (text.empty()) return invalid_argument("id: is empty; give 1..{} bytes of UTF-8", limits::kIdBytes.max);
  TRY(limits::kIdBytes.check("id bytes", text.size()));
  if (!is_utf8(text)) return invalid_argument("id: {} bytes of text that are not UTF-8", text.size());
  return text_id_key(text);
}

Result<Id> id_of_key(std::string_view id_key) {
  const IdKeyParts parts = TRY(parse_id_key(id_key));
  switch (parts.kind) {
    case IdKind::kNumber:
      return Id(parts.number);
    case IdKind::kUuid: {
      Uuid uuid;
      std::copy(parts.body.begin(), parts.body.end(), uuid.bytes.begin());
      return Id(uuid);
    }
    case IdKind::kText:
      return Id(std::string(parts.body));
  }
  return corruption("id key of unknown kind {}", static_cast<int>(parts.kind));
}

std::string id_key_text(std::string_view id_key) {
  const auto id = id_of_key(id_key);
  return id.ok() ? to_string(*id) : "(damaged id)";
}

}  // namespace kith

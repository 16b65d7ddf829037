#include "storage/rows/row_record.h"

#include "base/bytes.h"
#include "storage/rows/id_key.h"

namespace kith {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kFixedBytes = 6;

}  // namespace

std::string encode_row_head(uint16_t fields, std::string_view id_key) {
  std::string head(kFixedBytes, '\0');
  store_le(head.data(), kVersion);
  store_le(head.data() + 2, fields);
  store_le(head.data() + 4, static_cast<uint16_t>(id_key.size()));
  return head.append(id_key);
}

Result<RowRecord> parse_row_record(std::string_view value) {
  if (value.size() < kFixedBytes) return corruption("row record has only {} bytes", value.size());
  const auto version = load_le<uint8_t>(value.data());
  if (version != kVersion) return corruption("row record has version {}, known is {}", version, kVersion);
  if (value[1] != 0) return corruption("row record has unknown flags {}", static_cast<int>(value[1]));
  const size_t id_bytes = load_le<uint16_t>(value.data() + 4);
  if (value.size() - kFixedBytes < id_bytes)
    return corruption("row record of {} bytes says its id has {}", value.size(), id_bytes);
  RowRecord record{load_le<uint16_t>(value.data() + 2), value.substr(kFixedBytes, id_bytes),
                   value.substr(kFixedBytes + id_bytes)};
  TRY(parse_id_key(record.id_key));
  return record;
}

}  // namespace kith

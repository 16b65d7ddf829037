#include "storage/rows/row_record.h"

#include "base/bytes.h"
#include "storage/rows/expiry_map.h"
#include "storage/rows/id_key.h"

namespace kith {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kVersionExpiring = 2;
constexpr size_t kFixedBytes = 6;

}  // namespace

std::string encode_row_head(uint16_t fields, uint64_t expires_at_ms, std::string_view id_key) {
  const bool expires = expires_at_ms != 0;
  std::string head(kFixedBytes + (expires ? sizeof(expires_at_ms) : 0), '\0');
  store_le(head.data(), expires ? kVersionExpiring : kVersion);
  store_le(head.data() + 2, fields);
  store_le(head.data() + 4, static_cast<uint16_t>(id_key.size()));
  if (expires) store_le(head.data() + kFixedBytes, expires_at_ms);
  return head.append(id_key);
}

Result<RowRecord> parse_row_record(std::string_view value) {
  ByteReader in(as_bytes(value), "row record");
  const auto version = TRY(in.number<uint8_t>());
  if (version != kVersion && version != kVersionExpiring)
    return corruption("row record has version {}, known are {} and {}", version, kVersion, kVersionExpiring);
  if (const auto flags = TRY(in.number<uint8_t>()); flags != 0)
    return corruption("row record has unknown flags {}", flags);
  RowRecord record;
  record.fields = TRY(in.number<uint16_t>());
  const auto id_bytes = TRY(in.number<uint16_t>());
  if (version == kVersionExpiring) {
    record.expires_at_ms = TRY(in.number<uint64_t>());
    if (record.expires_at_ms == 0 || record.expires_at_ms > kExpiryMax)
      return corruption("row record expires at {} ms, outside 1..{}", record.expires_at_ms, kExpiryMax);
  }
  record.id_key = as_text(TRY(in.raw(id_bytes)));
  record.payload = as_text(in.rest());
  TRY(parse_id_key(record.id_key));
  return record;
}

}  // namespace kith

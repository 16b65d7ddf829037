// links: kith_query
// Goal: no bytes crash a decoder of stored records, and what decodes encodes to the same bytes again. Method:
// the first byte picks the decoder, the rest is its input.
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "base/crc32c.h"
#include "query/schema/catalog_record.h"
#include "query/schema/id_codec.h"
#include "query/schema/text.h"
#include "storage/log/change_log.h"
#include "storage/rows/expiry_map.h"
#include "storage/rows/keys.h"
#include "storage/rows/row_record.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void decode_row_record(std::string_view input) {
  const auto record = kith::parse_row_record(input);
  if (!record.ok()) return;
  require(
      kith::encode_row_head(record->fields, record->expires_at_ms, record->id_key).append(record->payload) ==
      input);
}

/// With the checksum that the bytes should have: no fuzzer guesses it.
void restore_expiries(std::string_view input) {
  constexpr kith::Row kRows = 1u << 16;
  std::string saved(input);
  const size_t end = saved.size() < 4 ? 0 : 4 + 12 * size_t{kith::load_le<uint32_t>(saved.data())};
  if (end >= 4 && end + 4 <= saved.size())
    kith::store_le(saved.data() + end, kith::crc32c(kith::as_bytes(saved).first(end)));
  kith::ByteReader in(kith::as_bytes(saved));
  kith::ExpiryMap expiries;
  if (!expiries.restore(0, kRows, in).ok()) return;
  kith::ByteWriter out;
  expiries.save(0, kRows, out);
  require(kith::as_text(out.view()) == std::string_view(saved).substr(0, in.offset()));
  require(expiries.expired_rows(kith::kExpiryMax).size() == expiries.size());
}

void decode_change(std::string_view input) {
  const auto change = kith::parse_change(1, input);
  if (change.ok()) require(kith::encode_change(*change) == input);
}

void decode_catalog_record(std::string_view input) {
  const auto record = kith::parse_catalog_record(input);
  if (record.ok()) require(kith::encode_catalog_record(*record) == input);
}

void decode_id(std::string_view input) {
  const auto id = kith::id_of_key(input);
  if (!id.ok()) return;
  const auto again = kith::id_key_of(*id);
  if (again.ok())
    require(*again == input);  // stored text that is not UTF-8 is shown, but not taken from users
  require(!kith::to_string(*id).empty());
}

void decode_keys(std::string_view input) {
  (void)kith::row_of_record_key(input);
  (void)kith::row_of_vector_key(input);
  (void)kith::sequence_of_change_key(input);
  (void)kith::collection_of_catalog_key(input);
  (void)kith::id_key_of_entry(input);
  const auto row = kith::parse_row_value(input);
  if (row.ok()) require(kith::row_value(*row) == input);
}

void check_text(std::string_view input) {
  if (kith::check_json_object(input).ok()) require(kith::is_utf8(input));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr void (*kDecoders[])(std::string_view) = {decode_row_record, decode_change, decode_catalog_record,
                                                     decode_id,         decode_keys,   check_text,
                                                     restore_expiries};
  kDecoders[data[0] % std::size(kDecoders)](input);
  return 0;
}

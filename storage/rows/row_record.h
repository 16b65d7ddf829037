// Row record: what is stored of a row besides its vectors.
//
//   u8  version     1; 2 where the row expires
//   u8  flags = 0
//   u16 fields      bit i: the row has a vector in field i
//   u16 id_bytes
//   u64 expires_at  milliseconds since 1970, not 0; in version 2 only
//   ..  id key      id_key.h
//   ..  payload     a JSON object or nothing, to the end of the value
//
// No checksum of its own: RocksDB has one on every log record and every block.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kith {

struct RowRecord {
  uint16_t fields = 0;
  uint64_t expires_at_ms = 0;  // 0: never
  std::string_view id_key;     // points into the encoded bytes
  std::string_view payload;    // so does this
};

/// All but the payload, which follows it in the value.
std::string encode_row_head(uint16_t fields, uint64_t expires_at_ms, std::string_view id_key);
/// Corruption when the bytes are no row record of a version known here.
Result<RowRecord> parse_row_record(std::string_view value);

}  // namespace kith

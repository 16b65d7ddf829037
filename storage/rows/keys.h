// Keys of the KvStore: who stands where. Big-endian numbers, so that byte order is number order.
// docs/formats.md draws all of it; names given by users are never part of a key.
//
//   kRecords  00000000 'F'                        format of the directory
//             00000000 'N'                        next collection id
//             00000000 'C' collection:u32         catalog record of a collection
//             collection:u32 'I' id key           row of an id            (id_key.h)
//             collection:u32 'R' row:u32          row record              (row_record.h)
//             collection:u32 'L' sequence:u64     change entry            (log/change_log.h)
//             collection:u32 'P'                  last purge              (docs/formats.md)
//             collection:u32 'K' field:u8         calibration of a field  (docs/formats.md)
//   kVectors  collection:u32 field:u8 row:u32     one vector, raw elements of the field's type
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/vector_view.h"

namespace kith {

/// A collection's number in keys: ≥ 1, never given twice in one directory.
using CollectionNumber = uint32_t;

/// Keys [begin, end).
struct KeyRange {
  std::string begin;
  std::string end;
};

std::string format_key();
std::string next_collection_key();
std::string catalog_key(CollectionNumber collection);
KeyRange catalog_range();

std::string id_entry_key(CollectionNumber collection, std::string_view id_key);
std::string row_record_key(CollectionNumber collection, Row row);
std::string purge_key(CollectionNumber collection);
std::string calibration_key(CollectionNumber collection, uint8_t field);
std::string change_key(CollectionNumber collection, uint64_t sequence);
std::string vector_key(CollectionNumber collection, uint8_t field, Row row);

KeyRange id_entry_range(CollectionNumber collection);
/// Id entries from `first_id_key` on.
KeyRange id_entry_range_from(CollectionNumber collection, std::string_view first_id_key);
/// Rows from `first` on.
KeyRange row_record_range(CollectionNumber collection, Row first = 0);
KeyRange change_range(CollectionNumber collection);
/// Rows first..end-1 of one field.
KeyRange vector_range(CollectionNumber collection, uint8_t field, Row first, Row end);
/// Everything of a collection in either table; not its catalog record.
KeyRange collection_range(CollectionNumber collection);

// What a key says. Corruption when the key does not have the shape.
Result<CollectionNumber> collection_of_catalog_key(std::string_view key);
Result<std::string_view> id_key_of_entry(std::string_view key);
Result<Row> row_of_record_key(std::string_view key);
Result<Row> row_of_vector_key(std::string_view key);
Result<uint64_t> sequence_of_change_key(std::string_view key);

// Values of fixed shape.
std::string row_value(Row row);
Result<Row> parse_row_value(std::string_view value);

}  // namespace kith

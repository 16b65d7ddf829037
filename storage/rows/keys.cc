#include "storage/rows/keys.h"

#include "base/bytes.h"

namespace kith {
namespace {

constexpr CollectionNumber kCatalog = 0;
constexpr char kFormat = 'F';
constexpr char kNextCollection = 'N';
constexpr char kCatalogRecord = 'C';
constexpr char kIdEntry = 'I';
constexpr char kRowRecord = 'R';
constexpr char kChange = 'L';
constexpr char kPurge = 'P';
constexpr char kCalibration = 'K';
constexpr size_t kPrefixBytes = sizeof(CollectionNumber) + 1;

template <typename T>
void append_be(std::string& key, T value) {
  for (int shift = (static_cast<int>(sizeof(T)) - 1) * 8; shift >= 0; shift -= 8)
    key.push_back(static_cast<char>(value >> shift));
}

template <typename T>
T load_be(std::string_view bytes) {
  T value = 0;
  for (const char byte : bytes.substr(0, sizeof(T)))
    value = static_cast<T>(value << 8 | static_cast<uint8_t>(byte));
  return value;
}

std::string prefix(CollectionNumber collection, char kind) {
  std::string key;
  append_be(key, collection);
  key.push_back(kind);
  return key;
}

template <typename T>
std::string numbered(CollectionNumber collection, char kind, T number) {
  std::string key = prefix(collection, kind);
  append_be(key, number);
  return key;
}

KeyRange kind_range(CollectionNumber collection, char kind) {
  return {prefix(collection, kind), prefix(collection, static_cast<char>(kind + 1))};
}

template <typename T>
Result<T> number_of(std::string_view key, const char* what) {
  if (key.size() != kPrefixBytes + sizeof(T))
    return corruption("{} key has {} bytes, not {}", what, key.size(), kPrefixBytes + sizeof(T));
  return load_be<T>(key.substr(kPrefixBytes));
}

}  // namespace

std::string format_key() {
  return prefix(kCatalog, kFormat);
}
std::string next_collection_key() {
  return prefix(kCatalog, kNextCollection);
}
std::string catalog_key(CollectionNumber collection) {
  return numbered(kCatalog, kCatalogRecord, collection);
}
KeyRange catalog_range() {
  return kind_range(kCatalog, kCatalogRecord);
}

std::string id_entry_key(CollectionNumber collection, std::string_view id_key) {
  return prefix(collection, kIdEntry).append(id_key);
}
std::string row_record_key(CollectionNumber collection, Row row) {
  return numbered(collection, kRowRecord, row);
}
std::string purge_key(CollectionNumber collection) {
  return prefix(collection, kPurge);
}
std::string calibration_key(CollectionNumber collection, uint8_t field) {
  return numbered(collection, kCalibration, field);
}
std::string change_key(CollectionNumber collection, uint64_t sequence) {
  return numbered(collection, kChange, sequence);
}
std::string vector_key(CollectionNumber collection, uint8_t field, Row row) {
  return numbered(collection, static_cast<char>(field), row);
}

KeyRange id_entry_range(CollectionNumber collection) {
  return kind_range(collection, kIdEntry);
}
KeyRange id_entry_range_from(CollectionNumber collection, std::string_view first_id_key) {
  KeyRange range = kind_range(collection, kIdEntry);
  range.begin.append(first_id_key);
  return range;
}
KeyRange row_record_range(CollectionNumber collection, Row first) {
  return {row_record_key(collection, first), kind_range(collection, kRowRecord).end};
}
KeyRange change_range(CollectionNumber collection) {
  return kind_range(collection, kChange);
}
KeyRange vector_range(CollectionNumber collection, uint8_t field, Row first, Row end) {
  return {vector_key(collection, field, first), vector_key(collection, field, end)};
}
KeyRange collection_range(CollectionNumber collection) {
  KeyRange range;
  append_be(range.begin, collection);
  append_be(range.end, collection + 1);
  return range;
}

Result<CollectionNumber> collection_of_catalog_key(std::string_view key) {
  return number_of<CollectionNumber>(key, "catalog");
}
Result<std::string_view> id_key_of_entry(std::string_view key) {
  if (key.size() <= kPrefixBytes) return corruption("id entry key has only {} bytes", key.size());
  return key.substr(kPrefixBytes);
}
Result<Row> row_of_record_key(std::string_view key) {
  return number_of<Row>(key, "row record");
}
Result<Row> row_of_vector_key(std::string_view key) {
  return number_of<Row>(key, "vector");
}
Result<uint64_t> sequence_of_change_key(std::string_view key) {
  return number_of<uint64_t>(key, "change");
}

std::string row_value(Row row) {
  std::string value(sizeof(Row), '\0');
  store_le(value.data(), row);
  return value;
}

Result<Row> parse_row_value(std::string_view value) {
  if (value.size() != sizeof(Row))
    return corruption("id entry has {} bytes, not {}", value.size(), sizeof(Row));
  const Row row = load_le<Row>(value.data());
  if (row == kNoRow) return corruption("id entry names the row {} that no id can have", row);
  return row;
}

}  // namespace kith

//   u8 version, u8 state, text name, u8 fields, then for each field:
//     text name, u32 dim, u8 metric, u8 type, text index, u16 options, then for each option: text name, text
//     value
//   version 2: then u64 memory_bytes_max, not 0
//   text = u32 length, bytes
#include "query/schema/catalog_record.h"

#include "base/bytes.h"
#include "query/schema/limits.h"

namespace kith {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kVersionLimited = 2;

void encode_field(ByteWriter& writer, const VectorField& field) {
  writer.text(field.name);
  writer.number(field.dim);
  writer.number(field.metric);
  writer.number(field.type);
  writer.text(field.index);
  writer.number(static_cast<uint16_t>(field.options.size()));
  for (const auto& [name, value] : field.options) {
    writer.text(name);
    writer.text(value);
  }
}

Result<VectorField> parse_field(ByteReader& reader) {
  VectorField field;
  field.name = TRY(reader.text());
  field.dim = TRY(reader.number<uint32_t>());
  const auto metric = TRY(reader.number<uint8_t>());
  const auto type = TRY(reader.number<uint8_t>());
  if (metric >= kMetrics || type >= kScalarTypes || !limits::kDim.allows(field.dim))
    return corruption("catalog record: field '{}' has metric {}, type {}, dim {}", field.name, metric, type,
                      field.dim);
  field.metric = static_cast<Metric>(metric);
  field.type = static_cast<ScalarType>(type);
  field.index = TRY(reader.text());
  const auto options = TRY(reader.number<uint16_t>());
  for (uint16_t i = 0; i < options; ++i) {
    std::string name(TRY(reader.text()));
    std::string value(TRY(reader.text()));
    field.options.emplace_back(std::move(name), std::move(value));
  }
  return field;
}

}  // namespace

std::string encode_catalog_record(const CatalogRecord& record) {
  ByteWriter writer;
  writer.number(record.memory_bytes_max == 0 ? kVersion : kVersionLimited);
  writer.number(record.state);
  writer.text(record.name);
  writer.number(static_cast<uint8_t>(record.schema.vectors.size()));
  for (const VectorField& field : record.schema.vectors) encode_field(writer, field);
  if (record.memory_bytes_max != 0) writer.number(record.memory_bytes_max);
  return std::string(as_text(writer.view()));
}

Result<CatalogRecord> parse_catalog_record(std::string_view value) {
  ByteReader reader(as_bytes(value), "catalog record");
  const auto version = TRY(reader.number<uint8_t>());
  if (version != kVersion && version != kVersionLimited)
    return corruption("catalog record has version {}, known are {} and {}", version, kVersion,
                      kVersionLimited);
  CatalogRecord record;
  const auto state = TRY(reader.number<uint8_t>());
  if (state > static_cast<uint8_t>(CollectionState::kDropping))
    return corruption("catalog record has state {}", state);
  record.state = static_cast<CollectionState>(state);
  record.name = TRY(reader.text());
  const auto fields = TRY(reader.number<uint8_t>());
  // One whose schema was unreadable is dropped with none.
  const bool none = fields == 0 && record.state == CollectionState::kDropping;
  if (!none && !limits::kFields.allows(fields)) return corruption("catalog record has {} fields", fields);
  for (uint8_t i = 0; i < fields; ++i) record.schema.vectors.push_back(TRY(parse_field(reader)));
  if (version == kVersionLimited) {
    record.memory_bytes_max = TRY(reader.number<uint64_t>());
    if (record.memory_bytes_max == 0) return corruption("catalog record limits memory to nothing");
  }
  TRY(reader.finish());
  return record;
}

}  // namespace kith

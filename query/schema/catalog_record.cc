//   u8 version, u8 state, text name, u8 fields, then for each field:
//     text name, u32 dim, u8 metric, u8 type, text index, u16 options, then for each option: text name, text
//     value
//   version 2: then u64 memory_bytes_max, not 0
//   version 3: then u64 memory_bytes_max, f64 recall_target, in (0, 1]
//   version 4: then u64 memory_bytes_max, f64 recall_target or 0, u16 payload fields, not 0, then for each:
//     u8 type, u8 required, u8 names, then for each: text
//   version 5: as 4, with u8 flags in place of required: 1 required, 2 label; one of the fields is a label
//   text = u32 length, bytes
#include "query/schema/catalog_record.h"

#include "base/bytes.h"
#include "query/schema/labels.h"
#include "query/schema/limits.h"
#include "query/schema/payload_fields.h"

namespace kith {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kVersionLimited = 2;
constexpr uint8_t kVersionAimed = 3;
constexpr uint8_t kVersionDeclared = 4;
constexpr uint8_t kVersionLabeled = 5;

constexpr uint8_t kRequired = 1;
constexpr uint8_t kLabel = 2;

/// The least that says all of it: older programs read what has nothing new.
uint8_t version_of(const CatalogRecord& record) {
  if (declares_labels(record.schema)) return kVersionLabeled;
  if (!record.schema.payload.empty()) return kVersionDeclared;
  if (record.recall_target != 0) return kVersionAimed;
  return record.memory_bytes_max == 0 ? kVersion : kVersionLimited;
}

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

void encode_payload_field(ByteWriter& writer, const PayloadField& field) {
  writer.number(field.type);
  writer.number(static_cast<uint8_t>((field.required ? kRequired : 0) | (field.label ? kLabel : 0)));
  writer.number(static_cast<uint8_t>(field.path.names.size()));
  for (const std::string& name : field.path.names) writer.text(name);
}

/// `known`: the flags there are.
Result<PayloadField> parse_payload_field(ByteReader& reader, uint8_t known) {
  PayloadField field;
  const auto type = TRY(reader.number<uint8_t>());
  const auto flags = TRY(reader.number<uint8_t>());
  const auto names = TRY(reader.number<uint8_t>());
  if (type >= kPayloadTypes || (flags & ~known) != 0 || !limits::kFilterPathNames.allows(names))
    return corruption("catalog record: a payload field has type {}, flags {}, {} names", type, flags, names);
  field.type = static_cast<PayloadType>(type);
  field.required = (flags & kRequired) != 0;
  field.label = (flags & kLabel) != 0;
  for (uint8_t i = 0; i < names; ++i) {
    const std::string_view name = TRY(reader.text());
    field.path.names.emplace_back(name);
  }
  return field;
}

}  // namespace

std::string encode_catalog_record(const CatalogRecord& record) {
  ByteWriter writer;
  const uint8_t version = version_of(record);
  writer.number(version);
  writer.number(record.state);
  writer.text(record.name);
  writer.number(static_cast<uint8_t>(record.schema.vectors.size()));
  for (const VectorField& field : record.schema.vectors) encode_field(writer, field);
  if (version >= kVersionLimited) writer.number(record.memory_bytes_max);
  if (version >= kVersionAimed) writer.number(record.recall_target);
  if (version < kVersionDeclared) return std::string(as_text(writer.view()));
  writer.number(static_cast<uint16_t>(record.schema.payload.size()));
  for (const PayloadField& field : record.schema.payload) encode_payload_field(writer, field);
  return std::string(as_text(writer.view()));
}

Result<CatalogRecord> parse_catalog_record(std::string_view value) {
  ByteReader reader(as_bytes(value), "catalog record");
  const auto version = TRY(reader.number<uint8_t>());
  if (version < kVersion || version > kVersionLabeled)
    return corruption("catalog record has version {}, known are {} to {}", version, kVersion,
                      kVersionLabeled);
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
  if (version >= kVersionLimited) record.memory_bytes_max = TRY(reader.number<uint64_t>());
  if (version == kVersionLimited && record.memory_bytes_max == 0)
    return corruption("catalog record limits memory to nothing");
  if (version >= kVersionAimed) {
    record.recall_target = TRY(reader.number<double>());
    const bool none_set = version >= kVersionDeclared && record.recall_target == 0;
    if (!none_set && !(record.recall_target > 0 && record.recall_target <= 1))
      return corruption("catalog record has recall target {}", record.recall_target);
  }
  if (version >= kVersionDeclared) {
    const uint8_t known = version == kVersionDeclared ? kRequired : kRequired | kLabel;
    const auto declared = TRY(reader.number<uint16_t>());
    if (declared == 0 || !limits::kPayloadFields.allows(declared))
      return corruption("catalog record declares {} payload fields", declared);
    for (uint16_t i = 0; i < declared; ++i)
      record.schema.payload.push_back(TRY(parse_payload_field(reader, known)));
    if (auto sound = validate_payload_fields(record.schema); !sound.ok())
      return corruption("catalog record: {}", sound.error().message);
    if (version == kVersionLabeled && !declares_labels(record.schema))
      return corruption("catalog record of version {} declares no label", version);
  }
  TRY(reader.finish());
  return record;
}

}  // namespace kith

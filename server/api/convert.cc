#include "server/api/convert.h"

#include "query/schema/limits.h"
#include "server/api/convert_filter.h"
#include "server/api/convert_plan.h"

namespace kith {

Error within(Error error, std::string_view path, size_t index) {
  error.message = fmt::format("{}[{}].{}", path, index, error.message);
  return error;
}

std::string shortened(std::string_view text) {
  constexpr size_t kShown = 64;
  if (text.size() <= kShown) return std::string(text);
  size_t end = kShown;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return fmt::format("{}... ({} bytes)", text.substr(0, end), text.size());
}

namespace {

Result<Uuid> uuid_from_text(std::string_view text) {
  if (const auto uuid = parse_uuid(text)) return *uuid;
  return invalid_argument("id.uuid: '{}' is not in the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
                          shortened(text));
}

Result<Metric> metric_from_proto(v1::Metric metric) {
  switch (metric) {
    case v1::METRIC_L2:
      return Metric::kL2;
    case v1::METRIC_INNER_PRODUCT:
      return Metric::kInnerProduct;
    case v1::METRIC_COSINE:
      return Metric::kCosine;
    case v1::METRIC_HAMMING:
      return Metric::kHamming;
    default:
      break;
  }
  return invalid_argument(
      "metric: {} names no metric; say METRIC_L2, METRIC_INNER_PRODUCT, METRIC_COSINE or METRIC_HAMMING",
      static_cast<int>(metric));
}

v1::Metric metric_to_proto(Metric metric) {
  return static_cast<v1::Metric>(static_cast<int>(metric) + 1);
}

Result<ScalarType> scalar_from_proto(v1::ScalarType type, Metric metric) {
  if (type == v1::SCALAR_TYPE_UNSPECIFIED)
    return metric == Metric::kHamming ? ScalarType::kBit : ScalarType::kF32;
  const int value = static_cast<int>(type) - 1;
  if (value >= 0 && value < static_cast<int>(kScalarTypes)) return static_cast<ScalarType>(value);
  return invalid_argument("type: {} names no scalar type; say SCALAR_TYPE_F32, _F16, _BF16, _I8, _U8 or _BIT",
                          static_cast<int>(type));
}

Result<VectorField> field_from_proto(const v1::VectorField& field) {
  VectorField out;
  if (!field.name().empty()) out.name = field.name();
  TRY(limits::kNameBytes.check("name (bytes)", out.name.size()));
  TRY(limits::kDim.check("dim", field.dim()));
  out.dim = field.dim();
  out.metric = TRY(metric_from_proto(field.metric()));
  out.type = TRY(scalar_from_proto(field.type(), out.metric));
  if (!field.index().empty()) out.index = field.index();
  for (const auto& [name, value] : field.options()) out.options.emplace_back(name, value);
  std::sort(out.options.begin(),
            out.options.end());  // a proto map has no order; equal requests make equal schemas
  return out;
}

}  // namespace

Result<Id> id_from_proto(const v1::Id& id) {
  switch (id.kind_case()) {
    case v1::Id::kNumber:
      return Id(id.number());
    case v1::Id::kUuid:
      return Id(TRY(uuid_from_text(id.uuid())));
    case v1::Id::kText:
      TRY(limits::kIdBytes.check("id.text (bytes)", id.text().size()));
      return Id(id.text());
    case v1::Id::KIND_NOT_SET:
      break;
  }
  return invalid_argument("id: set one of number, uuid, text");
}

Result<std::vector<Id>> ids_from_proto(const google::protobuf::RepeatedPtrField<v1::Id>& ids) {
  std::vector<Id> out;
  out.reserve(static_cast<size_t>(ids.size()));
  for (int i = 0; i < ids.size(); ++i) {
    auto id = id_from_proto(ids[i]);
    if (!id.ok()) return make_error(id.error().code, "ids[{}]: {}", i, id.error().message);
    out.push_back(*std::move(id));
  }
  return out;
}

void id_to_proto(const Id& id, v1::Id* out) {
  if (const auto* number = std::get_if<uint64_t>(&id)) {
    out->set_number(*number);
  } else if (const auto* text = std::get_if<std::string>(&id)) {
    out->set_text(*text);
  } else {
    out->set_uuid(to_string(id));
  }
}

Result<Schema> schema_from_proto(const v1::CreateCollectionRequest& request) {
  TRY(limits::kFields.check("vectors (count)", static_cast<uint64_t>(request.vectors_size())));
  Schema schema;
  for (int i = 0; i < request.vectors_size(); ++i) {
    auto field = field_from_proto(request.vectors(i));
    if (!field.ok()) return within(std::move(field).error(), "vectors", static_cast<size_t>(i));
    schema.vectors.push_back(*std::move(field));
  }
  TRY(limits::kPayloadFields.check("payload (count)", static_cast<uint64_t>(request.payload_size())));
  for (int i = 0; i < request.payload_size(); ++i) {
    const v1::PayloadField& field = request.payload(i);
    const int type = static_cast<int>(field.type()) - 1;  // ours begin at 0, theirs with "unspecified"
    if (type < 0 || type >= static_cast<int>(kPayloadTypes))
      return invalid_argument(
          "payload[{}].type: {} names no type; say PAYLOAD_TYPE_KEYWORD, _INTEGER, _FLOAT, _BOOLEAN, "
          "_DATETIME, _GEO or _TEXT",
          i, static_cast<int>(field.type()));
    schema.payload.push_back(
        {path_from_proto(field.path()), static_cast<PayloadType>(type), field.required(), field.label()});
  }
  return schema;
}

void info_to_proto(const CollectionInfo& info, v1::GetCollectionResponse* out) {
  for (const PayloadField& field : info.payload) {
    v1::PayloadField* to = out->add_payload();
    path_to_proto(field.path, to->mutable_path());
    to->set_type(static_cast<v1::PayloadType>(static_cast<int>(field.type) + 1));
    to->set_required(field.required);
    to->set_label(field.label);
  }
  out->set_collection(info.name);
  out->set_points(info.points);
  out->set_expired(info.expired);
  out->set_memory_bytes(info.memory_bytes);
  out->set_memory_bytes_max(info.memory_bytes_max);
  out->set_sequence(info.sequence);
  out->set_recall_target(info.recall_target);
  for (const FieldInfo& field : info.fields) {
    v1::FieldInfo* to = out->add_fields();
    v1::VectorField* spec = to->mutable_field();
    spec->set_name(field.field.name);
    spec->set_dim(field.field.dim);
    spec->set_metric(metric_to_proto(field.field.metric));
    spec->set_type(static_cast<v1::ScalarType>(static_cast<int>(field.field.type) + 1));
    spec->set_index(field.field.index);
    for (const auto& [name, value] : field.field.options) (*spec->mutable_options())[name] = value;
    to->set_rows(field.stats.rows);
    to->set_removed(field.stats.removed);
    to->set_pending(field.stats.pending);
    to->set_vector_bytes(field.memory.vector_bytes);
    to->set_structure_bytes(field.memory.structure_bytes);
    to->set_disk_bytes(field.memory.disk_bytes);
    to->set_exact_scan(!field.usable);
    recall_to_proto(field.recall, to);
    if (!field.rebuilding.has_value()) continue;
    v1::Rebuild* rebuild = to->mutable_rebuilding();
    rebuild->set_rows_done(field.rebuilding->rows_done);
    rebuild->set_rows_total(field.rebuilding->rows_total);
    rebuild->set_seconds(field.rebuilding->seconds);
    rebuild->set_seconds_left(field.rebuilding->seconds_left());
  }
}

void backup_to_proto(const BackupInfo& backup, v1::BackupInfo* out) {
  out->set_number(backup.number);
  out->set_time_ms(backup.time_ms);
  out->set_files(backup.files);
  out->set_bytes(backup.bytes);
  out->set_damage(backup.damage);
  for (const BackupContent& content : backup.collections) {
    v1::BackupContent* to = out->add_collections();
    to->set_collection(content.collection);
    to->set_sequence(content.sequence);
    to->set_points(content.points);
    to->set_quarantined(content.quarantined);
  }
}

Result<Durability> durability_from_proto(v1::Durability durability) {
  switch (durability) {
    case v1::DURABILITY_UNSPECIFIED:
    case v1::DURABILITY_SYNC:
      return Durability::kSync;
    case v1::DURABILITY_ASYNC:
      return Durability::kAsync;
    default:
      break;
  }
  return invalid_argument("durability: {} is none of DURABILITY_SYNC, DURABILITY_ASYNC",
                          static_cast<int>(durability));
}

void receipt_to_proto(const WriteReceipt& receipt, v1::WriteResponse* out) {
  out->set_sequence(receipt.sequence);
  out->set_inserted(receipt.inserted);
  out->set_replaced(receipt.replaced);
  out->set_removed(receipt.removed);
  out->set_updated(receipt.updated);
  out->set_missing(receipt.missing);
}

}  // namespace kith

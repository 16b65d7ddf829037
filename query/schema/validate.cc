#include "query/schema/validate.h"

#include <cmath>
#include <unordered_set>

#include "index/registry.h"
#include "query/schema/id_codec.h"
#include "query/schema/limits.h"
#include "query/schema/text.h"
#include "query/schema/vector_check.h"
#include "storage/rows/expiry_map.h"

namespace kith {
namespace {

/// The same refusal, said of something within a larger request.
Error within(std::string_view where, const Error& error) {
  const bool refused = error.code != Code::kResourceExhausted;  // else it might be sound: there was no memory
  return {refused ? Code::kInvalidArgument : error.code, fmt::format("{}: {}", where, error.message)};
}

Result<void> validate_field(const VectorField& field, std::string_view where) {
  if (auto named = validate_name("name", field.name); !named.ok()) return within(where, named.error());
  if (auto dim = limits::kDim.check("dim", field.dim); !dim.ok()) return within(where, dim.error());
  if (auto pair = validate_metric(field.metric, field.type); !pair.ok()) return within(where, pair.error());
  IndexSpec spec;
  spec.kind = field.index;
  spec.metric = field.metric;
  spec.type = field.type;
  spec.dim = field.dim;
  spec.options = field.options;
  spec.fs = &posix_file_system();  // an empty index leaves nothing there
  spec.directory = ".";
  if (auto index = create_index(spec); !index.ok()) return within(where, index.error());
  return {};
}

Result<void> check_vector(const VectorField& field, std::span<const std::byte> data, ScalarType type) {
  const size_t wanted = vector_bytes(type, field.dim);
  if (data.size() != wanted)
    return invalid_argument("vector '{}': has {} bytes, but {} × {} takes {}", field.name, data.size(),
                            field.dim, scalar_name(type), wanted);
  if (auto sound = check_elements({data.data(), type, field.dim}, field.metric); !sound.ok())
    return within(fmt::format("vector '{}'", field.name), sound.error());
  return {};
}

static_assert(limits::kExpiresAt.max == kExpiryMax, "what is taken can be stored");

Result<CheckedPoint> check_point(const Schema& schema, const Point& point) {
  CheckedPoint checked;
  checked.id_key = TRY(id_key_of(point.id));
  checked.vectors.reserve(point.vectors.size());
  for (const FieldVector& vector : point.vectors) {
    const uint8_t field = TRY(find_field(schema, vector.field));
    const auto bit = static_cast<uint16_t>(1u << field);
    if ((checked.fields & bit) != 0)
      return invalid_argument("vector '{}': is given twice", schema.vectors[field].name);
    checked.fields |= bit;
    TRY(check_vector(schema.vectors[field], vector.data, schema.vectors[field].type));
    checked.vectors.emplace_back(field, vector.data.data());
  }
  TRY(limits::kPayloadBytes.check("payload bytes", point.payload.size()));
  if (!point.payload.empty()) {
    if (auto json = check_json_object(point.payload); !json.ok()) return within("payload", json.error());
  }
  checked.payload = point.payload;
  TRY(limits::kExpiresAt.check("expires_at_ms", point.expires_at_ms));
  checked.expires_at_ms = point.expires_at_ms;
  return checked;
}

size_t bytes_of(const Point& point) {
  size_t bytes = point.payload.size() + sizeof(Uuid);
  if (const auto* text = std::get_if<std::string>(&point.id)) bytes += text->size();
  for (const FieldVector& vector : point.vectors) bytes += vector.data.size();
  return bytes;
}

Result<void> check_effort(uint32_t effort) {
  return limits::kEffort.check("effort", effort);
}

}  // namespace

Result<void> validate_name(std::string_view what, std::string_view name) {
  if (name.empty())
    return invalid_argument("{}: is empty; give 1..{} bytes of UTF-8", what, limits::kNameBytes.max);
  TRY(limits::kNameBytes.check(fmt::format("{} bytes", what), name.size()));
  if (!is_utf8(name)) return invalid_argument("{}: is not UTF-8", what);
  if (has_control_characters(name))
    return invalid_argument("{}: holds control characters; remove them", what);
  if (name.find('/') != std::string_view::npos)
    return invalid_argument("{} '{}': holds a '/'; remove it", what, name);
  return {};
}

Result<void> validate_schema(const Schema& schema) {
  TRY(limits::kFields.check("vectors", schema.vectors.size()));
  std::unordered_set<std::string_view> names;
  for (size_t i = 0; i < schema.vectors.size(); ++i) {
    const VectorField& field = schema.vectors[i];
    const std::string where = fmt::format("vectors[{}]", i);
    TRY(validate_field(field, where));
    if (!names.insert(field.name).second)
      return invalid_argument("{}: a field named '{}' is there already; names are unique", where, field.name);
  }
  return {};
}

Result<uint8_t> find_field(const Schema& schema, std::string_view name) {
  if (name.empty() && schema.vectors.size() == 1) return uint8_t{0};
  std::string names;
  for (size_t i = 0; i < schema.vectors.size(); ++i) {
    if (!name.empty() && schema.vectors[i].name == name) return static_cast<uint8_t>(i);
    names += fmt::format("{}'{}'", i == 0 ? "" : ", ", schema.vectors[i].name);
  }
  if (name.empty()) return invalid_argument("vector: name its field, one of {}", names);
  return invalid_argument("vector '{}': there is no such field, only {}",
                          name.substr(0, limits::kNameBytes.max), names);
}

Result<CheckedBatch> validate_points(const Schema& schema, std::span<const Point> points) {
  TRY(limits::kBatchPoints.check("points", points.size()));
  CheckedBatch batch;
  for (const Point& point : points) batch.bytes += bytes_of(point);
  TRY(limits::kBatchBytes.check("bytes of the batch", batch.bytes));
  batch.points.reserve(points.size());
  std::unordered_set<std::string_view> seen;
  seen.reserve(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    auto checked = check_point(schema, points[i]);
    if (!checked.ok()) return within(fmt::format("points[{}]", i), checked.error());
    batch.points.push_back(std::move(*checked));
    if (!seen.insert(batch.points.back().id_key).second)
      return invalid_argument("points[{}]: id {} is twice in this batch; send each id once", i,
                              to_string(points[i].id));
  }
  return batch;
}

Result<std::vector<std::string>> validate_ids(std::span<const Id> ids) {
  TRY(limits::kIds.check("ids", ids.size()));
  std::vector<std::string> keys;
  keys.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    auto key = id_key_of(ids[i]);
    if (!key.ok()) return within(fmt::format("ids[{}]", i), key.error());
    keys.push_back(std::move(*key));
  }
  return keys;
}

Result<uint8_t> validate_query(const Schema& schema, const Query& query) {
  const uint8_t field = TRY(find_field(schema, query.field));
  const VectorField& asked = schema.vectors[field];
  TRY(check_vector(asked, query.vector, query_type(asked.type)));
  TRY(limits::kK.check("k", query.k));
  TRY(limits::kOffset.check("offset", query.offset));
  TRY(check_effort(query.effort));
  if (query.score_threshold.has_value() && std::isnan(*query.score_threshold))
    return invalid_argument("score_threshold: is NaN; give a number");
  return field;
}

Result<uint8_t> validate_range_query(const Schema& schema, const RangeQuery& query) {
  const uint8_t field = TRY(find_field(schema, query.field));
  const VectorField& asked = schema.vectors[field];
  TRY(check_vector(asked, query.vector, query_type(asked.type)));
  TRY(limits::kRangeLimit.check("limit", query.limit));
  TRY(check_effort(query.effort));
  if (std::isnan(query.radius)) return invalid_argument("radius: is NaN; give a number");
  if (!higher_is_nearer(asked.metric) && query.radius < 0)
    return invalid_argument("radius: {} is negative; {} distances are not", query.radius,
                            metric_name(asked.metric));
  return field;
}

}  // namespace kith

#include "query/schema/validate.h"

#include <cmath>
#include <unordered_set>

#include "index/registry.h"
#include "query/filter/check_filter.h"
#include "query/schema/id_codec.h"
#include "query/schema/labels.h"
#include "query/schema/limits.h"
#include "query/schema/payload_fields.h"
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

Result<void> validate_field(const Schema& schema, const VectorField& field, std::string_view where) {
  if (auto named = validate_name("name", field.name); !named.ok()) return within(where, named.error());
  if (auto dim = limits::kDim.check("dim", field.dim); !dim.ok()) return within(where, dim.error());
  if (auto pair = validate_metric(field.metric, field.type); !pair.ok()) return within(where, pair.error());
  IndexSpec spec;
  spec.kind = field.index;
  spec.metric = field.metric;
  spec.type = field.type;
  spec.dim = field.dim;
  spec.options = index_options(schema, field);
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

Result<void> check_vectors(const Schema& schema, std::span<const FieldVector> vectors,
                           CheckedPoint& checked) {
  checked.vectors.reserve(vectors.size());
  for (const FieldVector& vector : vectors) {
    const uint8_t field = TRY(find_field(schema, vector.field));
    const auto bit = static_cast<uint16_t>(1u << field);
    if ((checked.fields & bit) != 0)
      return invalid_argument("vector '{}': is given twice", schema.vectors[field].name);
    checked.fields |= bit;
    TRY(check_vector(schema.vectors[field], vector.data, schema.vectors[field].type));
    checked.vectors.emplace_back(field, vector.data.data());
  }
  return {};
}

Result<void> check_payload(std::string_view payload) {
  TRY(limits::kPayloadBytes.check("payload bytes", payload.size()));
  if (payload.empty()) return {};
  if (auto json = check_json_object(payload); !json.ok()) return within("payload", json.error());
  return {};
}

Result<CheckedPoint> check_point(const Schema& schema, const Point& point) {
  CheckedPoint checked;
  checked.id_key = TRY(id_key_of(point.id));
  TRY(check_vectors(schema, point.vectors, checked));
  TRY(check_payload(point.payload));
  if (!schema.payload.empty()) {
    const auto payload = JsonTree::parse_payload(point.payload);
    if (!payload.ok()) return within("payload", payload.error());
    TRY(check_payload_fields(schema, payload->root()));
    checked.labels = TRY(labels_of(schema, payload->root()));
  }
  checked.payload = point.payload;
  TRY(limits::kExpiresAt.check("expires_at_ms", point.expires_at_ms));
  checked.expires_at_ms = point.expires_at_ms;
  return checked;
}

Result<void> check_grouping(const Query& query) {
  TRY(validate_path("group_by", query.group_by->path));
  TRY(limits::kGroupSize.check("group_by.size", query.group_by->size));
  TRY(limits::kGroupHits.check("k × group_by.size", uint64_t{query.k} * query.group_by->size));
  if (query.offset != 0)
    return invalid_argument("offset: {} groups cannot be skipped; leave it 0 with group_by", query.offset);
  if (query.diversity.has_value())
    return invalid_argument("diversity: does not go with group_by; leave one of them out");
  return {};
}

Result<void> check_diversity(const Query& query, const VectorField& field) {
  const float lambda = query.diversity->lambda;
  if (!(lambda >= 0 && lambda <= 1))
    return invalid_argument("diversity.lambda: {} is outside 0..1; give a number within", lambda);
  const uint64_t candidates = diversity_candidates(query);
  TRY(limits::kDiversityCandidates.check("diversity.candidates", candidates));
  if (candidates < uint64_t{query.offset} + query.k)
    return invalid_argument("diversity.candidates: {} are fewer than offset + k, {}; ask for more",
                            candidates, uint64_t{query.offset} + query.k);
  return limits::kDiversityBytes.check("diversity.candidates (bytes of their vectors)",
                                       candidates * vector_bytes(field.type, field.dim));
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
    TRY(validate_field(schema, field, where));
    if (!names.insert(field.name).second)
      return invalid_argument("{}: a field named '{}' is there already; names are unique", where, field.name);
  }
  TRY(validate_payload_fields(schema));
  return validate_labels(schema);
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

size_t point_bytes(const Point& point) {
  size_t bytes = point.payload.size() + sizeof(Uuid);
  if (const auto* text = std::get_if<std::string>(&point.id)) bytes += text->size();
  for (const FieldVector& vector : point.vectors) bytes += vector.data.size();
  return bytes;
}

Result<CheckedBatch> validate_points(const Schema& schema, std::span<const Point> points) {
  TRY(limits::kBatchPoints.check("points", points.size()));
  CheckedBatch batch;
  for (const Point& point : points) batch.bytes += point_bytes(point);
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

Result<CheckedBatch> validate_patched(const Schema& schema, std::span<const Point> points) {
  CheckedBatch batch;
  batch.points.reserve(points.size());
  for (const Point& point : points) {
    auto checked = check_point(schema, point);
    if (!checked.ok()) return within(fmt::format("point {}", to_string(point.id)), checked.error());
    batch.points.push_back(std::move(*checked));
    batch.bytes += point_bytes(point);
  }
  return batch;
}

Result<void> validate_patch(const Schema& schema, const Patch& patch) {
  if (patch.payload.empty() && !patch.replace_payload && patch.vectors.empty() && !patch.expires_at_ms)
    return invalid_argument("patch: changes nothing; give a payload, vectors or when the point expires");
  CheckedPoint unused;
  TRY(check_vectors(schema, patch.vectors, unused));
  TRY(check_payload(patch.payload));
  return limits::kExpiresAt.check("expires_at_ms", patch.expires_at_ms.value_or(0));
}

Result<std::vector<std::string>> validate_updates(const Schema& schema,
                                                  std::span<const PointUpdate> updates) {
  TRY(limits::kBatchPoints.check("updates", updates.size()));
  std::vector<std::string> keys;
  std::unordered_set<std::string> seen;
  for (size_t i = 0; i < updates.size(); ++i) {
    const std::string where = fmt::format("updates[{}]", i);
    auto key = id_key_of(updates[i].id);
    if (!key.ok()) return within(where, key.error());
    if (auto sound = validate_patch(schema, updates[i].patch); !sound.ok())
      return within(where, sound.error());
    if (!seen.insert(*key).second)
      return invalid_argument("{}: id {} is twice in this batch; send each id once", where,
                              to_string(updates[i].id));
    keys.push_back(std::move(*key));
  }
  return keys;
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

Result<void> validate_recall_target(double target) {
  if (target > 0 && target <= 1) return {};
  return invalid_argument("recall_target: {} is outside (0, 1]; ask for a share, e.g. 0.95", target);
}

uint32_t diversity_candidates(const Query& query) {
  constexpr uint64_t kTimes = 4;
  constexpr uint64_t kLeast = 100;
  if (query.diversity->candidates != 0) return query.diversity->candidates;
  const uint64_t wanted = uint64_t{query.offset} + query.k;
  return static_cast<uint32_t>(
      std::max(wanted, std::min(std::max(kTimes * wanted, kLeast), limits::kDiversityCandidates.max)));
}

Result<void> validate_path(std::string_view what, const FilterPath& path) {
  TRY(limits::kFilterPathNames.check(fmt::format("{} (names)", what), path.names.size()));
  size_t bytes = 0;
  for (const std::string& name : path.names) {
    if (name.empty()) return invalid_argument("{}: a name is empty; give paths like a.b", what);
    if (!is_utf8(name)) return invalid_argument("{}: is not UTF-8", what);
    bytes += name.size();
  }
  return limits::kFilterBytes.check(fmt::format("{} (bytes)", what), bytes);
}

Result<void> validate_facet(const FacetQuery& query) {
  TRY(validate_path("path", query.path));
  TRY(limits::kFacetLimit.check("limit", query.limit));
  if (query.filter.has_value()) TRY(check_filter(*query.filter));
  return {};
}

Result<void> validate_ordered(const OrderedScroll& request) {
  TRY(validate_path("order_by", request.order.path));
  TRY(limits::kScrollLimit.check("limit", request.limit));
  if (request.filter.has_value()) TRY(check_filter(*request.filter));
  return {};
}

Result<void> check_query_vector(const VectorField& field, std::span<const std::byte> data) {
  return check_vector(field, data, query_type(field.type));
}

Result<uint8_t> validate_query(const Schema& schema, const Query& query) {
  const uint8_t field = TRY(find_field(schema, query.field));
  const VectorField& asked = schema.vectors[field];
  TRY(check_vector(asked, query.vector, query_type(asked.type)));
  TRY(limits::kK.check("k", query.k));
  TRY(limits::kOffset.check("offset", query.offset));
  TRY(check_effort(query.effort));
  if (query.recall_target.has_value()) {
    TRY(validate_recall_target(*query.recall_target));
    if (query.effort != 0)
      return invalid_argument(
          "recall_target and effort: {} and {} exclude each other; a target finds the effort by itself",
          *query.recall_target, query.effort);
  }
  if (query.score_threshold.has_value() && std::isnan(*query.score_threshold))
    return invalid_argument("score_threshold: is NaN; give a number");
  if (query.filter.has_value()) TRY(check_filter(*query.filter));
  if (query.explain != Explain::kNone && (query.group_by.has_value() || query.diversity.has_value()))
    return invalid_argument("explain: does not go with group_by or diversity; leave one of them out");
  if (query.group_by.has_value()) TRY(check_grouping(query));
  if (query.diversity.has_value()) TRY(check_diversity(query, asked));
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
  if (query.filter.has_value()) TRY(check_filter(*query.filter));
  return field;
}

}  // namespace kith

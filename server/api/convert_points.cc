// The part of convert.h that carries vectors: points, queries, answers.
#include <cstring>

#include "query/schema/limits.h"
#include "server/api/convert.h"
#include "server/api/convert_filter.h"
#include "server/api/convert_plan.h"

namespace kith {
namespace {

/// "" is the only field, where there is only one.
Result<const VectorField*> find_field(const Schema& schema, const std::string& name) {
  if (name.empty() && schema.vectors.size() == 1) return &schema.vectors[0];
  for (const VectorField& field : schema.vectors) {
    if (field.name == name) return &field;
  }
  std::string known;
  for (const VectorField& field : schema.vectors) known += (known.empty() ? "" : ", ") + field.name;
  if (name.empty())
    return invalid_argument("field: the collection has several vector fields; name one of: {}", known);
  return invalid_argument("field: the collection has no vector field '{}'; it has: {}", shortened(name),
                          known);
}

/// Position of the first NaN or infinity; `count` when all are finite. Branch-free inside a block, so it
/// vectorises.
size_t first_non_finite(const float* values, size_t count) {
  constexpr uint32_t kExponent = 0x7f800000u;
  constexpr size_t kBlock = 64;
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const size_t end = std::min(begin + kBlock, count);
    uint32_t any = 0;
    for (size_t i = begin; i < end; ++i) {
      uint32_t bits;
      std::memcpy(&bits, values + i, sizeof bits);
      any |= (bits & kExponent) == kExponent;
    }
    if (any == 0) continue;
    for (size_t i = begin; i < end; ++i) {
      uint32_t bits;
      std::memcpy(&bits, values + i, sizeof bits);
      if ((bits & kExponent) == kExponent) return i;
    }
  }
  return count;
}

/// The vector as packed elements of `type`.
Result<std::vector<std::byte>> pack_vector(const v1::Vector& vector, const VectorField& field,
                                           ScalarType type) {
  const size_t bytes = vector_bytes(type, field.dim);
  if (!vector.data().empty()) {
    if (vector.values_size() != 0) return invalid_argument("data: set either values or data, not both");
    if (vector.data().size() != bytes) {
      return invalid_argument("data: {} bytes, but field '{}' has {} dimensions of {}, which are {} bytes",
                              vector.data().size(), field.name, field.dim, scalar_name(type), bytes);
    }
    const auto* begin = reinterpret_cast<const std::byte*>(vector.data().data());
    return std::vector<std::byte>(begin, begin + bytes);
  }
  const size_t count = static_cast<size_t>(vector.values_size());
  if (count != field.dim) {
    return invalid_argument("values: {} dimensions, but field '{}' has {}", count, field.name, field.dim);
  }
  const float* values = vector.values().data();
  const size_t bad = first_non_finite(values, count);
  if (bad != count) return invalid_argument("values[{}]: {} is not a finite number", bad, values[bad]);
  if (type == ScalarType::kF32) {
    const auto* begin = reinterpret_cast<const std::byte*>(values);
    return std::vector<std::byte>(begin, begin + bytes);
  }
  std::vector<std::byte> out(bytes);
  auto packed = from_f32(values, count, type, out.data());
  if (!packed.ok()) return make_error(packed.error().code, "values: {}", packed.error().message);
  return out;
}

/// `fallback`: the field of a vector that names none.
Result<FieldVector> vector_from_proto(const v1::Vector& vector, const Schema& schema, bool as_query,
                                      const std::string& fallback = "") {
  const VectorField* field = TRY(find_field(schema, vector.field().empty() ? fallback : vector.field()));
  const ScalarType type = as_query ? query_type(field->type) : field->type;
  auto data = TRY(pack_vector(vector, *field, type));
  return FieldVector{field->name, std::move(data)};
}

Result<std::vector<FieldVector>> vectors_from_proto(
    const google::protobuf::RepeatedPtrField<v1::Vector>& vectors, const Schema& schema) {
  std::vector<FieldVector> out;
  out.reserve(std::min<size_t>(static_cast<size_t>(vectors.size()), limits::kFields.max));
  for (int i = 0; i < vectors.size(); ++i) {
    auto vector = vector_from_proto(vectors[i], schema, false);
    if (!vector.ok()) return within(std::move(vector).error(), "vectors", static_cast<size_t>(i));
    for (const FieldVector& earlier : out) {
      if (earlier.field == vector->field) {
        return invalid_argument("vectors[{}].field: '{}' stands twice in one point", i, earlier.field);
      }
    }
    out.push_back(*std::move(vector));
  }
  return out;
}

Result<Point> point_from_proto(const v1::Point& point, const Schema& schema) {
  Point out;
  out.id = TRY(id_from_proto(point.id()));
  TRY(limits::kPayloadBytes.check("payload (bytes)", point.payload().size()));
  out.payload = point.payload();
  TRY(limits::kExpiresAt.check("expires_at_ms", point.expires_at_ms()));
  out.expires_at_ms = point.expires_at_ms();
  out.vectors = TRY(vectors_from_proto(point.vectors(), schema));
  return out;
}

void vectors_to_proto(const std::vector<FieldVector>& vectors, const Schema& schema,
                      google::protobuf::RepeatedPtrField<v1::Vector>* out) {
  for (const FieldVector& vector : vectors) {
    v1::Vector* to = out->Add();
    to->set_field(vector.field);
    const auto field = find_field(schema, vector.field);
    const ScalarType type = field.ok() ? (*field)->type : ScalarType::kBit;
    if (type == ScalarType::kF32 || query_type(type) == ScalarType::kF32) {
      to->mutable_values()->Resize(static_cast<int>((*field)->dim), 0.0f);
      to_f32(vector.data.data(), (*field)->dim, type, to->mutable_values()->mutable_data());
    } else {
      to->set_data(vector.data.data(), vector.data.size());
    }
  }
}

Error in_vector(Error error) {
  error.message = "vector." + error.message;
  return error;
}

}  // namespace

Result<std::vector<Point>> points_from_proto(const v1::UpsertRequest& request, const Schema& schema) {
  std::vector<Point> points;
  points.reserve(static_cast<size_t>(request.points_size()));
  for (int i = 0; i < request.points_size(); ++i) {
    auto point = point_from_proto(request.points(i), schema);
    if (!point.ok()) return within(std::move(point).error(), "points", static_cast<size_t>(i));
    points.push_back(*std::move(point));
  }
  return points;
}

Result<Patch> patch_from_proto(const v1::Patch& patch, const Schema& schema) {
  Patch out;
  auto vectors = vectors_from_proto(patch.vectors(), schema);
  if (!vectors.ok()) return make_error(vectors.error().code, "patch.{}", vectors.error().message);
  out.vectors = *std::move(vectors);
  out.payload = patch.payload();
  out.replace_payload = patch.replace_payload();
  if (patch.has_expires_at_ms()) out.expires_at_ms = patch.expires_at_ms();
  return out;
}

Result<std::vector<PointUpdate>> updates_from_proto(const v1::UpdateRequest& request, const Schema& schema) {
  std::vector<PointUpdate> updates;
  updates.reserve(static_cast<size_t>(request.updates_size()));
  for (int i = 0; i < request.updates_size(); ++i) {
    auto id = id_from_proto(request.updates(i).id());
    if (!id.ok()) return within(std::move(id).error(), "updates", static_cast<size_t>(i));
    auto patch = patch_from_proto(request.updates(i).patch(), schema);
    if (!patch.ok()) return within(std::move(patch).error(), "updates", static_cast<size_t>(i));
    updates.push_back({*std::move(id), *std::move(patch)});
  }
  return updates;
}

void point_to_proto(Point&& point, const Schema& schema, v1::Point* out) {
  id_to_proto(point.id, out->mutable_id());
  vectors_to_proto(point.vectors, schema, out->mutable_vectors());
  out->set_payload(std::move(point.payload));
  out->set_expires_at_ms(point.expires_at_ms);
}

namespace {

/// What a Search and a Recommend have in common.
template <typename Request>
Result<Query> query_words(const Request& request, const Stop& stop) {
  Query query;
  query.k = static_cast<uint32_t>(request.k() == 0 ? limits::kK.fallback : request.k());
  query.offset = static_cast<uint32_t>(request.offset());
  query.effort = static_cast<uint32_t>(request.effort());
  if (request.recall_target() != 0) query.recall_target = request.recall_target();
  query.exact = request.exact();
  if (request.has_score_threshold()) query.score_threshold = request.score_threshold();
  if (request.has_filter()) query.filter = TRY(filter_from_proto(request.filter(), "filter"));
  if (request.has_group_by())
    query.group_by =
        GroupBy{path_from_proto(request.group_by().path()), std::max(request.group_by().size(), 1u)};
  if (request.has_diversity()) {
    query.diversity = Diversity{};
    if (request.diversity().has_lambda()) query.diversity->lambda = request.diversity().lambda();
    query.diversity->candidates = request.diversity().candidates();
  }
  query.fetch = {request.fetch().payload(), request.fetch().vectors()};
  query.stop = stop;
  return query;
}

Result<Example> example_from_proto(const v1::Example& example, const std::string& field,
                                   const Schema& schema) {
  if (example.kind_case() == v1::Example::kId) return Example(TRY(id_from_proto(example.id())));
  if (example.kind_case() != v1::Example::kVector) return invalid_argument("set one of id, vector");
  auto vector = vector_from_proto(example.vector(), schema, true, field);
  if (!vector.ok()) return in_vector(std::move(vector).error());
  if (vector->field != field)
    return invalid_argument("vector.field: '{}' is not the field of the request, '{}'", vector->field, field);
  return Example(std::move(vector->data));
}

Result<std::vector<Example>> examples_from_proto(
    const google::protobuf::RepeatedPtrField<v1::Example>& examples, std::string_view what,
    const std::string& field, const Schema& schema) {
  std::vector<Example> out;
  for (int i = 0; i < examples.size(); ++i) {
    auto example = example_from_proto(examples[i], field, schema);
    if (!example.ok()) return within(std::move(example).error(), what, static_cast<size_t>(i));
    out.push_back(*std::move(example));
  }
  return out;
}

void hits_to_proto(std::vector<Hit>& hits, const Schema& schema,
                   google::protobuf::RepeatedPtrField<v1::Hit>* out) {
  out->Reserve(static_cast<int>(hits.size()));
  for (Hit& hit : hits) {
    v1::Hit* to = out->Add();
    id_to_proto(hit.id, to->mutable_id());
    to->set_score(hit.score);
    if (!hit.payload.empty()) to->set_payload(std::move(hit.payload));
    to->set_expires_at_ms(hit.expires_at_ms);
    vectors_to_proto(hit.vectors, schema, to->mutable_vectors());
  }
}

}  // namespace

Result<Query> query_from_proto(const v1::SearchRequest& request, const Schema& schema, const Stop& stop) {
  auto vector = vector_from_proto(request.vector(), schema, true);
  if (!vector.ok()) return in_vector(std::move(vector).error());
  Query query = TRY(query_words(request, stop));
  query.explain = static_cast<Explain>(request.explain());
  query.field = std::move(vector->field);
  query.vector = std::move(vector->data);
  return query;
}

Result<RecommendQuery> recommend_from_proto(const v1::RecommendRequest& request, const Schema& schema,
                                            const Stop& stop) {
  RecommendQuery out;
  switch (request.strategy()) {
    case v1::RECOMMEND_STRATEGY_UNSPECIFIED:
    case v1::RECOMMEND_STRATEGY_AVERAGE:
      break;
    case v1::RECOMMEND_STRATEGY_BEST_SCORE:
      out.strategy = RecommendStrategy::kBestScore;
      break;
    default:
      return invalid_argument(
          "strategy: {} is none of RECOMMEND_STRATEGY_AVERAGE, RECOMMEND_STRATEGY_BEST_SCORE",
          static_cast<int>(request.strategy()));
  }
  const VectorField* field = TRY(find_field(schema, request.field()));
  out.query = TRY(query_words(request, stop));
  out.query.field = field->name;
  out.positive = TRY(examples_from_proto(request.positive(), "positive", field->name, schema));
  out.negative = TRY(examples_from_proto(request.negative(), "negative", field->name, schema));
  return out;
}

Result<RangeQuery> range_from_proto(const v1::RangeSearchRequest& request, const Schema& schema,
                                    const Stop& stop) {
  auto vector = vector_from_proto(request.vector(), schema, true);
  if (!vector.ok()) return in_vector(std::move(vector).error());
  RangeQuery query;
  query.field = std::move(vector->field);
  query.vector = std::move(vector->data);
  query.radius = request.radius();
  query.limit = static_cast<uint32_t>(request.limit() == 0 ? limits::kRangeLimit.fallback : request.limit());
  query.effort = static_cast<uint32_t>(request.effort());
  query.exact = request.exact();
  if (request.has_filter()) query.filter = TRY(filter_from_proto(request.filter(), "filter"));
  query.fetch = {request.fetch().payload(), request.fetch().vectors()};
  query.stop = stop;
  return query;
}

void answer_to_proto(Answer&& answer, const Schema& schema, v1::SearchResponse* out) {
  hits_to_proto(answer.hits, schema, out->mutable_hits());
  for (HitGroup& group : answer.groups) {
    v1::HitGroup* to = out->add_groups();
    scalar_to_proto(group.value, to->mutable_value());
    hits_to_proto(group.hits, schema, to->mutable_hits());
  }
  if (answer.taken.has_value()) taken_to_proto(*answer.taken, out->mutable_taken());
  if (answer.explanation != nullptr) explanation_to_proto(*answer.explanation, out->mutable_explanation());
  v1::SearchStats* stats = out->mutable_stats();
  stats->set_full_distances(answer.stats.full_distances);
  stats->set_code_distances(answer.stats.code_distances);
  stats->set_hops(answer.stats.hops);
  stats->set_predicate_evaluations(answer.stats.predicate_evaluations);
  stats->set_pending_scanned(answer.stats.pending_scanned);
  stats->set_ios(answer.stats.ios);
  stats->set_bytes_read(answer.stats.bytes_read);
  stats->set_walk_evaluations(answer.stats.walk_evaluations);
  stats->set_walk_passes(answer.stats.walk_passes);
}

}  // namespace kith

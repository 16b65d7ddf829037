// Recommendations, see Collection::recommend: the examples become a vector, or several, and a filter that
// leaves out points that are examples; the rest is a search.
#include <algorithm>
#include <cmath>

#include "query/collection/local_collection.h"
#include "query/collection/nearest_rows.h"
#include "query/schema/limits.h"
#include "query/schema/validate.h"
#include "query/schema/vector_check.h"

namespace kith {
namespace {

/// A stored vector as queries have it.
std::vector<std::byte> as_query(std::vector<std::byte> stored, const VectorField& field) {
  if (query_type(field.type) == field.type) return stored;
  std::vector<std::byte> out(field.dim * sizeof(float));
  to_f32(stored.data(), field.dim, field.type, reinterpret_cast<float*>(out.data()));
  return out;
}

/// At unit length where length says nothing.
std::vector<double> direction(const std::vector<std::byte>& vector, const VectorField& field) {
  std::vector<float> floats(field.dim);
  to_f32(vector.data(), field.dim, query_type(field.type), floats.data());
  std::vector<double> out(floats.begin(), floats.end());
  if (field.metric != Metric::kCosine) return out;
  double square = 0;
  for (const double x : out) square += x * x;
  for (double& x : out) x /= std::sqrt(square);
  return out;
}

void add_mean(const std::vector<std::vector<std::byte>>& vectors, double weight, const VectorField& field,
              std::vector<double>& sum) {
  for (const std::vector<std::byte>& vector : vectors) {
    const std::vector<double> part = direction(vector, field);
    for (size_t i = 0; i < part.size(); ++i) sum[i] += weight * part[i] / static_cast<double>(vectors.size());
  }
}

/// The nearest vector that a query of this field can be.
std::vector<std::byte> packed(const std::vector<double>& values, const VectorField& field) {
  const ScalarType type = query_type(field.type);
  std::vector<float> floats;
  for (const double value : values) {
    double fitting = value;
    if (type == ScalarType::kI8) fitting = std::clamp(std::round(value), -128.0, 127.0);
    if (type == ScalarType::kU8) fitting = std::clamp(std::round(value), 0.0, 255.0);
    if (type == ScalarType::kBit) fitting = value - 0.5;  // most of them have it
    floats.push_back(static_cast<float>(fitting));
  }
  std::vector<std::byte> out(vector_bytes(type, field.dim));
  (void)from_f32(floats.data(), floats.size(), type, out.data());  // fails for values that do not fit alone
  return out;
}

Filter without_examples(const RecommendQuery& request) {
  HasId examples;
  for (const auto* list : {&request.positive, &request.negative})
    for (const Example& example : *list)
      if (const auto* id = std::get_if<Id>(&example)) examples.ids.push_back(*id);
  AllOf all;
  if (request.query.filter.has_value()) all.of.push_back(*request.query.filter);
  if (!examples.ids.empty()) all.of.push_back({NotOf{{Filter{std::move(examples)}}}});
  return {std::move(all)};
}

}  // namespace

Result<Answer> LocalCollection::recommend(const RecommendQuery& query) const {
  return while_alive([&] { return recommend_alive(query); });
}

/// In order, as queries have them.
Result<LocalCollection::Examples> LocalCollection::example_vectors(std::span<const Example> examples,
                                                                   std::string_view what,
                                                                   const VectorField& field) const {
  Examples out;
  for (size_t i = 0; i < examples.size(); ++i) {
    const auto* id = std::get_if<Id>(&examples[i]);
    if (id == nullptr) {
      out.push_back(std::get<std::vector<std::byte>>(examples[i]));
      auto sound = check_query_vector(field, out.back());
      if (!sound.ok()) return make_error(sound.error().code, "{}[{}]: {}", what, i, sound.error().message);
      continue;
    }
    auto got = get_alive({id, 1}, {.payload = false, .vectors = true});
    if (!got.ok()) return make_error(got.error().code, "{}[{}]: {}", what, i, got.error().message);
    std::vector<std::byte>* stored = nullptr;
    if (got->front().has_value())
      for (FieldVector& vector : got->front()->vectors)
        if (vector.field == field.name) stored = &vector.data;
    if (stored == nullptr)
      return not_found("{}[{}]: there is no point {} with a vector in field '{}'", what, i, to_string(*id),
                       field.name);
    out.push_back(as_query(std::move(*stored), field));
  }
  return out;
}

Result<Answer> LocalCollection::recommend_alive(const RecommendQuery& request) const {
  const uint8_t position = TRY(find_field(schema_, request.query.field));
  const VectorField& field = schema_.vectors[position];
  TRY(limits::kExamples.check("examples", request.positive.size() + request.negative.size()));
  if (request.positive.empty())
    return invalid_argument("positive: there is no example; give one that the answer is to be like");
  if (!request.query.vector.empty())
    return invalid_argument(
        "vector: the examples say what is asked for; leave it out, or make it an example");
  Query query = request.query;
  Examples positive = TRY(example_vectors(request.positive, "positive", field));
  Examples negative = TRY(example_vectors(request.negative, "negative", field));
  query.vector = positive.front();
  if (request.strategy == RecommendStrategy::kAverage) {
    std::vector<double> sum(field.dim, 0);
    add_mean(positive, negative.empty() ? 1 : 2, field, sum);
    add_mean(negative, -1, field, sum);
    query.vector = packed(sum, field);
    if (auto sound = check_query_vector(field, query.vector); !sound.ok())
      return invalid_argument("the average of the examples: {}; give others, or ask by best score",
                              sound.error().message);
  }
  TRY(validate_query(schema_, query));
  if (query.explain != Explain::kNone && request.strategy == RecommendStrategy::kBestScore)
    return invalid_argument("explain: there is no one plan of a recommendation by best score; leave it out");
  query.filter = without_examples(request);
  if (request.strategy == RecommendStrategy::kAverage) return search_checked(query, position);
  NearestRows nearest(*this, query, position, {std::move(positive), std::move(negative)});
  if (query.group_by.has_value()) return search_grouped(query, nearest);
  return query.diversity.has_value() ? search_diverse(query, nearest) : search_nearest(query, nearest);
}

}  // namespace kith

#include "server/cli/bench_truth.h"

#include <algorithm>
#include <cmath>

#include "server/cli/id_text.h"
#include "server/cli/interrupt.h"
#include "server/cli/progress.h"
#include "server/cli/wire.h"

namespace kith {
namespace {

// One Get of this many vectors stays far below limits::kAnswerBytes.
constexpr uint64_t kGetBytes = 8u << 20;

/// Distance as the index reckons it, from floats.
Result<float> score_between(const std::vector<float>& query, const std::vector<float>& stored, Metric metric,
                            ScalarType type) {
  if (type == ScalarType::kBit) {
    uint32_t bits = 0;
    for (size_t i = 0; i < query.size(); ++i) bits += (query[i] > 0) != (stored[i] > 0) ? 1 : 0;
    return static_cast<float>(bits);
  }
  const DistanceFn kernel = distance_kernel(metric, ScalarType::kF32);
  const void* row = stored.data();
  float distance = 0;
  kernel(query.data(), &row, 1, static_cast<uint32_t>(query.size()), &distance);
  return score_of(metric, distance);
}

/// Vectors of `field` of the points id_start + rows[i].
Result<std::vector<std::vector<float>>> stored_vectors(const BenchOptions& options,
                                                       const v1::VectorField& field,
                                                       const std::vector<uint64_t>& rows, Session& session) {
  std::vector<std::vector<float>> vectors;
  const uint64_t step = std::clamp<uint64_t>(kGetBytes / (uint64_t{field.dim()} * sizeof(float)), 1, 1000);
  for (size_t begin = 0; begin < rows.size(); begin += step) {
    v1::GetRequest request;
    request.set_collection(options.collection);
    request.mutable_fetch()->set_vectors(true);
    const size_t end = std::min<size_t>(rows.size(), begin + step);
    for (size_t i = begin; i < end; ++i) request.add_ids()->set_number(options.id_start + rows[i]);
    const v1::GetResponse response = TRY(session.api().get(request, session.stop()));
    for (int i = 0; i < response.entries_size(); ++i) {
      std::vector<float> values;
      for (const v1::Vector& vector : response.entries(i).point().vectors()) {
        if (vector.field() == field.name()) values = TRY(floats_of(vector, field));
      }
      if (values.size() != field.dim())
        return not_found(
            "--groundtruth '{}' names row {}, but collection '{}' has no point {} with that vector; was it "
            "loaded with another --id-start?",
            options.groundtruth, rows[begin + static_cast<size_t>(i)], options.collection,
            request.ids(i).number());
      vectors.push_back(std::move(values));
    }
  }
  return vectors;
}

Result<Truth> truth_of_file(const BenchOptions& options, const v1::FieldInfo& field, const Matrix& queries,
                            Session& session) {
  ReaderOptions reading;
  reading.hdf5_dataset = options.hdf5_groundtruth;
  const Neighbors neighbors = TRY(read_neighbors(options.groundtruth, reading));
  if (neighbors.rows < queries.rows)
    return invalid_argument("--groundtruth '{}' has {} rows for the {} queries of '{}'", options.groundtruth,
                            neighbors.rows, queries.rows, options.queries);
  if (neighbors.k < options.k)
    return invalid_argument("--groundtruth '{}' has {} neighbours a query, fewer than -k {}",
                            options.groundtruth, neighbors.k, options.k);
  Truth truth;
  truth.source = "ground truth file";
  truth.metric = TRY(metric_of(field.field()));
  std::vector<uint64_t> worst_rows;
  for (size_t i = 0; i < queries.rows; ++i) {
    uint32_t count = 0;
    while (count < options.k && neighbors[i][count] >= 0) ++count;
    if (count == 0)
      return invalid_argument("--groundtruth '{}': row {} names no neighbour", options.groundtruth, i);
    truth.expected.push_back(count);
    worst_rows.push_back(static_cast<uint64_t>(neighbors[i][count - 1]));
  }
  const auto vectors = TRY(stored_vectors(options, field.field(), worst_rows, session));
  const ScalarType type = TRY(type_of(field.field()));
  std::vector<float> query(queries.dim);
  for (size_t i = 0; i < queries.rows; ++i) {
    to_f32(queries[i].data, query.size(), queries.type, query.data());
    truth.worst_score.push_back(TRY(score_between(query, vectors[i], truth.metric, type)));
  }
  return truth;
}

Result<Truth> truth_by_search(const BenchOptions& options, const v1::FieldInfo& field, const Matrix& queries,
                              Session& session, Console& console) {
  Truth truth;
  truth.metric = TRY(metric_of(field.field()));
  const size_t count = std::min<size_t>(options.sample, queries.rows);
  truth.source = fmt::format("exact search of {} queries", count);
  Progress progress(console, "exact answers");
  ProgressState state;
  state.total = count;
  for (size_t i = 0; i < count; ++i) {
    if (interrupted()) return cancelled("stopped while finding the exact answers");
    v1::SearchRequest request = bench_request(options, field.field(), queries, i);
    request.set_exact(true);
    const v1::SearchResponse response = TRY(session.api().search(request, session.stop()));
    if (response.hits_size() == 0)
      return not_found("collection '{}' has no vectors to search", options.collection);
    truth.expected.push_back(static_cast<uint32_t>(response.hits_size()));
    truth.worst_score.push_back(response.hits(response.hits_size() - 1).score());
    state.done = i + 1;
    progress.update(state);
  }
  return truth;
}

}  // namespace

uint32_t Truth::found(size_t i, const v1::SearchResponse& response) const {
  const float bound = worst_score[i];
  const float slack = kTieTolerance * std::max(1.0f, std::abs(bound));
  uint32_t count = 0;
  for (const v1::Hit& hit : response.hits()) {
    const bool near = higher_is_nearer(metric) ? hit.score() >= bound - slack : hit.score() <= bound + slack;
    if (near) ++count;
  }
  return std::min(count, expected[i]);
}

Result<Truth> find_truth(const BenchOptions& options, const v1::FieldInfo& field, const Matrix& queries,
                         Session& session, Console& console) {
  if (!options.groundtruth.empty()) return truth_of_file(options, field, queries, session);
  return truth_by_search(options, field, queries, session, console);
}

v1::SearchRequest bench_request(const BenchOptions& options, const v1::VectorField& field,
                                const Matrix& queries, size_t i) {
  v1::SearchRequest request;
  request.set_collection(options.collection);
  request.set_k(options.k);
  v1::Vector& vector = *request.mutable_vector();
  vector.set_field(field.name());
  vector.mutable_values()->Resize(static_cast<int>(queries.dim), 0.0f);
  to_f32(queries[i].data, queries.dim, queries.type, vector.mutable_values()->mutable_data());
  return request;
}

}  // namespace kith

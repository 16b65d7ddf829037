#include "server/cli/query_vector.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "datasets/reader.h"
#include "server/cli/id_text.h"
#include "server/cli/wire.h"

namespace kith {
namespace {

Result<std::vector<float>> row_of_file(const SearchOptions& options) {
  ReaderOptions reading;
  reading.first_row = options.row;
  reading.rows_max = 1;
  reading.hdf5_dataset = options.hdf5_dataset;
  std::unique_ptr<VectorReader> reader = TRY(open_reader(options.vector_file, reading));
  const ReadBatch batch = TRY(reader->next(1));
  if (batch.count == 0)
    return invalid_argument("--row: '{}' has no row {}; rows count from 0", options.vector_file, options.row);
  std::vector<float> values(batch.dim);
  to_f32(batch.data.data(), values.size(), batch.type, values.data());
  return values;
}

Result<std::vector<float>> vector_of_point(const SearchOptions& options, const v1::VectorField& field,
                                           Session& session) {
  v1::GetRequest request;
  request.set_collection(options.collection);
  *request.add_ids() = TRY(parse_id(options.like));
  request.mutable_fetch()->set_vectors(true);
  request.set_after_sequence(options.after);
  const v1::GetResponse response = TRY(session.api().get(request, session.stop()));
  if (response.entries_size() != 1 || !response.entries(0).has_point())
    return not_found("--like: collection '{}' has no point {}", options.collection, options.like);
  for (const v1::Vector& vector : response.entries(0).point().vectors()) {
    if (vector.field() == field.name()) return floats_of(vector, field);
  }
  return not_found("--like: point {} has no vector in field '{}'", options.like, field.name());
}

}  // namespace

Result<std::vector<float>> parse_vector(std::string_view json) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_array())
    return invalid_argument("--vector: not a JSON array of numbers; write e.g. '[0.1, 0.2, 0.3]'");
  std::vector<float> values;
  values.reserve(parsed.size());
  for (const auto& element : parsed) {
    const double value =
        element.is_number() ? element.get<double>() : std::numeric_limits<double>::quiet_NaN();
    if (!(std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max())))
      return invalid_argument("--vector: element {} is not a number that a float holds", values.size());
    values.push_back(static_cast<float>(value));
  }
  return values;
}

Result<std::vector<float>> query_vector(const SearchOptions& options, const v1::VectorField& field,
                                        Session& session) {
  std::vector<float> values;
  std::string source;
  if (!options.vector.empty()) {
    values = TRY(parse_vector(options.vector));
    source = "--vector";
  } else if (!options.vector_file.empty()) {
    values = TRY(row_of_file(options));
    source = fmt::format("--vector-file '{}'", options.vector_file);
  } else {
    values = TRY(vector_of_point(options, field, session));
    source = "--like";
  }
  if (values.size() != field.dim())
    return invalid_argument("{}: {} dimensions, but field '{}' of collection '{}' has {}", source,
                            values.size(), field.name(), options.collection, field.dim());
  return values;
}

}  // namespace kith

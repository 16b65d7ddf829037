#include "query/collection/nearest_rows.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <unordered_map>

#include "query/collection/exact_scan.h"
#include "query/collection/find.h"
#include "query/collection/search_course.h"
#include "query/collection/search_parts.h"

namespace kith {
namespace {

constexpr size_t kVectorStep = 256;  // vectors read at once

}  // namespace

LocalCollection::NearestRows::NearestRows(const LocalCollection& collection, const Query& query,
                                          uint8_t position, Aim aim)
    : collection_(collection),
      query_(query),
      position_(position),
      aim_(std::move(aim)),
      read_(collection, query.filter.has_value() ? *query.filter : all_, query.stop) {}

Result<LocalCollection::Found> LocalCollection::NearestRows::next(size_t count, const Narrow& narrow) {
  count = std::min<size_t>(count, kNoRow - 1);
  ended_ = true;
  std::vector<Found> parts;
  for (const std::vector<std::byte>& vector : aim_.toward) {
    parts.push_back(TRY(toward(vector, count, narrow)));
    stats_.add(parts.back().stats);
  }
  Found found = parts.size() == 1 ? std::move(parts.front()) : TRY(merged(std::move(parts), count));
  TRY(keep_near(found));
  return found;
}

Result<LocalCollection::Found> LocalCollection::NearestRows::toward(const std::vector<std::byte>& vector,
                                                                    size_t count, const Narrow& narrow) {
  const FieldIndex& field = *collection_.fields_[position_];
  std::optional<Found> found;
  if (!collection_.scans(field, query_.exact)) {
    Result<Found> asked = by_index(vector, count, narrow);
    if (field.usable()) found = TRY(std::move(asked));
  }
  if (!found.has_value()) found = TRY(by_scan(vector, count, narrow));
  ended_ = ended_ && found->neighbors.size() < count;
  TRY(read_.keep_matching(*found->view, found->neighbors));
  return std::move(*found);
}

/// Null: all rows are.
Result<const RowSet*> LocalCollection::NearestRows::allowed(const Narrow& narrow, bool locked) {
  if (!query_.filter.has_value() && narrow == nullptr) return static_cast<const RowSet*>(nullptr);
  TRY(read_.select(locked));
  if (narrow == nullptr) return &read_.rows();
  rows_ = read_.rows();
  narrow(rows_);
  return static_cast<const RowSet*>(&rows_);
}

Result<LocalCollection::Found> LocalCollection::NearestRows::by_index(const std::vector<std::byte>& vector,
                                                                      size_t count, const Narrow& narrow) {
  const FieldIndex& index = *collection_.fields_[position_];
  const auto ask = [&](size_t wanted_rows, bool locked) -> Result<SearchAnswer> {
    SearchRequest request = request_of(query_, field(), wanted_rows);
    request.query.data = vector.data();
    request.allowed = TRY(allowed(narrow, locked));
    if (request.allowed != nullptr && request.allowed->empty()) return SearchAnswer();
    const std::shared_ptr<Index> asked = index.index();
    SearchCourse course = collection_.course_of(query_, position_);
    course.decide(returnable(*asked, request.allowed), wanted_rows);
    course.direct(request);
    if (query_.effort != 0) request.effort = std::max(query_.effort, request.k);  // more are asked for than k
    return asked->search(request);
  };
  return collection_.find({0, count}, /*fetches=*/true, ask);
}

Result<LocalCollection::Found> LocalCollection::NearestRows::by_scan(const std::vector<std::byte>& vector,
                                                                     size_t count, const Narrow& narrow) {
  Found found;
  Row rows_end = 0;
  RowSet expired;
  const RowSet* rows = nullptr;
  {
    std::shared_lock lock(collection_.state_mutex_);
    found.view = collection_.view_locked();
    rows_end = collection_.next_row_;
    expired = collection_.expired_locked();
    rows = TRY(allowed(narrow, /*locked=*/true));
  }
  if (rows != nullptr && rows->empty()) return found;
  const VectorBlock block{vector.data(), query_type(field().type), field().dim, 1};
  auto answers = TRY(exact_scan({*found.view, collection_.number_, position_, field(), rows_end, expired,
                                 rows, block, count, std::numeric_limits<float>::infinity(), query_.stop},
                                collection_.engine_->pool));
  found.neighbors = std::move(answers.front().neighbors);
  found.stats = answers.front().stats;
  return found;
}

/// Each row at the nearest of its distances, as far as they are live at one moment.
Result<LocalCollection::Found> LocalCollection::NearestRows::merged(std::vector<Found> parts,
                                                                    size_t count) const {
  std::unordered_map<Row, float> nearest;
  for (const Found& part : parts) {
    for (const Neighbor& neighbor : part.neighbors) {
      const auto [at, added] = nearest.emplace(neighbor.row, neighbor.distance);
      if (!added) at->second = std::min(at->second, neighbor.distance);
    }
  }
  Found found;
  for (const auto& [row, distance] : nearest) found.neighbors.push_back({distance, row});
  std::sort(found.neighbors.begin(), found.neighbors.end());
  const uint64_t now_ms = collection_.engine_->now_ms();
  std::shared_lock lock(collection_.state_mutex_);
  collection_.keep_live(found.neighbors, collection_.next_row_, now_ms);
  if (found.neighbors.size() > count) found.neighbors.resize(count);
  found.view = collection_.view_locked();
  return found;
}

/// Drops rows that are nearer to what the answer is to be away from.
Result<void> LocalCollection::NearestRows::keep_near(Found& found) {
  if (aim_.away.empty()) return {};
  const DistanceFn kernel = distance_kernel(field().metric, field().type);
  const size_t width = vector_bytes(field().type, field().dim);
  std::vector<Neighbor> kept;
  for (size_t begin = 0; begin < found.neighbors.size(); begin += kVectorStep) {
    TRY(query_.stop.check());
    const size_t size = std::min(kVectorStep, found.neighbors.size() - begin);
    std::vector<Row> rows;
    for (size_t i = 0; i < size; ++i) rows.push_back(found.neighbors[begin + i].row);
    const std::vector<std::byte> vectors = TRY(collection_.packed_vectors(*found.view, position_, rows));
    std::vector<const void*> at;
    for (size_t i = 0; i < size; ++i) at.push_back(vectors.data() + i * width);
    std::vector<float> least(size, std::numeric_limits<float>::infinity()), distances(size);
    for (const std::vector<std::byte>& vector : aim_.away) {
      kernel(vector.data(), at.data(), size, field().dim, distances.data());
      for (size_t i = 0; i < size; ++i) least[i] = std::min(least[i], distances[i]);
    }
    stats_.full_distances += size * aim_.away.size();
    for (size_t i = 0; i < size; ++i)
      if (!(least[i] < found.neighbors[begin + i].distance)) kept.push_back(found.neighbors[begin + i]);
  }
  found.neighbors = std::move(kept);
  return {};
}

Result<std::vector<std::byte>> LocalCollection::packed_vectors(const KvSnapshot& view, uint8_t position,
                                                               std::span<const Row> rows) const {
  const VectorField& field = schema_.vectors[position];
  const size_t width = vector_bytes(field.type, field.dim);
  std::vector<std::string> keys;
  keys.reserve(rows.size());
  for (const Row row : rows) keys.push_back(vector_key(number_, position, row));
  std::vector<std::byte> vectors(rows.size() * width);
  size_t whole = 0;
  TRY(view.multi_get(KvTable::kVectors, keys, [&](size_t i, std::string_view value) {
    if (value.size() != width) return;
    ++whole;
    std::memcpy(vectors.data() + i * width, value.data(), width);
  }));
  if (whole == rows.size()) return vectors;
  return corruption(
      "collection '{}': {} of {} vectors of field '{}' are missing or of the wrong size; run verify", name_,
      rows.size() - whole, rows.size(), field.name);
}

}  // namespace kith

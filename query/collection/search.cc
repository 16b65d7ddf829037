// Searches, see local_collection.h. Two ways to an answer: the index, whose rows are then held against the id
// map, or an exact scan of one snapshot, in which exactly the live rows are.
#include <algorithm>
#include <cmath>
#include <limits>

#include "query/collection/exact_scan.h"
#include "query/collection/local_collection.h"
#include "query/schema/id_codec.h"
#include "query/schema/limits.h"
#include "query/schema/validate.h"

namespace kith {
namespace {

constexpr int kOptimisticTries = 3;
/// Points read between two looks at the budget: what an answer may be over it.
constexpr size_t kFetchStep = 64;

Error over_budget(const AnswerBudget& budget) {
  return resource_exhausted(
      "the answer is over {} bytes (limit 'answer_bytes'); ask for fewer points, or without payloads and "
      "vectors",
      budget.bytes());
}

SearchRequest request_of(const Query& query, const VectorField& field, size_t k) {
  SearchRequest request;
  request.query = {query.vector.data(), query_type(field.type), field.dim};
  request.k = static_cast<uint32_t>(k);
  request.effort = query.effort;
  request.stop = query.stop;
  return request;
}

/// A little more than the radius, for what the way from score to distance and back rounds off; the answer is
/// then cut by score.
float loosened(float distance) {
  return distance + std::abs(distance) * 1e-5f;
}

bool near_enough(Metric metric, float score, float threshold) {
  return higher_is_nearer(metric) ? score >= threshold : score <= threshold;
}

size_t wanted(const Query& query) {
  return size_t{query.offset} + query.k;
}

/// Skips `offset`, keeps `count`.
void cut(std::vector<Neighbor>& neighbors, size_t offset, size_t count) {
  neighbors.erase(neighbors.begin(),
                  neighbors.begin() + static_cast<ptrdiff_t>(std::min(offset, neighbors.size())));
  if (neighbors.size() > count) neighbors.resize(count);
}

std::vector<std::byte> packed(std::span<const Query> queries) {
  std::vector<std::byte> block;
  for (const Query& query : queries) block.insert(block.end(), query.vector.begin(), query.vector.end());
  return block;
}

}  // namespace

Result<Answer> LocalCollection::search(const Query& query) const {
  return while_alive([&]() -> Result<Answer> {
    const uint8_t position = TRY(validate_query(schema_, query));
    const FieldIndex& field = *fields_[position];
    if (!scans(field, query.exact)) {
      Result<Found> found = search_index(query, field);
      if (field.usable())
        return answer(TRY(std::move(found)), field.field(), query.fetch, query.score_threshold);
    }
    return std::move(TRY(search_batch_scan({&query, 1}, position)).front());
  });
}

Result<std::vector<Answer>> LocalCollection::search_batch(std::span<const Query> queries) const {
  return while_alive([&] { return search_batch_alive(queries); });
}

Result<std::vector<Answer>> LocalCollection::search_batch_alive(std::span<const Query> queries) const {
  TRY(limits::kBatchQueries.check("queries", queries.size()));
  bool all_scan = true;
  bool same = true;  // what one call to the kind must have in common
  bool same_stop = true;
  uint8_t position = 0;
  for (size_t i = 0; i < queries.size(); ++i) {
    auto field = validate_query(schema_, queries[i]);
    if (!field.ok()) return invalid_argument("queries[{}]: {}", i, field.error().message);
    if (i == 0) position = *field;
    if (*field != position)
      return invalid_argument("queries[{}]: asks field '{}', the first asks '{}'; one batch has one field", i,
                              schema_.vectors[*field].name, schema_.vectors[position].name);
    all_scan = all_scan && scans(*fields_[position], queries[i].exact);
    same_stop = same_stop && queries[i].stop == queries[0].stop;
    same = same && !scans(*fields_[position], queries[i].exact) && queries[i].effort == queries[0].effort;
  }
  if (!same_stop) return search_each(queries);
  const FieldIndex& field = *fields_[position];
  if (all_scan) return search_batch_scan(queries, position);
  if (!same || field.kind().search_batch == nullptr) return search_each(queries);
  Result<std::vector<Found>> searched = search_batch_index(queries, field);
  if (!field.usable()) return search_batch_scan(queries, position);
  std::vector<Found> found = TRY(std::move(searched));
  std::vector<Answer> answers;
  for (size_t i = 0; i < queries.size(); ++i)
    answers.push_back(
        TRY(answer(std::move(found[i]), field.field(), queries[i].fetch, queries[i].score_threshold)));
  return answers;
}

Result<Answer> LocalCollection::range_search(const RangeQuery& query) const {
  return while_alive([&] { return range_search_alive(query); });
}

Result<Answer> LocalCollection::range_search_alive(const RangeQuery& query) const {
  const uint8_t position = TRY(validate_range_query(schema_, query));
  const FieldIndex& field = *fields_[position];
  if (!scans(field, query.exact) && field.kind().range_search != nullptr) {
    Result<Found> found = range_search_index(query, field);
    if (field.usable()) return answer(TRY(std::move(found)), field.field(), query.fetch, query.radius);
  }
  const VectorBlock block{query.vector.data(), query_type(field.field().type), field.field().dim, 1};
  const float radius = loosened(distance_of(field.field().metric, query.radius));
  Found found;
  auto answers = TRY(scan(position, block, query.limit, radius, query.stop, found.view));
  found.neighbors = std::move(answers.front().neighbors);
  found.stats = answers.front().stats;
  return answer(std::move(found), field.field(), query.fetch, query.radius);
}

bool LocalCollection::scans(const FieldIndex& field, bool exact) const {
  return !field.usable() || (exact && !field.kind().exact);
}

Result<LocalCollection::Found> LocalCollection::search_index(const Query& query,
                                                             const FieldIndex& field) const {
  return find({query.offset, query.k}, query.fetch.payload || query.fetch.vectors,
              [&](size_t count) { return field.index()->search(request_of(query, field.field(), count)); });
}

Result<LocalCollection::Found> LocalCollection::range_search_index(const RangeQuery& query,
                                                                   const FieldIndex& field) const {
  RangeRequest request;
  request.query = {query.vector.data(), query_type(field.field().type), field.field().dim};
  request.radius = loosened(distance_of(field.field().metric, query.radius));
  request.effort = query.effort;
  request.stop = query.stop;
  return find({0, query.limit}, query.fetch.payload || query.fetch.vectors, [&](size_t count) {
    request.rows_max = static_cast<uint32_t>(count);
    return field.kind().range_search(*field.index(), request);
  });
}

/// Asks an index (ask(count) → the nearest `count` rows) until the answer holds good for one moment. Callers
/// test afterwards that the index was usable all the time.
///
/// Rows that the id map does not know are dropped, and more are asked for when that leaves too few; so are
/// rows that were not there when the index was asked, of whose group it may have seen a part only. If rows
/// were removed while the index searched, it may have met a replaced point under neither of its rows (the old
/// one gone already, the new one not there yet when it looked), so it is asked again; after a few tries with
/// writers held off.
template <typename Ask>
Result<LocalCollection::Found> LocalCollection::find(Window window, bool fetches, Ask ask) const {
  Found found;
  const uint64_t now_ms = engine_->now_ms();
  size_t count = window.wanted();
  for (int attempt = 0;; ++attempt) {
    std::shared_lock lock(state_mutex_, std::defer_lock);
    if (attempt >= kOptimisticTries) lock.lock();
    const uint64_t removals = removals_.load(std::memory_order_acquire);
    const Row rows_end = next_row_.load(std::memory_order_acquire);
    SearchAnswer answer = TRY(ask(count));
    found.stats.add(answer.stats);
    if (!lock.owns_lock()) lock.lock();
    const size_t got = answer.neighbors.size();
    keep_live(answer.neighbors, rows_end, now_ms);
    const size_t live = answer.neighbors.size(), dropped = got - live;
    const bool enough = dropped == 0 || live >= window.wanted() || got < count;
    if (enough && removals == removals_.load(std::memory_order_relaxed)) {
      take(std::move(answer.neighbors), window, fetches, found);
      return found;
    }
    if (!enough) count = std::min<size_t>(window.wanted() + 2 * dropped, kNoRow - 1);
  }
}

/// Under state_mutex_.
void LocalCollection::keep_live(std::vector<Neighbor>& neighbors, Row rows_end, uint64_t now_ms) const {
  std::erase_if(neighbors, [&](const Neighbor& n) {
    return n.row >= rows_end || !ids_.live(n.row) || expiries_.expired(n.row, now_ms);
  });
}

/// Under state_mutex_, of live rows.
void LocalCollection::take(std::vector<Neighbor> live, Window window, bool fetches, Found& found) const {
  found.neighbors = std::move(live);
  cut(found.neighbors, window.offset, window.count);
  if (fetches) {
    found.view = view_locked();
    return;
  }
  for (const Neighbor& neighbor : found.neighbors) found.id_keys.push_back(ids_.id_key(neighbor.row));
}

/// Sets `view` to the snapshot that was scanned.
Result<std::vector<SearchAnswer>> LocalCollection::scan(uint8_t field, VectorBlock queries, size_t k,
                                                        float distance_max, const Stop& stop,
                                                        View& view) const {
  Row rows_end = 0;
  RowSet expired;
  {
    std::shared_lock lock(state_mutex_);
    view = view_locked();
    rows_end = next_row_;
    expired = expired_locked();
  }
  return exact_scan(
      {*view, number_, field, schema_.vectors[field], rows_end, expired, queries, k, distance_max, stop},
      engine_->pool);
}

Result<std::vector<Answer>> LocalCollection::search_batch_scan(std::span<const Query> queries,
                                                               uint8_t position) const {
  const VectorField& field = schema_.vectors[position];
  const std::vector<std::byte> block = packed(queries);
  size_t k = 0;
  for (const Query& query : queries) k = std::max(k, wanted(query));
  View view;
  const float no_bound = std::numeric_limits<float>::infinity();
  auto found = TRY(scan(position, {block.data(), query_type(field.type), field.dim, queries.size()}, k,
                        no_bound, queries.front().stop, view));
  std::vector<Answer> answers;
  for (size_t i = 0; i < queries.size(); ++i) {
    cut(found[i].neighbors, queries[i].offset, queries[i].k);
    answers.push_back(TRY(answer({std::move(found[i].neighbors), {}, view, found[i].stats}, field,
                                 queries[i].fetch, queries[i].score_threshold)));
  }
  return answers;
}

Result<std::vector<LocalCollection::Found>> LocalCollection::search_batch_index(
    std::span<const Query> queries, const FieldIndex& field) const {
  const std::vector<std::byte> block = packed(queries);
  size_t k = 0;
  for (const Query& query : queries) k = std::max(k, wanted(query));
  const VectorBlock vectors{block.data(), query_type(field.field().type), field.field().dim, queries.size()};
  std::vector<Found> found(queries.size());
  std::vector<bool> sound(queries.size());
  const uint64_t now_ms = engine_->now_ms();
  for (int attempt = 0;; ++attempt) {  // as in find()
    std::shared_lock lock(state_mutex_, std::defer_lock);
    if (attempt >= kOptimisticTries) lock.lock();
    const uint64_t removals = removals_.load(std::memory_order_acquire);
    const Row rows_end = next_row_.load(std::memory_order_acquire);
    auto raw =
        TRY(field.kind().search_batch(*field.index(), vectors, request_of(queries[0], field.field(), k)));
    if (!lock.owns_lock()) lock.lock();
    if (removals != removals_.load(std::memory_order_relaxed)) continue;
    for (size_t i = 0; i < queries.size(); ++i) {
      const Fetch fetch = queries[i].fetch;
      const Window window{queries[i].offset, queries[i].k};
      const size_t got = raw[i].neighbors.size();
      keep_live(raw[i].neighbors, rows_end, now_ms);
      sound[i] = raw[i].neighbors.size() == got || raw[i].neighbors.size() >= window.wanted() || got < k;
      take(std::move(raw[i].neighbors), window, fetch.payload || fetch.vectors, found[i]);
      found[i].stats = raw[i].stats;
    }
    break;
  }
  for (size_t i = 0; i < queries.size(); ++i)
    if (!sound[i]) found[i] = TRY(search_index(queries[i], field));  // too few were live: ask for more
  return found;
}

Result<std::vector<Answer>> LocalCollection::search_each(std::span<const Query> queries) const {
  std::vector<Result<Answer>> outcomes(queries.size(), Answer{});
  engine_->pool.parallel_for(queries.size(), 1, [&](size_t i) { outcomes[i] = search(queries[i]); });
  std::vector<Answer> answers;
  answers.reserve(queries.size());
  for (Result<Answer>& outcome : outcomes) answers.push_back(TRY(std::move(outcome)));
  return answers;
}

Result<Answer> LocalCollection::answer(Found found, const VectorField& field, Fetch fetch,
                                       std::optional<float> threshold) const {
  Answer out;
  out.stats = found.stats;
  std::vector<Row> rows;
  for (const Neighbor& neighbor : found.neighbors) {
    const float score = score_of(field.metric, neighbor.distance);
    if (threshold.has_value() && !near_enough(field.metric, score, *threshold))
      break;  // all others are farther
    rows.push_back(neighbor.row);
    out.hits.emplace_back().score = score;
  }
  if (found.view == nullptr) {
    for (size_t i = 0; i < rows.size(); ++i) out.hits[i].id = TRY(id_of_key(found.id_keys[i]));
    return out;
  }
  const size_t step = fetch.budget == nullptr ? rows.size() : kFetchStep;
  for (size_t begin = 0; begin < rows.size(); begin += step) {
    const size_t count = std::min(step, rows.size() - begin);
    std::vector<Point> points = TRY(read_points(*found.view, std::span(rows).subspan(begin, count), fetch));
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; ++i) {
      Hit& hit = out.hits[begin + i];
      hit.id = std::move(points[i].id);
      hit.payload = std::move(points[i].payload);
      hit.vectors = std::move(points[i].vectors);
      hit.expires_at_ms = points[i].expires_at_ms;
      bytes += hit.payload.size();
      for (const FieldVector& vector : hit.vectors) bytes += vector.data.size();
    }
    if (fetch.budget != nullptr && !fetch.budget->take(bytes)) return over_budget(*fetch.budget);
  }
  return out;
}

}  // namespace kith

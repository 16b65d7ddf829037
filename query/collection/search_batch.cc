// Batches of searches, see local_collection.h. Queries that say the same but for the vector are answered
// together: the rows that satisfy a filter are found once for all queries with that filter, in whatever way
// each of them is written, there is one plan for them, and the index or the scan is asked once for all their
// vectors.
#include <limits>
#include <map>

#include "query/collection/filtered_read.h"
#include "query/collection/local_collection.h"
#include "query/collection/search_course.h"
#include "query/collection/search_parts.h"
#include "query/filter/canonical.h"
#include "query/recall/recall_ledger.h"
#include "query/schema/limits.h"
#include "query/schema/validate.h"

namespace kith {
namespace {

std::vector<std::byte> packed(std::span<const Query* const> queries) {
  std::vector<std::byte> block;
  for (const Query* query : queries) block.insert(block.end(), query->vector.begin(), query->vector.end());
  return block;
}

size_t most_wanted(std::span<const Query* const> queries) {
  size_t most = 0;
  for (const Query* query : queries) most = std::max(most, wanted(*query));
  return most;
}

/// Queries of a batch that one call answers, and where in the batch they stand.
struct BatchPart {
  std::vector<const Query*> queries;
  std::vector<size_t> places;
};

/// Sorts a batch into its parts: queries with one filter, by its meaning, one effort and one way of search.
class BatchParts {
 public:
  /// `scans`: the query is answered by exact scan; `target`: of recall.
  void add(const Query& query, size_t place, bool scans, double target) {
    if (!query.filter.has_value())
      filter_key_.clear();
    else if (last_ == nullptr || last_->filter != query.filter)  // as a rule all have the same
      filter_key_ = key(*query.filter);
    last_ = &query;
    // Groups, diverse choices and explanations are a matter of each query.
    const bool apart =
        query.group_by.has_value() || query.diversity.has_value() || query.explain != Explain::kNone;
    BatchPart& part = part_for(
        fmt::format("{} {} {} {} {}", apart ? place + 1 : 0, scans, query.effort, target, filter_key_),
        query.stop);
    part.queries.push_back(&query);
    part.places.push_back(place);
  }
  const std::vector<BatchPart>& parts() const { return parts_; }

 private:
  BatchPart& part_for(std::string what, const Stop& stop) {
    std::vector<size_t>& alike = by_key_[std::move(what)];
    for (const size_t i : alike)
      if (parts_[i].queries.front()->stop == stop) return parts_[i];
    alike.push_back(parts_.size());
    return parts_.emplace_back();
  }

  std::vector<BatchPart> parts_;
  std::map<std::string, std::vector<size_t>> by_key_;
  const Query* last_ = nullptr;
  std::string filter_key_;  // of last_
};

}  // namespace

Result<std::vector<Answer>> LocalCollection::search_batch(std::span<const Query> queries) const {
  return while_alive([&] { return search_batch_alive(queries); });
}

Result<std::vector<Answer>> LocalCollection::search_batch_alive(std::span<const Query> queries) const {
  TRY(limits::kBatchQueries.check("queries", queries.size()));
  uint8_t position = 0;
  for (size_t i = 0; i < queries.size(); ++i) {
    auto field = validate_query(schema_, queries[i]);
    if (!field.ok()) return invalid_argument("queries[{}]: {}", i, field.error().message);
    if (i == 0) position = *field;
    if (*field != position)
      return invalid_argument("queries[{}]: asks field '{}', the first asks '{}'; one batch has one field", i,
                              schema_.vectors[*field].name, schema_.vectors[position].name);
  }
  BatchParts sorted;
  for (size_t i = 0; i < queries.size(); ++i)
    sorted.add(queries[i], i, scans(*fields_[position], queries[i].exact), target_of(queries[i]));
  const std::vector<BatchPart>& parts = sorted.parts();
  if (parts.size() == 1) return search_batch_part(parts.front().queries, position);
  std::vector<Result<std::vector<Answer>>> outcomes(parts.size(), std::vector<Answer>());
  engine_->pool.parallel_for(parts.size(), 1,
                             [&](size_t i) { outcomes[i] = search_batch_part(parts[i].queries, position); });
  std::vector<Answer> answers(queries.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    std::vector<Answer> of_part = TRY(std::move(outcomes[i]));
    for (size_t j = 0; j < of_part.size(); ++j) answers[parts[i].places[j]] = std::move(of_part[j]);
  }
  return answers;
}

/// Of one part: they have all in common but vector, k, offset, threshold and what is fetched.
Result<std::vector<Answer>> LocalCollection::search_batch_part(Queries queries, uint8_t position) const {
  const FieldIndex& field = *fields_[position];
  std::vector<Answer> answers;
  if (queries.size() > 1 && scans(field, queries.front()->exact)) return search_batch_scan(queries, position);
  if (queries.size() == 1 || field.kind().search_batch == nullptr) {
    for (const Query* query : queries) answers.push_back(TRY(search_checked(*query, position)));
    return answers;
  }
  for (const Query* query : queries) offer(*query, position);
  SearchCourse course = course_of(*queries.front(), position);
  Result<std::vector<Found>> searched = search_batch_index(queries, field, course);
  if (!field.usable()) return search_batch_scan(queries, position);
  std::vector<Found> found = TRY(std::move(searched));
  for (size_t i = 0; i < queries.size(); ++i)
    answers.push_back(TRY(answer(std::move(found[i]), *queries[i], field.field(), course)));
  return answers;
}

Result<std::vector<Answer>> LocalCollection::search_batch_scan(Queries queries, uint8_t position) const {
  const VectorField& field = schema_.vectors[position];
  const std::vector<std::byte> block = packed(queries);
  View view;
  const float no_bound = std::numeric_limits<float>::infinity();
  const Query& first = *queries.front();
  const VectorBlock vectors{block.data(), query_type(field.type), field.dim, queries.size()};
  const Filter* filter = first.filter.has_value() ? &*first.filter : nullptr;
  auto found = TRY(scan(position, {vectors, most_wanted(queries), no_bound, filter, first.stop}, view));
  uint64_t points = 0;
  {
    std::shared_lock lock(state_mutex_);
    points = ids_.size();
  }
  std::vector<Answer> answers;
  for (size_t i = 0; i < queries.size(); ++i) {
    std::optional<uint64_t> matches;
    if (filter != nullptr) matches = found[i].stats.full_distances;
    SearchCourse course(*queries[i], 1, {.calibration = nullptr, .scans = true});
    course.decide({points, matches}, most_wanted(queries));
    cut(found[i].neighbors, queries[i]->offset, queries[i]->k);
    Found mine{std::move(found[i].neighbors), {}, view, found[i].stats};
    answers.push_back(TRY(answer(std::move(mine), *queries[i], field, course)));
  }
  return answers;
}

Result<std::vector<LocalCollection::Found>> LocalCollection::search_batch_index(Queries queries,
                                                                                const FieldIndex& field,
                                                                                SearchCourse& course) const {
  const std::vector<std::byte> block = packed(queries);
  const size_t k = most_wanted(queries);
  const VectorBlock vectors{block.data(), query_type(field.field().type), field.field().dim, queries.size()};
  std::vector<Found> found(queries.size());
  std::vector<bool> sound(queries.size());
  const Query& first = *queries.front();
  std::optional<FilteredRead> read;
  if (first.filter.has_value()) read.emplace(*this, *first.filter, first.stop);
  const uint64_t now_ms = engine_->now_ms();
  for (int attempt = 0;; ++attempt) {  // as in find()
    std::shared_lock lock(state_mutex_, std::defer_lock);
    if (attempt >= kOptimisticTries) lock.lock();
    const uint64_t removals = removals_.load(std::memory_order_acquire);
    const Row rows_end = next_row_.load(std::memory_order_acquire);
    SearchRequest request = request_of(first, field.field(), k);
    if (read.has_value()) {
      TRY(read->select(lock.owns_lock()));
      if (!read->decided()) TRY(read->decide(*view_now(lock.owns_lock())));
      request.allowed = &read->rows();
    }
    const std::shared_ptr<Index> index = field.index();
    course.decide(returnable(*index, request.allowed), k);
    course.direct(request);
    auto raw = TRY(field.kind().search_batch(*index, vectors, request));
    for (const SearchAnswer& answer : raw) course.note(answer);
    if (!lock.owns_lock()) lock.lock();
    if (removals != removals_.load(std::memory_order_relaxed)) continue;
    for (size_t i = 0; i < queries.size(); ++i) {
      const Fetch fetch = queries[i]->fetch;
      const Window window{queries[i]->offset, queries[i]->k};
      const size_t got = raw[i].neighbors.size();
      keep_live(raw[i].neighbors, rows_end, now_ms);
      sound[i] = raw[i].neighbors.size() == got || raw[i].neighbors.size() >= window.wanted() || got < k;
      take(std::move(raw[i].neighbors), window, fetch.payload || fetch.vectors, found[i]);
      found[i].stats = raw[i].stats;
    }
    break;
  }
  for (size_t i = 0; i < queries.size(); ++i)
    if (!sound[i])
      found[i] = TRY(search_index(*queries[i], field, course));  // too few were live: ask for more
  return found;
}

}  // namespace kith

// Searches, see local_collection.h. Two ways to an answer: the index, whose rows are then held against the id
// map, or an exact scan of one snapshot, in which exactly the live rows are.
#include <algorithm>
#include <cmath>
#include <limits>

#include "query/collection/exact_scan.h"
#include "query/collection/filtered_read.h"
#include "query/collection/find.h"
#include "query/collection/local_collection.h"
#include "query/collection/nearest_rows.h"
#include "query/collection/search_course.h"
#include "query/collection/search_parts.h"
#include "query/recall/recall_ledger.h"
#include "query/schema/id_codec.h"
#include "query/schema/validate.h"

namespace kith {
namespace {

/// Points read between two looks at the budget: what an answer may be over it.
constexpr size_t kFetchStep = 64;
/// Payloads that are read before a search rather than those of its hits alone.
constexpr uint64_t kDecideRows = 1'000;

Error over_budget(const AnswerBudget& budget) {
  return resource_exhausted(
      "the answer is over {} bytes (limit 'answer_bytes'); ask for fewer points, or without payloads and "
      "vectors",
      budget.bytes());
}

/// A little more than the radius, for what the way from score to distance and back rounds off; the answer is
/// then cut by score.
float loosened(float distance) {
  return distance + std::abs(distance) * 1e-5f;
}

}  // namespace

Result<Answer> LocalCollection::search(const Query& query) const {
  return while_alive([&]() -> Result<Answer> {
    const uint8_t position = TRY(validate_query(schema_, query));
    return search_checked(query, position);
  });
}

/// The query is valid, but for the depth of its filter.
Result<Answer> LocalCollection::search_checked(const Query& query, uint8_t position) const {
  const FieldIndex& field = *fields_[position];
  if (query.group_by.has_value() || query.diversity.has_value()) {
    NearestRows nearest(*this, query, position, {{query.vector}, {}});
    return query.group_by.has_value() ? search_grouped(query, nearest) : search_diverse(query, nearest);
  }
  SearchCourse course = course_of(query, position);
  if (query.explain == Explain::kPlan) return planned(query, field, course);
  offer(query, position);
  if (!scans(field, query.exact)) {
    Result<Found> found = search_index(query, field, course);
    if (field.usable()) return answer(TRY(std::move(found)), query, field.field(), course);
  }
  const Query* one = &query;
  return std::move(TRY(search_batch_scan({&one, 1}, position)).front());
}

double LocalCollection::target_of(const Query& query) const {
  return query.recall_target.value_or(recall_target_.load(std::memory_order_relaxed));
}

SearchCourse LocalCollection::course_of(const Query& query, uint8_t position) const {
  const FieldIndex& field = *fields_[position];
  PlanBasis basis;
  basis.scans = scans(field, query.exact) || field.kind().exact;
  if (!basis.scans) basis.calibration = ledgers_[position]->calibration();
  const bool planned = basis.calibration != nullptr && query.effort == 0;  // else by the index's own rules
  if (!basis.scans && (!planned || basis.calibration->table.has(FilterPlan::kLabels)))
    basis.labels = asked_labels(query, field);
  if (basis.calibration != nullptr) basis.correlations = &ledgers_[position]->correlations();
  return SearchCourse(query, target_of(query), std::move(basis));
}

/// To the sample of queries that recall is measured with.
void LocalCollection::offer(const Query& query, uint8_t position) const {
  if (query.exact || fields_[position]->kind().exact) return;
  ledgers_[position]->recent().offer(query, target_of(query));
}

/// What a search would do.
Result<Answer> LocalCollection::planned(const Query& query, const FieldIndex& field,
                                        SearchCourse& course) const {
  std::optional<FilteredRead> read;
  if (query.filter.has_value()) {
    const PhaseTimer timer(course.time(&PhaseTimes::filter_ns));
    read.emplace(*this, *query.filter, query.stop);
    TRY(read->select(/*locked=*/false));
  }
  course.decide(returnable(*field.index(), read.has_value() ? &read->rows() : nullptr), wanted(query));
  Answer out;
  out.taken = course.taken();
  out.explanation = course.explanation();
  return out;
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
  const Filter* filter = query.filter.has_value() ? &*query.filter : nullptr;
  auto answers = TRY(scan(position, {block, query.limit, radius, filter, query.stop}, found.view));
  found.neighbors = std::move(answers.front().neighbors);
  found.stats = answers.front().stats;
  return answer(std::move(found), field.field(), query.fetch, query.radius);
}

bool LocalCollection::scans(const FieldIndex& field, bool exact) const {
  return !field.usable() || (exact && !field.kind().exact);
}

Result<LocalCollection::Found> LocalCollection::search_index(const Query& query, const FieldIndex& field,
                                                             SearchCourse& course) const {
  const Window window{query.offset, query.k};
  const bool fetches = query.fetch.payload || query.fetch.vectors;
  const auto search = [&](size_t count, const RowSet* allowed) {
    const std::shared_ptr<Index> index = field.index();
    course.decide(returnable(*index, allowed), window.wanted());
    SearchRequest request = request_of(query, field.field(), count);
    request.allowed = allowed;
    course.direct(request);
    const PhaseTimer timer(course.time(&PhaseTimes::search_ns));
    Result<SearchAnswer> answer = index->search(request);
    if (answer.ok()) course.note(*answer);
    return answer;
  };
  if (query.filter.has_value())
    return find_filtered(window, fetches, *query.filter, query.stop, search,
                         course.time(&PhaseTimes::filter_ns));
  return find(window, fetches, [&](size_t count, bool) { return search(count, nullptr); });
}

Result<LocalCollection::Found> LocalCollection::range_search_index(const RangeQuery& query,
                                                                   const FieldIndex& field) const {
  RangeRequest request;
  request.query = {query.vector.data(), query_type(field.field().type), field.field().dim};
  request.radius = loosened(distance_of(field.field().metric, query.radius));
  request.effort = query.effort;
  request.stop = query.stop;
  const bool fetches = query.fetch.payload || query.fetch.vectors;
  const auto search = [&](size_t count, const RowSet* allowed) {
    request.rows_max = static_cast<uint32_t>(count);
    request.allowed = allowed;
    return field.kind().range_search(*field.index(), request);
  };
  if (query.filter.has_value())
    return find_filtered({0, query.limit}, fetches, *query.filter, query.stop, search, nullptr);
  return find({0, query.limit}, fetches, [&](size_t count, bool) { return search(count, nullptr); });
}

/// find() among the rows that satisfy a filter (search(count, rows) → the nearest `count` of these rows).
/// Where columns leave much unsure, the payloads of the hits are read, and, when too few of these satisfy the
/// filter, of all rows that are unsure.
template <typename Search>
Result<LocalCollection::Found> LocalCollection::find_filtered(Window window, bool fetches,
                                                              const Filter& filter, const Stop& stop,
                                                              Search search, uint64_t* filter_ns) const {
  FilteredRead read(*this, filter, stop);
  return find(window, fetches, [&](size_t count, bool locked) -> Result<SearchAnswer> {
    View view;
    {
      const PhaseTimer timer(filter_ns);
      TRY(read.select(locked));
      if (!read.decided()) view = view_now(locked);
      if (!read.decided() && read.unsure() <= kDecideRows) TRY(read.decide(*view));
    }
    SearchStats stats;
    while (true) {
      if (read.rows().empty()) return SearchAnswer{{}, stats};
      SearchAnswer answer = TRY(search(count, &read.rows()));
      stats.add(answer.stats);
      answer.stats = stats;
      const size_t got = answer.neighbors.size();
      if (read.decided()) return answer;
      TRY(read.keep_matching(*view, answer.neighbors));
      if (answer.neighbors.size() == got || got < count) return answer;
      TRY(read.decide(*view));
    }
  });
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
Result<std::vector<SearchAnswer>> LocalCollection::scan(uint8_t field, const ScanQuestion& question,
                                                        View& view) const {
  Row rows_end = 0;
  RowSet expired;
  std::optional<FilteredRead> read;
  if (question.filter != nullptr) read.emplace(*this, *question.filter, question.stop);
  {
    std::shared_lock lock(state_mutex_);
    view = view_locked();
    rows_end = next_row_;
    expired = expired_locked();
    if (read.has_value()) TRY(read->select(/*locked=*/true));
  }
  if (read.has_value()) TRY(read->decide(*view));
  return exact_scan({*view, number_, field, schema_.vectors[field], rows_end, expired,
                     read.has_value() ? &read->rows() : nullptr, question.queries, question.k,
                     question.distance_max, question.stop},
                    engine_->pool);
}

Result<Answer> LocalCollection::answer(Found found, const Query& query, const VectorField& field,
                                       SearchCourse& course) const {
  Answer out;
  {
    const PhaseTimer timer(course.time(&PhaseTimes::fetch_ns));
    out = TRY(answer(std::move(found), field, query.fetch, query.score_threshold));
  }
  out.taken = course.taken();
  out.explanation = course.explanation();
  return out;
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

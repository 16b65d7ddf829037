// Reads by id and in id order, see local_collection.h.
#include "query/collection/filtered_read.h"
#include "query/collection/local_collection.h"
#include "query/collection/search_parts.h"
#include "query/filter/check_filter.h"
#include "query/schema/id_codec.h"
#include "query/schema/limits.h"
#include "query/schema/validate.h"
#include "storage/rows/row_record.h"

namespace kith {
namespace {

constexpr size_t kPayloadStep = 256;  // payloads asked of the store at once

}  // namespace

LocalCollection::View LocalCollection::view_locked() const {
  return parked_view_ != nullptr ? parked_view_ : engine_->store->snapshot();
}

LocalCollection::View LocalCollection::view_now(bool locked) const {
  std::shared_lock lock(state_mutex_, std::defer_lock);
  if (!locked) lock.lock();
  return view_locked();
}

Result<uint64_t> LocalCollection::count(const Filter* filter, const Stop& stop) const {
  if (filter != nullptr) {
    const auto rows = [&]() -> Result<uint64_t> { return TRY(matching(*filter, stop)).rows.size(); };
    return while_alive(rows);
  }
  TRY(check_alive());
  std::shared_lock lock(state_mutex_);
  return ids_.size() - expiries_.expired_rows(engine_->now_ms()).size();
}

Result<LocalCollection::Matching> LocalCollection::matching(const Filter& filter, const Stop& stop) const {
  TRY(check_filter(filter));
  FilteredRead read(*this, filter, stop);
  Matching matching;
  RowSet unseen;
  {
    std::shared_lock lock(state_mutex_);
    matching.view = view_locked();
    matching.sequence = sequence_;
    unseen = expired_locked();
    TRY(read.select(/*locked=*/true));
    read.rows().for_each([&](Row row) {
      if (!there_locked(row)) unseen.add(row);
      return true;
    });
  }
  TRY(read.decide(*matching.view));
  matching.rows = read.rows();
  matching.rows.subtract(unseen);
  return matching;
}

/// Columns may know rows already that ids do not, and still some that ids do not know any more.
bool LocalCollection::there_locked(Row row) const {
  return row < next_row_ && ids_.live(row);
}

/// Looks again and again: waits are rare and short, and writers need not know of them.
Result<void> LocalCollection::wait_for(uint64_t sequence, const Stop& stop) const {
  while (true) {
    TRY(check_alive());
    const uint64_t under_way = queue_.under_way();  // first: what it counts is below, or applied by then
    uint64_t applied = 0;
    {
      std::shared_lock lock(state_mutex_);
      applied = sequence_;
    }
    if (applied >= sequence) return {};
    if (sequence - applied > under_way)
      return failed_precondition(
          "collection '{}' is at sequence {}, and no write under way leads to {}: the token is of another "
          "collection, or its write was lost; read without it",
          name_, applied, sequence);
    if (const auto wanted = stop.check(); !wanted.ok())
      return make_error(wanted.error().code, "collection '{}': at sequence {} still, waiting for {}: {}",
                        name_, applied, sequence, wanted.error().message);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

RowSet LocalCollection::expired_locked() const {
  return RowSet::of(expiries_.expired_rows(engine_->now_ms()));
}

Result<std::vector<std::optional<Point>>> LocalCollection::get(std::span<const Id> ids, Fetch fetch) const {
  return while_alive([&] { return get_alive(ids, fetch); });
}

Result<std::vector<std::optional<Point>>> LocalCollection::get_alive(std::span<const Id> ids,
                                                                     Fetch fetch) const {
  const std::vector<std::string> id_keys = TRY(validate_ids(ids));
  std::vector<Row> rows;
  std::vector<size_t> places;  // in `ids`, of each of rows
  View view;
  const uint64_t now_ms = engine_->now_ms();
  {
    std::shared_lock lock(state_mutex_);
    for (size_t i = 0; i < id_keys.size(); ++i) {
      const Row row = ids_.find(id_keys[i]);
      if (row == kNoRow || expiries_.expired(row, now_ms)) continue;
      rows.push_back(row);
      places.push_back(i);
    }
    if (fetch.payload || fetch.vectors) view = view_locked();
  }
  std::vector<Point> points(rows.size());
  if (view != nullptr) points = TRY(read_points(*view, rows, fetch));
  std::vector<std::optional<Point>> out(ids.size());
  for (size_t i = 0; i < places.size(); ++i) {
    points[i].id = ids[places[i]];
    out[places[i]] = std::move(points[i]);
  }
  return out;
}

Result<ScrollPage> LocalCollection::scroll(const std::optional<Id>& from, uint32_t limit, Fetch fetch,
                                           const Filter* filter, const Stop& stop) const {
  return while_alive([&] {
    return filter == nullptr ? scroll_alive(from, limit, fetch)
                             : scroll_filtered(from, limit, fetch, *filter, stop);
  });
}

Result<ScrollPage> LocalCollection::scroll_alive(const std::optional<Id>& from, uint32_t limit,
                                                 Fetch fetch) const {
  TRY(limits::kScrollLimit.check("limit", limit));
  const std::string first = from.has_value() ? TRY(id_key_of(*from)) : std::string{};
  View view;
  RowSet expired;
  {
    std::shared_lock lock(state_mutex_);
    view = view_locked();
    expired = expired_locked();
  }
  const KeyRange range = id_entry_range_from(number_, first);
  std::vector<Row> rows;
  ScrollPage page;
  auto entry = view->iterate(KvTable::kRecords, range.begin, range.end);
  for (; entry->valid(); entry->next()) {
    const std::string_view id_key = TRY(id_key_of_entry(entry->key()));
    const Id id = TRY(id_of_key(id_key));
    const Row row = TRY(parse_row_value(entry->value()));
    if (expired.contains(row)) continue;
    if (rows.size() == limit) {
      page.next = id;
      break;
    }
    rows.push_back(row);
    page.points.emplace_back().id = id;
  }
  TRY(entry->status());
  if (!fetch.payload && !fetch.vectors) return page;
  page.points = TRY(read_points(*view, rows, fetch));
  return page;
}

/// The ids of few rows are sorted; among many, all ids are gone through.
Result<ScrollPage> LocalCollection::scroll_filtered(const std::optional<Id>& from, uint32_t limit,
                                                    Fetch fetch, const Filter& filter,
                                                    const Stop& stop) const {
  TRY(limits::kScrollLimit.check("limit", limit));
  TRY(check_filter(filter));
  const std::string first = from.has_value() ? TRY(id_key_of(*from)) : std::string{};
  FilteredRead read(*this, filter, stop);
  View view;
  RowSet expired;
  std::vector<std::pair<std::string, Row>> few;
  bool sorted = false;
  {
    std::shared_lock lock(state_mutex_);
    view = view_locked();
    expired = expired_locked();
    TRY(read.select(/*locked=*/true));
    sorted = read.rows().size() <= kSortedRowsMax;
    if (sorted)
      read.rows().for_each([&](Row row) {
        if (there_locked(row)) few.emplace_back(ids_.id_key(row), row);
        return true;
      });
  }
  std::vector<Row> rows;
  ScrollPage page;
  const auto take = [&](std::string_view id_key, Row row) -> Result<bool> {  // whether there is room for more
    if (row % 256 == 0) TRY(stop.check());
    if (expired.contains(row) || !TRY(read.satisfies(*view, row))) return true;
    const Id id = TRY(id_of_key(id_key));
    if (rows.size() == limit) {
      page.next = id;
      return false;
    }
    rows.push_back(row);
    page.points.emplace_back().id = id;
    return true;
  };
  if (sorted) {
    std::sort(few.begin(), few.end());
    for (auto it = std::lower_bound(few.begin(), few.end(), std::pair(first, Row{0})); it != few.end(); ++it)
      if (!TRY(take(it->first, it->second))) break;
  } else {
    const KeyRange range = id_entry_range_from(number_, first);
    auto entry = view->iterate(KvTable::kRecords, range.begin, range.end);
    for (; entry->valid(); entry->next()) {
      const std::string_view id_key = TRY(id_key_of_entry(entry->key()));
      const Row row = TRY(parse_row_value(entry->value()));
      if (!TRY(take(id_key, row))) break;
    }
    TRY(entry->status());
  }
  if (!fetch.payload && !fetch.vectors) return page;
  page.points = TRY(read_points(*view, rows, fetch));
  return page;
}

Result<void> LocalCollection::each_payload(const KvSnapshot& view, std::span<const Row> rows,
                                           const Stop& stop, const VisitPayload& visit) const {
  for (size_t begin = 0; begin < rows.size(); begin += kPayloadStep) {
    const auto step = rows.subspan(begin, std::min(kPayloadStep, rows.size() - begin));
    std::vector<std::string> keys;
    for (const Row row : step) keys.push_back(row_record_key(number_, row));
    Result<void> sound;
    const auto one = [&](size_t i, std::string_view value) -> Result<void> {
      TRY(stop.check());
      const RowRecord record = TRY(parse_row_record(value));
      const auto payload = JsonTree::parse_payload(record.payload);
      if (!payload.ok() && payload.error().code == Code::kInvalidArgument)
        return corruption("collection '{}': row {}: its payload {}", name_, step[i], payload.error().message);
      if (!payload.ok()) return payload.error();
      return visit(begin + i, record, payload->root());
    };
    TRY(view.multi_get(KvTable::kRecords, keys, [&](size_t i, std::string_view value) {
      if (sound.ok()) sound = one(i, value);
    }));
    TRY(sound);
  }
  return {};
}

/// Ids always, payloads and vectors as asked. Every row must be live in the view.
Result<std::vector<Point>> LocalCollection::read_points(const KvSnapshot& view, std::span<const Row> rows,
                                                        Fetch fetch) const {
  std::vector<std::string> keys;
  keys.reserve(rows.size());
  for (const Row row : rows) keys.push_back(row_record_key(number_, row));
  std::vector<Point> points(rows.size());
  std::vector<uint16_t> fields(rows.size());
  size_t seen = 0;
  Result<void> sound;
  TRY(view.multi_get(KvTable::kRecords, keys, [&](size_t i, std::string_view value) {
    auto record = parse_row_record(value);
    auto id = record.ok() ? id_of_key(record->id_key) : Result<Id>(record.error());
    if (!id.ok()) {
      sound = corruption("collection '{}': row {}: {}", name_, rows[i], id.error().message);
      return;
    }
    ++seen;
    points[i].id = std::move(*id);
    fields[i] = record->fields;
    points[i].expires_at_ms = record->expires_at_ms;
    if (fetch.payload) points[i].payload = record->payload;
  }));
  TRY(sound);
  if (seen != rows.size())
    return corruption("collection '{}': {} of {} row records are missing; run verify", name_,
                      rows.size() - seen, rows.size());
  if (fetch.vectors) TRY(read_vectors(view, rows, fields, points));
  return points;
}

/// The vectors that the row records promise.
Result<void> LocalCollection::read_vectors(const KvSnapshot& view, std::span<const Row> rows,
                                           std::span<const uint16_t> fields,
                                           std::vector<Point>& points) const {
  struct Place {
    size_t point;
    size_t field;
  };
  std::vector<std::string> keys;
  std::vector<Place> places;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t field = 0; field < schema_.vectors.size(); ++field) {
      if ((fields[i] >> field & 1) == 0) continue;
      keys.push_back(vector_key(number_, static_cast<uint8_t>(field), rows[i]));
      places.push_back({i, field});
    }
  }
  size_t whole = 0;
  TRY(view.multi_get(KvTable::kVectors, keys, [&](size_t i, std::string_view value) {
    const VectorField& field = schema_.vectors[places[i].field];
    if (value.size() != vector_bytes(field.type, field.dim)) return;
    ++whole;
    const auto* data = reinterpret_cast<const std::byte*>(value.data());
    points[places[i].point].vectors.push_back({field.name, {data, data + value.size()}});
  }));
  if (whole == keys.size()) return {};
  return corruption("collection '{}': {} of {} vectors are missing or of the wrong size; run verify", name_,
                    keys.size() - whole, keys.size());
}

}  // namespace kith

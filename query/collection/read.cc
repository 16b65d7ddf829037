// Reads by id and in id order, see local_collection.h.
#include "query/collection/local_collection.h"
#include "query/schema/id_codec.h"
#include "query/schema/limits.h"
#include "query/schema/validate.h"
#include "storage/rows/row_record.h"

namespace kith {

LocalCollection::View LocalCollection::view_locked() const {
  return parked_view_ != nullptr ? parked_view_ : engine_->store->snapshot();
}

Result<uint64_t> LocalCollection::count() const {
  TRY(check_alive());
  std::shared_lock lock(state_mutex_);
  return ids_.size() - expiries_.expired_rows(engine_->now_ms()).size();
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

Result<ScrollPage> LocalCollection::scroll(const std::optional<Id>& from, uint32_t limit, Fetch fetch) const {
  return while_alive([&] { return scroll_alive(from, limit, fetch); });
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

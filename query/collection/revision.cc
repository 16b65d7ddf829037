#include "query/collection/revision.h"

#include "base/planted.h"
#include "query/collection/search_parts.h"
#include "query/filter/check_filter.h"
#include "query/schema/id_codec.h"
#include "query/schema/limits.h"
#include "query/schema/merge_patch.h"
#include "query/schema/text.h"

namespace kith {
namespace {

constexpr size_t kBatchPoints = 1'000;      // under a filter: how long others wait, and what a stop waits for
constexpr uint64_t kBatchBytes = 4u << 20;  // of patched points, likewise
constexpr size_t kReadStep = 64;            // points read before their bytes are looked at

/// Corruption where what is stored is no payload.
Result<void> apply_patch(const Patch& patch, const Schema& schema, Point& point) {
  if (patch.replace_payload) {
    point.payload = patch.payload;
  } else if (!patch.payload.empty()) {
    const auto sound = point.payload.empty() ? Result<void>() : check_json_object(point.payload);
    if (!sound.ok() && sound.error().code == Code::kInvalidArgument)
      return corruption("point {}: its stored payload {}", to_string(point.id), sound.error().message);
    TRY(sound);
    point.payload = merge_patch(point.payload, patch.payload);
  }
  for (const FieldVector& vector : patch.vectors) {
    const std::string& name = schema.vectors[TRY(find_field(schema, vector.field))].name;
    std::erase_if(point.vectors, [&](const FieldVector& old) { return old.field == name; });
    point.vectors.push_back({name, vector.data});
  }
  point.expires_at_ms = patch.expires_at_ms.value_or(point.expires_at_ms);
  return {};
}

}  // namespace

Result<WriteReceipt> LocalCollection::remove(const Filter& filter, Durability durability, const Stop& stop) {
  return Revision(*this, durability, stop).where(filter, nullptr);
}

Result<WriteReceipt> LocalCollection::update(std::span<const PointUpdate> updates, Durability durability) {
  const Stop never;
  return Revision(*this, durability, never).update(updates);
}

Result<WriteReceipt> LocalCollection::update(const Filter& filter, const Patch& patch, Durability durability,
                                             const Stop& stop) {
  return Revision(*this, durability, stop).where(filter, &patch);
}

/// As while_alive, but what is written stays written when the collection is dropped right after.
template <typename Write>
Result<WriteReceipt> LocalCollection::Revision::unless_dropped(Write write) const {
  TRY(collection_.check_alive());
  try {
    const Result<void> written = write();
    if (written.ok()) return receipt_;
    TRY(collection_.check_alive());  // else what was read may be gone for that
    return written.error();
  } catch (const std::bad_alloc&) {
    return collection_.no_memory();
  }
}

Result<WriteReceipt> LocalCollection::Revision::update(std::span<const PointUpdate> updates) {
  return unless_dropped([&] { return update_all(updates); });
}

Result<WriteReceipt> LocalCollection::Revision::where(const Filter& filter, const Patch* patch) {
  return unless_dropped([&] { return write_where(filter, patch); });
}

Result<void> LocalCollection::Revision::update_all(std::span<const PointUpdate> updates) {
  std::vector<std::string> id_keys = TRY(validate_updates(collection_.schema_, updates));
  std::vector<Seen> points;
  for (size_t i = 0; i < updates.size(); ++i)
    points.push_back({std::move(id_keys[i]), kNoRow, &updates[i].patch});
  return write_all(std::move(points));
}

Result<void> LocalCollection::Revision::write_where(const Filter& filter, const Patch* patch) {
  TRY(check_filter(filter));
  if (patch != nullptr) TRY(validate_patch(collection_.schema_, *patch));
  const Matching matching = TRY(collection_.matching(filter, stop_));
  matcher_.emplace(filter);
  std::vector<Row> rows;
  rows.reserve(std::min<uint64_t>(kBatchPoints, matching.rows.size()));
  Result<void> written;
  bool starved = false;  // nothing is thrown through for_each, and what was done before is told
  const auto write = [&] {
    try {
      written = write_rows(matching, rows, patch);
    } catch (const std::bad_alloc&) {
      starved = true;
    }
    rows.clear();
    return written.ok() && !starved;
  };
  matching.rows.for_each([&](Row row) {
    rows.push_back(row);
    return rows.size() < kBatchPoints || write();
  });
  if (written.ok() && !starved && !rows.empty()) (void)write();
  if (starved) written = collection_.no_memory();
  const uint64_t done = receipt_.removed + receipt_.updated;
  if (!written.ok() && done > 0)
    return make_error(written.error().code, "{} points were {}, up to sequence {}, before this: {}", done,
                      patch == nullptr ? "removed" : "updated", receipt_.sequence, written.error().message);
  TRY(written);
  if (receipt_.sequence == 0) receipt_.sequence = matching.sequence;
  return {};
}

Result<void> LocalCollection::Revision::write_rows(const Matching& matching, std::span<const Row> rows,
                                                   const Patch* patch) {
  TRY(stop_.check());
  std::vector<Seen> points = TRY(find(matching, rows, patch));
  return write_all(std::move(points));
}

/// The points of these rows: those that live elsewhere by now, too.
Result<std::vector<LocalCollection::Revision::Seen>> LocalCollection::Revision::find(
    const Matching& matching, std::span<const Row> rows, const Patch* patch) const {
  std::vector<Seen> points;
  std::vector<Row> gone;
  {
    std::shared_lock lock(collection_.state_mutex_);
    for (const Row row : rows) {
      if (collection_.ids_.live(row))
        points.push_back({collection_.ids_.id_key(row), row, patch});
      else
        gone.push_back(row);
    }
  }
  const std::vector<Point> moved = TRY(collection_.read_points(*matching.view, gone, {}));
  for (const Point& point : moved) points.push_back({TRY(id_key_of(point.id)), kNoRow, patch});
  return points;
}

/// By ids in one batch; under a filter in as many as it takes.
Result<void> LocalCollection::Revision::write_all(std::vector<Seen> points) {
  for (int tries = 1; !points.empty(); ++tries) {
    Result<size_t> written = size_t{0};
    if (tries <= kOptimisticTries)
      written = attempt(points, /*leading=*/false);
    else
      collection_.queue_.run_exclusively([&] { written = attempt(points, /*leading=*/true); });
    if (TRY(written) == 0) continue;
    points.erase(points.begin(), points.begin() + static_cast<ptrdiff_t>(*written));
    tries = 0;
  }
  return {};
}

/// How many of the points, from the first on, are written; 0: some have changed since they were looked at, or
/// there are none. `leading`: in the writer's role.
Result<size_t> LocalCollection::Revision::attempt(std::vector<Seen>& points, bool leading) {
  TRY(collection_.check_alive());
  const View view = TRY(look(points));
  if (points.empty()) return size_t{0};
  WriteRequest request;
  request.durability = durability_;
  if (points.front().patch == nullptr) {
    for (const Seen& point : points) {
      request.removes.push_back(point.id_key);
      request.bytes += point.id_key.size();
    }
    return write(points, request, leading);
  }
  const Patched patched = TRY(this->patched(*view, points));
  CheckedBatch batch = TRY(validate_patched(collection_.schema_, patched.points));
  const MemoryReservation room = TRY(collection_.admit(batch, "an update"));
  for (CheckedPoint& point : batch.points) point.values = TRY(PayloadValues::of(point.payload));
  request.upserts = std::move(batch.points);
  request.bytes = batch.bytes;
  return write({points.data(), patched.taken}, request, leading);
}

/// Finds the versions of now. Under a filter points that no longer satisfy it, or are not there, are dropped.
Result<LocalCollection::View> LocalCollection::Revision::look(std::vector<Seen>& points) {
  std::vector<size_t> moved;
  View view;
  {
    std::shared_lock lock(collection_.state_mutex_);
    view = collection_.view_locked();
    const uint64_t now_ms = collection_.engine_->now_ms();
    for (size_t i = 0; i < points.size(); ++i) {
      Row row = collection_.ids_.find(points[i].id_key);
      if (row != kNoRow && collection_.expiries_.expired(row, now_ms)) row = kNoRow;
      if (std::exchange(points[i].row, row) != row) moved.push_back(i);
    }
  }
  if (matcher_.has_value()) TRY(drop_unmatched(*view, points, moved));
  return view;
}

Result<void> LocalCollection::Revision::drop_unmatched(const KvSnapshot& view, std::vector<Seen>& points,
                                                       std::span<const size_t> moved) const {
  std::vector<Row> rows;
  std::vector<size_t> places;
  for (const size_t i : moved) {
    if (points[i].row == kNoRow) continue;
    rows.push_back(points[i].row);
    places.push_back(i);
  }
  const auto judge = [&](size_t i, const RowRecord& record, const JsonValue& payload) -> Result<void> {
    const Id id = TRY(id_of_key(record.id_key));
    if (!matcher_->matches(id, payload) && !planted("moved-unmatched")) points[places[i]].row = kNoRow;
    return {};
  };
  TRY(collection_.each_payload(view, rows, stop_, judge));
  std::erase_if(points, [](const Seen& point) { return point.row == kNoRow; });
  return {};
}

Result<LocalCollection::Revision::Patched> LocalCollection::Revision::patched(
    const KvSnapshot& view, std::span<const Seen> points) const {
  const bool whole = !matcher_.has_value();
  const uint64_t bytes_max = whole ? limits::kBatchBytes.max : kBatchBytes;
  Patched out;
  uint64_t bytes = 0;
  while (out.taken < points.size() && bytes <= bytes_max) {
    TRY(stop_.check());
    std::vector<Row> rows;
    std::vector<const Patch*> patches;
    for (const Seen& point : points.subspan(out.taken, std::min(kReadStep, points.size() - out.taken))) {
      ++out.taken;
      if (point.row == kNoRow) continue;
      rows.push_back(point.row);
      patches.push_back(point.patch);
    }
    std::vector<Point> read = TRY(collection_.read_points(view, rows, {.payload = true, .vectors = true}));
    for (size_t i = 0; i < read.size(); ++i) {
      TRY(apply_patch(*patches[i], collection_.schema_, read[i]));
      bytes += point_bytes(read[i]);
      out.points.push_back(std::move(read[i]));
    }
  }
  if (whole && bytes > bytes_max)
    return invalid_argument(
        "updates: the first {} points take {} bytes with what they hold, and a batch at most {} (limit "
        "'{}'); "
        "update fewer at once",
        out.taken, bytes, bytes_max, limits::kBatchBytes.name);
  return out;
}

Result<size_t> LocalCollection::Revision::write(std::span<const Seen> points, WriteRequest& request,
                                                bool leading) {
  for (const Seen& point : points) request.made_from.push_back({point.id_key, point.row});
  if (leading) {
    WriteRequest* const alone = &request;
    collection_.commit({&alone, 1});
  } else {
    collection_.queue_.submit(request);
  }
  if (request.stale) return size_t{0};
  const WriteReceipt written = TRY(std::move(request.outcome));
  receipt_.sequence = written.sequence;
  receipt_.removed += written.removed;
  receipt_.updated += written.replaced;
  for (const Seen& point : points) receipt_.missing += point.row == kNoRow ? 1 : 0;
  return points.size();
}

}  // namespace kith

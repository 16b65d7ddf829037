// The way of a write, see local_collection.h.
#include <algorithm>
#include <new>
#include <unordered_map>

#include "base/planted.h"
#include "query/collection/local_collection.h"
#include "query/schema/id_codec.h"
#include "storage/log/change_log.h"
#include "storage/rows/row_record.h"

namespace kith {

/// What a group of requests will do to the store and then to memory. Views point into the requests.
struct LocalCollection::GroupPlan {
  struct Added {
    const CheckedPoint* point;
    Row replaces;   // of those that were live before the group, or kNoRow
    bool replaced;  // by a later request of the same group
  };
  /// Where an id lives once all that is planned is done.
  struct Place {
    Row row = kNoRow;
    uint64_t expires_at_ms = 0;
  };

  explicit GroupPlan(const LocalCollection& collection)
      : ids(collection.ids_), expiries(collection.expiries_) {}
  Place find(std::string_view id_key) const;
  bool visible(const Place& place) const {
    return place.row != kNoRow && (place.expires_at_ms == 0 || place.expires_at_ms > now_ms);
  }
  bool stale(const WriteRequest& request) const;

  const IdMap& ids;
  const ExpiryMap& expiries;

  Row first_row = 0;
  Row next_row = 0;
  uint64_t sequence = 0;
  uint64_t stamp = 0;
  uint64_t points = 0;
  uint64_t expiring = 0;
  uint64_t now_ms = 0;
  KvBatch batch;
  std::vector<Added> added;  // rows first_row, first_row + 1, ...
  std::vector<Row> removed;  // rows that were live before the group
  bool overlaid = false;     // an id may come again: what was done to it stands in the overlay
  std::unordered_map<std::string_view, Row> overlay;
};

namespace {

constexpr size_t kPurgeRows = 1'000;  // of one batch: what a crash may repeat, and how long others wait

std::string_view text(const std::byte* data, size_t bytes) {
  return {reinterpret_cast<const char*>(data), bytes};
}

}  // namespace

LocalCollection::GroupPlan::Place LocalCollection::GroupPlan::find(std::string_view id_key) const {
  const auto changed = overlay.find(id_key);
  const Row row = changed != overlay.end() ? changed->second : ids.find(id_key);
  if (row == kNoRow) return {};
  return {row, row < first_row ? expiries.expires_at(row) : added[row - first_row].point->expires_at_ms};
}

/// Whether a point that the request was made from is another by now, or expired, or there after all.
bool LocalCollection::GroupPlan::stale(const WriteRequest& request) const {
  return std::ranges::any_of(request.made_from, [&](const PointVersion& version) {
    const Place place = find(version.id_key);
    return (visible(place) ? place.row : kNoRow) != version.row;
  });
}

Result<WriteReceipt> LocalCollection::upsert(std::span<const Point> points, Durability durability) {
  TRY(check_alive());
  CheckedBatch batch = TRY(validate_points(schema_, points));
  const MemoryReservation room = TRY(admit(batch, "an upsert"));
  for (CheckedPoint& point : batch.points) point.values = TRY(PayloadValues::of(point.payload));
  WriteRequest request;
  request.upserts = std::move(batch.points);
  request.bytes = batch.bytes;
  request.durability = durability;
  return submit(request);
}

Result<WriteReceipt> LocalCollection::remove(std::span<const Id> ids, Durability durability) {
  TRY(check_alive());
  WriteRequest request;
  request.removes = TRY(validate_ids(ids));
  for (const std::string& id_key : request.removes) request.bytes += id_key.size();
  request.durability = durability;
  return submit(request);
}

bool LocalCollection::purge() {
  {
    std::shared_lock lock(state_mutex_);
    if (expiries_.expired_rows(engine_->now_ms(), 1).empty()) return false;
  }
  WriteRequest request;
  request.purge = true;
  request.durability = Durability::kAsync;
  return submit(request).ok() && request.removes.size() == kPurgeRows;
}

Result<WriteReceipt> LocalCollection::submit(WriteRequest& request) {
  queue_.submit(request);
  return std::move(request.outcome);
}

void LocalCollection::mark_dropped() {
  queue_.run_exclusively([this] { dropped_.store(true); });
  for (std::jthread& rebuild : rebuilds_) rebuild.request_stop();
  const std::lock_guard none_writes(checkpoint_mutex_);  // and none begins: they look at dropped_
}

/// Not to throw: the queue behind would wait for ever.
void LocalCollection::commit(std::span<WriteRequest* const> group) noexcept {
  if (group.front()->task != nullptr) return group.front()->task();
  GroupPlan plan(*this);
  plan.first_row = plan.next_row = next_row_;
  plan.sequence = sequence_;
  plan.stamp = stamp_;
  plan.points = ids_.size();
  plan.expiring = expiries_.size();
  plan.now_ms = engine_->now_ms();
  plan.overlaid = (group.size() > 1 && !planted("group-sees-not-itself")) ||
                  !group.front()->removes.empty();  // ids of one upsert are unique
  std::vector<WriteRequest*> accepted;
  bool sync = engine_->flusher.late();
  try {
    for (WriteRequest* request : group) {
      if (auto planned = this->plan(*request, plan); !planned.ok()) {
        request->outcome = planned.error();
        continue;
      }
      accepted.push_back(request);
      sync = sync || request->durability == Durability::kSync;
    }
    if (plan.batch.empty()) return;
    park(engine_->store->snapshot());
  } catch (const std::bad_alloc&) {  // nothing is written yet
    plan.batch.clear();              // room for the words
    for (WriteRequest* request : group)
      request->outcome = resource_exhausted(
          "collection '{}': no memory for a write; nothing was written: send less at once", name_);
    return;
  }
  // An exception from here on could leave the truth and memory apart: it ends the process, and the next open
  // replays.
  if (planted("acknowledged-before-sync")) sync = false;
  const Result<void> written =
      engine_->store->write(plan.batch, sync ? KvSurvives::kPower : KvSurvives::kProcess);
  if (!written.ok()) {
    for (WriteRequest* request : accepted) request->outcome = written.error();
    // Whatever the device kept of the batch, no reader sees it before the store is opened anew.
    return park(nullptr);
  }
  if (!sync) engine_->flusher.note_write();
  apply(plan);
}

void LocalCollection::park(View view) {
  std::unique_lock lock(state_mutex_);
  if (!planted("reads-ahead-of-ids")) parked_view_ = std::move(view);
}

/// Adds one request to the plan; an error leaves the plan as it was.
Result<void> LocalCollection::plan(WriteRequest& request, GroupPlan& plan) {
  TRY(check_alive());
  if (kNoRow - plan.next_row <= request.upserts.size())
    return resource_exhausted(
        "collection '{}': its {} row numbers are used up; copy it into a new collection", name_, kNoRow);
  request.stale = !planted("stale-unseen") && plan.stale(request);
  if (request.stale) return failed_precondition("collection '{}': a point was written meanwhile", name_);
  if (request.purge) {
    request.removes = expired_ids(plan);
    if (request.removes.empty()) return {};
  }
  Change change;
  change.sequence = plan.sequence + 1;
  change.first_row = plan.next_row;
  change.rows_added = static_cast<uint32_t>(request.upserts.size());
  WriteReceipt receipt;
  receipt.sequence = change.sequence;
  plan_upserts(request, plan, change, receipt);
  for (const std::string& id_key : request.removes) {
    const Tombstone gone = plan_tombstone(id_key, plan, change);
    if (gone.row == kNoRow) continue;
    plan.batch.erase(KvTable::kRecords, id_entry_key(number_, id_key));
    if (plan.overlaid) plan.overlay[id_key] = kNoRow;
    if (gone.seen) ++receipt.removed;
    --plan.points;
  }
  change.points = plan.points;
  change.expiring = plan.expiring;
  change.stamp = stamps_.next();
  append_change(plan.batch, number_, change);
  plan.sequence = change.sequence;
  plan.stamp = change.stamp;
  request.outcome = receipt;
  return {};
}

void LocalCollection::plan_upserts(WriteRequest& request, GroupPlan& plan, Change& change,
                                   WriteReceipt& receipt) const {
  for (const CheckedPoint& point : request.upserts) {
    const Tombstone gone = plan_tombstone(point.id_key, plan, change);
    ++(gone.seen ? receipt.replaced : receipt.inserted);
    if (gone.row == kNoRow) ++plan.points;
    if (point.expires_at_ms != 0) ++plan.expiring;
    const Row row = plan.next_row++;
    plan.batch.put(KvTable::kRecords, id_entry_key(number_, point.id_key), row_value(row));
    plan.batch.put_borrowed(KvTable::kRecords, row_record_key(number_, row),
                            encode_row_head(point.fields, point.expires_at_ms, point.id_key), point.payload);
    for (const auto& [field, data] : point.vectors) {
      const VectorField& spec = schema_.vectors[field];
      plan.batch.put_borrowed(KvTable::kVectors, vector_key(number_, field, row), {},
                              text(data, vector_bytes(spec.type, spec.dim)));
    }
    plan.added.push_back({&point, gone.row < plan.first_row ? gone.row : kNoRow, false});
    if (plan.overlaid) plan.overlay[point.id_key] = row;
  }
}

/// Ids whose points have expired, but for those that requests before in the group have written.
std::vector<std::string> LocalCollection::expired_ids(const GroupPlan& plan) const {
  std::vector<std::string> ids;
  for (const Row row : expiries_.expired_rows(plan.now_ms, kPurgeRows)) {
    std::string id_key = ids_.id_key(row);
    if (!plan.overlay.contains(id_key)) ids.push_back(std::move(id_key));
  }
  return ids;
}

/// Erases the row that the id lives in, if any; its id entry is left to the caller.
LocalCollection::Tombstone LocalCollection::plan_tombstone(std::string_view id_key, GroupPlan& plan,
                                                           Change& change) const {
  const GroupPlan::Place place = plan.find(id_key);
  const Row row = place.row;
  if (row == kNoRow) return {};
  if (!planted("tombstone-lost")) plan.batch.erase(KvTable::kRecords, row_record_key(number_, row));
  for (size_t field = 0; field < schema_.vectors.size() && !planted("vectors-stay"); ++field)
    plan.batch.erase(KvTable::kVectors, vector_key(number_, static_cast<uint8_t>(field), row));
  if (row < plan.first_row)
    plan.removed.push_back(row);
  else
    plan.added[row - plan.first_row].replaced = true;
  if (!planted("removal-unlogged")) change.removed.push_back(row);
  if (place.expires_at_ms != 0) --plan.expiring;
  return {row, plan.visible(place)};
}

/// Indexes and columns first, then ids: a reader finds a new row nowhere until all of the group is in place,
/// then all of it.
void LocalCollection::apply(const GroupPlan& plan) {
  FieldIndex::Added added;
  for (size_t field = 0; field < fields_.size(); ++field) {
    added.clear();
    for (size_t i = 0; i < plan.added.size(); ++i) {
      if (plan.added[i].replaced) continue;
      for (const auto& [position, data] : plan.added[i].point->vectors) {
        if (position != field) continue;
        added.rows.push_back(plan.first_row + static_cast<Row>(i));
        added.vectors.push_back(data);
        added.replaced.push_back(plan.added[i].replaces);
        if (fields_[field]->labeled()) added.labels.push_back(plan.added[i].point->labels);
      }
    }
    if (planted("index-misses-a-row") && added.rows.size() > 1) added.rows.pop_back();
    fields_[field]->add(added);
  }
  for (size_t i = 0; i < plan.added.size(); ++i) {
    if (plan.added[i].replaced || (planted("columns-miss-a-row") && i + 1 == plan.added.size())) continue;
    columns_->add(plan.first_row + static_cast<Row>(i), plan.added[i].point->values);
  }
  {
    std::unique_lock lock(state_mutex_);
    for (const Row row : plan.removed) {
      ids_.erase(row);
      expiries_.erase(row);
    }
    for (size_t i = 0; i < plan.added.size(); ++i) {
      if (plan.added[i].replaced) continue;
      const CheckedPoint& point = *plan.added[i].point;
      const Row row = plan.first_row + static_cast<Row>(i);
      ids_.insert(point.id_key, row);
      if (point.expires_at_ms != 0) expiries_.insert(row, point.expires_at_ms);
    }
    for (const std::unique_ptr<FieldIndex>& field : fields_) field->finish_add();
    CHECK(ids_.size() == plan.points && expiries_.size() == plan.expiring);
    sequence_ = plan.sequence;
    stamp_ = plan.stamp;
    next_row_.store(plan.next_row, std::memory_order_release);
    parked_view_ = nullptr;
    if (!plan.removed.empty()) removals_.fetch_add(1, std::memory_order_release);
  }
  for (const Row row : plan.removed) columns_->remove(row);
  for (const std::unique_ptr<FieldIndex>& field : fields_)
    for (const Row row : plan.removed)
      if (!planted("index-keeps-the-dead")) field->remove(row);
  unsaved_bytes_.fetch_add(plan.batch.bytes());
  sample_memory();
}

}  // namespace kith

// The way of a write, see local_collection.h.
#include <algorithm>
#include <new>
#include <unordered_map>

#include "query/collection/local_collection.h"
#include "query/schema/id_codec.h"
#include "storage/log/change_log.h"
#include "storage/rows/row_record.h"

namespace kith {

/// What a group of requests will do to the store and then to memory. Views point into the requests.
struct LocalCollection::GroupPlan {
  struct Added {
    const CheckedPoint* point;
    bool replaced;  // by a later request of the same group
  };

  Row first_row;
  Row next_row;
  uint64_t sequence;
  uint64_t points;
  KvBatch batch;
  std::vector<Added> added;  // rows first_row, first_row + 1, ...
  std::vector<Row> removed;  // rows that were live before the group
  bool overlaid = false;     // an id may come again: what was done to it stands in the overlay
  std::unordered_map<std::string_view, Row> overlay;
};

namespace {

std::string_view text(const std::byte* data, size_t bytes) {
  return {reinterpret_cast<const char*>(data), bytes};
}

}  // namespace

Result<WriteReceipt> LocalCollection::upsert(std::span<const Point> points, Durability durability) {
  TRY(check_alive());
  CheckedBatch batch = TRY(validate_points(schema_, points));
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

Result<WriteReceipt> LocalCollection::submit(WriteRequest& request) {
  queue_.submit(request);
  return std::move(request.outcome);
}

void LocalCollection::mark_dropped() {
  queue_.run_exclusively([this] { dropped_.store(true); });
}

/// Not to throw: the queue behind would wait for ever.
void LocalCollection::commit(std::span<WriteRequest* const> group) noexcept {
  if (group.front()->task != nullptr) return group.front()->task();
  GroupPlan plan{next_row_, next_row_, sequence_, ids_.size(), {}, {}, {}, false, {}};
  plan.overlaid = group.size() > 1 || !group.front()->removes.empty();  // ids of one upsert are unique
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
    if (accepted.empty()) return;
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
  parked_view_ = std::move(view);
}

/// Adds one request to the plan; an error leaves the plan as it was.
Result<void> LocalCollection::plan(WriteRequest& request, GroupPlan& plan) const {
  TRY(check_alive());
  if (kNoRow - plan.next_row <= request.upserts.size())
    return resource_exhausted(
        "collection '{}': its {} row numbers are used up; copy it into a new collection", name_, kNoRow);
  Change change;
  change.sequence = plan.sequence + 1;
  change.first_row = plan.next_row;
  change.rows_added = static_cast<uint32_t>(request.upserts.size());
  WriteReceipt receipt;
  receipt.sequence = change.sequence;
  plan_upserts(request, plan, change, receipt);
  for (const std::string& id_key : request.removes) {
    if (plan_tombstone(id_key, plan, change) == kNoRow) continue;
    plan.batch.erase(KvTable::kRecords, id_entry_key(number_, id_key));
    if (plan.overlaid) plan.overlay[id_key] = kNoRow;
    ++receipt.removed;
    --plan.points;
  }
  change.points = plan.points;
  append_change(plan.batch, number_, change);
  plan.sequence = change.sequence;
  request.outcome = receipt;
  return {};
}

void LocalCollection::plan_upserts(WriteRequest& request, GroupPlan& plan, Change& change,
                                   WriteReceipt& receipt) const {
  for (const CheckedPoint& point : request.upserts) {
    const bool replaces = plan_tombstone(point.id_key, plan, change) != kNoRow;
    ++(replaces ? receipt.replaced : receipt.inserted);
    if (!replaces) ++plan.points;
    const Row row = plan.next_row++;
    plan.batch.put(KvTable::kRecords, id_entry_key(number_, point.id_key), row_value(row));
    plan.batch.put_borrowed(KvTable::kRecords, row_record_key(number_, row),
                            encode_row_head(point.fields, point.id_key), point.payload);
    for (const auto& [field, data] : point.vectors) {
      const VectorField& spec = schema_.vectors[field];
      plan.batch.put_borrowed(KvTable::kVectors, vector_key(number_, field, row), {},
                              text(data, vector_bytes(spec.type, spec.dim)));
    }
    plan.added.push_back({&point, false});
    if (plan.overlaid) plan.overlay[point.id_key] = row;
  }
}

/// Erases the row that the id lives in, if any, and returns it; its id entry is left to the caller.
Row LocalCollection::plan_tombstone(std::string_view id_key, GroupPlan& plan, Change& change) const {
  const auto changed = plan.overlay.find(id_key);
  const Row row = changed != plan.overlay.end() ? changed->second : ids_.find(id_key);
  if (row == kNoRow) return kNoRow;
  plan.batch.erase(KvTable::kRecords, row_record_key(number_, row));
  for (size_t field = 0; field < schema_.vectors.size(); ++field)
    plan.batch.erase(KvTable::kVectors, vector_key(number_, static_cast<uint8_t>(field), row));
  if (row < plan.first_row)
    plan.removed.push_back(row);
  else
    plan.added[row - plan.first_row].replaced = true;
  change.removed.push_back(row);
  return row;
}

/// Indexes first, then ids: a reader finds a new row nowhere until all of the group is in place, then all of
/// it.
void LocalCollection::apply(const GroupPlan& plan) {
  std::vector<Row> rows;
  std::vector<const std::byte*> vectors;
  for (size_t field = 0; field < fields_.size(); ++field) {
    rows.clear();
    vectors.clear();
    for (size_t i = 0; i < plan.added.size(); ++i) {
      if (plan.added[i].replaced) continue;
      for (const auto& [position, data] : plan.added[i].point->vectors) {
        if (position != field) continue;
        rows.push_back(plan.first_row + static_cast<Row>(i));
        vectors.push_back(data);
      }
    }
    fields_[field]->add(rows, vectors);
  }
  {
    std::unique_lock lock(state_mutex_);
    for (const Row row : plan.removed) ids_.erase(row);
    for (size_t i = 0; i < plan.added.size(); ++i)
      if (!plan.added[i].replaced)
        ids_.insert(plan.added[i].point->id_key, plan.first_row + static_cast<Row>(i));
    CHECK(ids_.size() == plan.points);
    sequence_ = plan.sequence;
    next_row_.store(plan.next_row, std::memory_order_release);
    parked_view_ = nullptr;
    if (!plan.removed.empty()) removals_.fetch_add(1, std::memory_order_release);
  }
  for (const std::unique_ptr<FieldIndex>& field : fields_)
    for (const Row row : plan.removed) field->remove(row);
}

}  // namespace kith

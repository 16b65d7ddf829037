// From the store and the checkpoint to memory when a directory is opened, see local_collection.h. Everything
// read is checked. A record of the store that does not decode or contradicts another is a Corruption, and the
// collection is quarantined by its database. A checkpoint is only a shorter way to the same: what of it is
// missing, damaged or of another time is said and built from the store.
#include <algorithm>

#include "base/log.h"
#include "base/planted.h"
#include "query/collection/field_files.h"
#include "query/collection/local_collection.h"
#include "storage/log/change_log.h"
#include "storage/rows/row_record.h"

namespace kith {
namespace {

/// More rows than this are added in the background, their field answered by exact scan meanwhile.
constexpr uint64_t kRowsAtOpen = 65'536;
constexpr uint64_t kChangeBytes = 64;  // at least, of one that no checkpoint has

Result<std::vector<std::byte>> read_all(const ReadableFile& file) {
  std::vector<std::byte> bytes(file.size());
  TRY(file.read(0, bytes));
  return bytes;
}

}  // namespace

Result<void> LocalCollection::replay() {
  const View view = engine_->store->snapshot();
  const Change last = TRY(last_change(*view, number_)).value_or(Change{});
  sequence_ = last.sequence;
  stamp_ = last.stamp;
  next_row_ = planted("rows-reused") ? last.first_row : last.next_row();
  const std::optional<ChangeTail> tail = TRY(read_checkpoint(*view));
  bool restored = false;
  if (tail.has_value()) {
    const Result<void> ids = restore_ids(*view, *tail, last);
    restored = ids.ok();
    if (!restored)
      log_error("ids of the checkpoint cannot be used: they are read from the store",
                {{"collection", name_}, {"error", ids.error().message}});
  }
  if (!restored) TRY(replay_ids(*view, last));
  restored = TRY(replay_columns(*view, restored ? &*tail : nullptr)) && restored;
  for (size_t field = 0; field < fields_.size(); ++field)
    TRY(replay_field(*view, static_cast<uint8_t>(field), tail.has_value() ? &*tail : nullptr));
  if (restored && std::ranges::all_of(fields_, [](const auto& field) { return field->saved(); }))
    saved_state_ = LinkState{0, fields_.size()};
  const std::optional<Manifest> manifest = checkpoints_.manifest();
  const uint64_t saved = tail.has_value() && manifest.has_value() ? manifest->mark.sequence : 0;
  unsaved_bytes_ = kChangeBytes * (sequence_ - saved);
  restore_calibrations(*view);
  return {};
}

/// What changed since the checkpoint; none when there is none that belongs to what the store holds.
Result<std::optional<ChangeTail>> LocalCollection::read_checkpoint(const KvSnapshot& view) {
  if (const Result<void> opened = checkpoints_.open(); !opened.ok()) {
    log_error("the checkpoint cannot be used: indexes are built from the store",
              {{"collection", name_}, {"error", opened.error().message}});
    return std::optional<ChangeTail>{};
  }
  const std::optional<Manifest> manifest = checkpoints_.manifest();
  if (!manifest.has_value()) return std::optional<ChangeTail>{};
  auto tail = TRY(changes_after(view, number_, manifest->mark.sequence, manifest->mark.stamp));
  if (!tail.has_value())
    log_error("the checkpoint does not belong to what the store holds: indexes are built from the store",
              {{"collection", name_},
               {"checkpoint_sequence", manifest->mark.sequence},
               {"store_sequence", sequence_}});
  return tail;
}

Result<void> LocalCollection::restore_ids(const KvSnapshot& view, const ChangeTail& tail,
                                          const Change& last) {
  const std::unique_ptr<ReadableFile> file = TRY(checkpoints_.read(kIdsFile));
  const std::vector<std::byte> bytes = TRY(read_all(*file));
  ByteReader in(bytes, kIdsFile);
  const auto version = TRY(in.number<uint32_t>());
  const auto rows = TRY(in.number<uint32_t>());
  if (version != kIdsVersion || rows != tail.first_row)
    return corruption("ids: version {} and {} rows, not {} and {}", version, rows, kIdsVersion,
                      tail.first_row);
  for (uint64_t row = 0; row < rows; row += IdMap::kExtentRows) {
    TRY(ids_.restore(in));
    const uint64_t end = std::min<uint64_t>(row + IdMap::kExtentRows, rows);
    TRY(expiries_.restore(static_cast<Row>(row), static_cast<Row>(end), in));
  }
  TRY(in.finish());
  for (const Row row : tail.removed) {
    ids_.forget(row);
    if (!planted("expiry-stays")) expiries_.erase(row);
  }
  TRY(ids_.index());
  const KeyRange range = row_record_range(number_, tail.first_row);
  auto entry = view.iterate(KvTable::kRecords, range.begin, range.end);
  for (; entry->valid(); entry->next()) {
    const Row row = TRY(row_of_record_key(entry->key()));
    const RowRecord record = TRY(parse_row_record(entry->value()));
    if (row >= next_row_ || ids_.find(record.id_key) != kNoRow)
      return corruption("row {} cannot have id {}", row, record.id_key);
    ids_.insert(record.id_key, row);
    if (record.expires_at_ms != 0 && !planted("expiry-not-replayed"))
      expiries_.insert(row, record.expires_at_ms);
  }
  TRY(entry->status());
  ids_.pack();
  return check_counts(last);
}

Result<void> LocalCollection::check_counts(const Change& last) const {
  if (ids_.size() == last.points && expiries_.size() == last.expiring) return {};
  return corruption("{} ids are stored, {} of them expiring, but the change log says {} and {}", ids_.size(),
                    expiries_.size(), last.points, last.expiring);
}

Result<void> LocalCollection::replay_ids(const KvSnapshot& view, const Change& last) {
  ids_.clear();
  expiries_.clear();
  const KeyRange range = id_entry_range(number_);
  auto entry = view.iterate(KvTable::kRecords, range.begin, range.end);
  for (; entry->valid(); entry->next()) {
    const std::string_view id_key = TRY(id_key_of_entry(entry->key()));
    TRY(parse_id_key(id_key));
    const Row row = TRY(parse_row_value(entry->value()));
    if (row >= next_row_ || ids_.live(row))
      return corruption("id entry names row {}, which {}", row,
                        row >= next_row_ ? "no change made" : "has another id");
    ids_.insert(id_key, row);
  }
  TRY(entry->status());
  if (last.expiring > 0) TRY(replay_expiries(view));
  return check_counts(last);
}

Result<void> LocalCollection::replay_expiries(const KvSnapshot& view) {
  const KeyRange range = row_record_range(number_);
  auto entry = view.iterate(KvTable::kRecords, range.begin, range.end);
  for (; entry->valid(); entry->next()) {
    const Row row = TRY(row_of_record_key(entry->key()));
    const RowRecord record = TRY(parse_row_record(entry->value()));
    if (!ids_.live(row)) return corruption("row {} has a record but no id", row);
    if (record.expires_at_ms != 0) expiries_.insert(row, record.expires_at_ms);
  }
  return entry->status();
}

/// The index of the checkpoint and the changes after it; without one an index from the store, which is done
/// here when it is little.
Result<void> LocalCollection::replay_field(const KvSnapshot& view, uint8_t position, const ChangeTail* tail) {
  FieldIndex& field = *fields_[position];
  const auto going_on = [](std::span<const Row>) { return true; };
  if (tail != nullptr) {
    Result<std::unique_ptr<Index>> index = restore_field(position, *tail);
    if (index.ok()) {
      const Row first = (*index)->stats().rows_end + (planted("replay-misses-a-row") ? 1 : 0);
      if (const auto added = add_stored(view, position, first, **index, &ids_, going_on); !added.ok())
        return without_index(field, added.error());
      field.replace(std::move(*index), /*saved=*/true);
      return {};
    }
    log_error(
        "index of the checkpoint cannot be used: it is built from the store, its field answered by exact "
        "scan",
        {{"collection", name_}, {"field", field.field().name}, {"error", index.error().message}});
  }
  if (ids_.size() > kRowsAtOpen) {
    start_rebuild(position);
    return {};
  }
  std::unique_ptr<Index> index = TRY(field.make_empty());
  if (const auto added = add_stored(view, position, 0, *index, &ids_, going_on); !added.ok())
    return without_index(field, added.error());
  field.replace(std::move(index), /*saved=*/false);
  return {};
}

/// What the machine has no room for now is no damage of the collection.
Result<void> LocalCollection::without_index(FieldIndex& field, const Error& error) const {
  if (error.code != Code::kResourceExhausted) return error;
  field.set_unusable();
  log_error("index cannot be built: its field is answered by exact scan until the directory is opened anew",
            {{"collection", name_}, {"field", field.field().name}, {"error", error.message}});
  return {};
}

/// Without the rows after it.
Result<std::unique_ptr<Index>> LocalCollection::restore_field(uint8_t position,
                                                              const ChangeTail& tail) const {
  std::unique_ptr<Index> index = TRY(fields_[position]->open(
      PrefixedInput(checkpoints_, field_prefix(position)), next_row_ - tail.first_row));
  if (index->stats().rows_end > next_row_)
    return corruption("field '{}': its index knows row {}, which no change made",
                      schema_.vectors[position].name, index->stats().rows_end - 1);
  if (planted("replay-keeps-the-dead")) return index;
  for (const Row row : tail.removed) TRY(index->remove(row));
  return index;
}

}  // namespace kith

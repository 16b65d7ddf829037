// From the store to memory when a directory is opened, see local_collection.h. Everything read is checked: a
// record that does not decode or contradicts another is a Corruption, and the collection is quarantined by
// its database.
#include <cstring>

#include "query/collection/local_collection.h"
#include "storage/log/change_log.h"

namespace kith {

Result<void> LocalCollection::replay() {
  const View view = engine_->store->snapshot();
  const std::optional<Change> last = TRY(last_change(*view, number_));
  if (last.has_value()) {
    sequence_ = last->sequence;
    next_row_ = last->next_row();
  }
  TRY(replay_ids(*view, last.has_value() ? last->points : 0));
  for (size_t field = 0; field < fields_.size(); ++field)
    TRY(replay_field(*view, static_cast<uint8_t>(field)));
  return {};
}

Result<void> LocalCollection::replay_ids(const KvSnapshot& view, uint64_t points) {
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
  if (ids_.size() == points) return {};
  return corruption("{} ids are stored, but the change log says {}", ids_.size(), points);
}

Result<void> LocalCollection::replay_field(const KvSnapshot& view, uint8_t position) {
  FieldIndex& field = *fields_[position];
  const size_t width = vector_bytes(field.field().type, field.field().dim);
  const size_t chunk = std::max<size_t>(1, (1u << 20) / width);
  std::vector<Row> rows;
  std::vector<std::byte> data(chunk * width);
  std::vector<const std::byte*> vectors;
  for (size_t i = 0; i < chunk; ++i) vectors.push_back(data.data() + i * width);
  auto add = [&] { field.add(rows, std::span(vectors).first(rows.size())), rows.clear(); };

  const KeyRange range = vector_range(number_, position, 0, kNoRow);
  auto entry = view.iterate(KvTable::kVectors, range.begin, range.end);
  for (; entry->valid(); entry->next()) {
    const Row row = TRY(row_of_vector_key(entry->key()));
    if (!ids_.live(row))
      return corruption("vector '{}' of row {}: no id has this row", field.field().name, row);
    if (entry->value().size() != width)
      return corruption("vector '{}' of row {} has {} bytes, not {}", field.field().name, row,
                        entry->value().size(), width);
    std::memcpy(data.data() + rows.size() * width, entry->value().data(), width);
    rows.push_back(row);
    if (rows.size() == chunk) add();
  }
  TRY(entry->status());
  add();
  return {};
}

}  // namespace kith

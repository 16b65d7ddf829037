#include "storage/log/change_log.h"

#include "base/bytes.h"

namespace kith {
namespace {

constexpr uint8_t kVersion = 1;

}  // namespace

std::string encode_change(const Change& change) {
  ByteWriter writer;
  writer.number(kVersion);
  writer.number(change.first_row);
  writer.number(change.rows_added);
  writer.number(change.points);
  writer.number(static_cast<uint32_t>(change.removed.size()));
  writer.raw(std::as_bytes(std::span(change.removed)));
  return std::string(as_text(writer.view()));
}

Result<Change> parse_change(uint64_t sequence, std::string_view value) {
  ByteReader reader(as_bytes(value), "change entry");
  const auto version = TRY(reader.number<uint8_t>());
  if (version != kVersion)
    return corruption("change entry {} has version {}, known is {}", sequence, version, kVersion);
  Change change{sequence,
                TRY(reader.number<Row>()),
                TRY(reader.number<uint32_t>()),
                TRY(reader.number<uint64_t>()),
                {}};
  if (kNoRow - change.first_row < change.rows_added)
    return corruption("change entry {} adds {} rows from row {} on: more than there can be", sequence,
                      change.rows_added, change.first_row);
  const uint64_t removed = TRY(reader.number<uint32_t>());
  const auto rows = TRY(reader.raw(removed * sizeof(Row)));
  TRY(reader.finish());
  change.removed.resize(removed);
  if (removed > 0) std::memcpy(change.removed.data(), rows.data(), rows.size());
  return change;
}

void append_change(KvBatch& batch, CollectionNumber collection, const Change& change) {
  batch.put(KvTable::kRecords, change_key(collection, change.sequence), encode_change(change));
  if (change.sequence % kEntriesKept == 0 && change.sequence > kEntriesKept)
    batch.erase_range(KvTable::kRecords, change_range(collection).begin,
                      change_key(collection, change.sequence - kEntriesKept));
}

Result<std::optional<Change>> last_change(const KvSnapshot& view, CollectionNumber collection) {
  const KeyRange range = change_range(collection);
  std::optional<Change> last;
  auto entry = view.iterate(KvTable::kRecords, range.begin, range.end);
  for (; entry->valid(); entry->next()) {
    const uint64_t sequence = TRY(sequence_of_change_key(entry->key()));
    Change change = TRY(parse_change(sequence, entry->value()));
    if (last.has_value() && (sequence != last->sequence + 1 || change.first_row != last->next_row()))
      return corruption("change log jumps from entry {} (next row {}) to entry {} (first row {})",
                        last->sequence, last->next_row(), sequence, change.first_row);
    last = std::move(change);
  }
  TRY(entry->status());
  return last;
}

}  // namespace kith

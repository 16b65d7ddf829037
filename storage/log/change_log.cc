#include "storage/log/change_log.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/planted.h"

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
  writer.number(change.expiring);
  writer.number(change.stamp);
  writer.number(static_cast<uint32_t>(change.removed.size()));
  writer.raw(std::as_bytes(std::span(change.removed)));
  return std::string(as_text(writer.view()));
}

Result<Change> parse_change(uint64_t sequence, std::string_view value) {
  ByteReader reader(as_bytes(value), "change entry");
  const auto version = TRY(reader.number<uint8_t>());
  if (version != kVersion)
    return corruption("change entry {} has version {}, known is {}", sequence, version, kVersion);
  Change change;
  change.sequence = sequence;
  change.first_row = TRY(reader.number<Row>());
  change.rows_added = TRY(reader.number<uint32_t>());
  change.points = TRY(reader.number<uint64_t>());
  change.expiring = TRY(reader.number<uint64_t>());
  change.stamp = TRY(reader.number<uint64_t>());
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
}

Result<std::optional<ChangeTail>> changes_after(const KvSnapshot& view, CollectionNumber collection,
                                                uint64_t sequence, uint64_t stamp) {
  const std::optional<ChangeTail> none;
  ChangeTail tail;
  uint64_t expected = std::max<uint64_t>(sequence, 1);  // the entry of that sequence itself: for its stamp
  auto entry =
      view.iterate(KvTable::kRecords, change_key(collection, expected), change_range(collection).end);
  for (; entry->valid(); entry->next(), ++expected) {
    const uint64_t found = TRY(sequence_of_change_key(entry->key()));
    if (found != expected) return none;
    const Change change = TRY(parse_change(found, entry->value()));
    if (found == sequence) {
      if (change.stamp != stamp && !planted("stamp-unchecked")) return none;
      tail.first_row = change.next_row();
    } else {
      tail.removed.insert(tail.removed.end(), change.removed.begin(), change.removed.end());
    }
  }
  TRY(entry->status());
  if (expected <= sequence) return none;
  if (planted("replay-skips-last") && !tail.removed.empty()) tail.removed.pop_back();
  if (planted("replay-skips-first") && !tail.removed.empty()) tail.removed.erase(tail.removed.begin());
  return std::optional<ChangeTail>(std::move(tail));
}

void trim_changes(KvBatch& batch, CollectionNumber collection, uint64_t sequence) {
  const uint64_t kept = planted("log-trimmed-to-the-end") ? 0 : kEntriesKept;
  if (sequence <= kept) return;
  batch.erase_range(KvTable::kRecords, change_range(collection).begin,
                    change_key(collection, sequence - kept + (kept == 0)));
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

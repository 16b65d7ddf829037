// Purges: what was removed goes out of every file of the directory, see Database::compact. Where it may be:
//
//   the store     tables and blob files: rewritten whole; the log: flushed away (KvStore::purge)
//   indexes       tombstoned vectors, in memory, scratch files and checkpoints: each index is built anew from
//                 live rows beside the one that serves, takes its place, and a checkpoint follows
//   columns       texts and numbers of payloads: what no live row has is swept out of them
//   ids           a checkpoint has those of live rows alone
//   change log    rows and counts, no payload and no vector
//
// The collection remembers how many points were gone by the last one:
//   u8 version = 1, u64 sequence, u64 points removed by then, i64 time (milliseconds since 1970 UTC)
#include "base/bytes.h"
#include "query/collection/local_collection.h"

namespace kith {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr uint8_t kVersion = 1;
constexpr auto kPoll = std::chrono::milliseconds(5);

/// Of all files that have a name; those that go meanwhile have none.
Result<uint64_t> bytes_below(FileSystem& fs, const std::string& path) {
  if (const auto file = fs.open(path); file.ok()) return (*file)->size();
  const auto names = fs.list(path);
  if (!names.ok()) return names.error().code == Code::kNotFound ? Result<uint64_t>(0) : names.error();
  uint64_t bytes = 0;
  for (const std::string& name : *names) bytes += TRY(bytes_below(fs, path + '/' + name));
  return bytes;
}

}  // namespace

Result<PurgeReceipt> LocalCollection::compact(const Stop& stop) {
  return while_alive([&] { return compact_alive(stop); });
}

Result<PurgeReceipt> LocalCollection::compact_alive(const Stop& stop) {
  const auto start = SteadyClock::now();
  PurgeReceipt receipt;
  receipt.bytes_before = TRY(bytes_below(engine_->fs, engine_->directory));
  uint64_t removed = 0;
  queue_.run_exclusively([&] {
    receipt.sequence = sequence_;
    removed = next_row_ - ids_.size();  // each row was a point's, and is given once
  });
  receipt.points_removed = removed - TRY(removed_before());

  for (size_t position = 0; position < fields_.size(); ++position)
    TRY(replace_index(static_cast<uint8_t>(position), stop));
  queue_.run_exclusively([&] { columns_->sweep(); });
  TRY(checkpoint());
  while (checkpoints_.pins() > 0) {
    TRY(stop.check());
    std::this_thread::sleep_for(kPoll);
  }
  TRY(checkpoints_.sweep());
  const KeyRange range = collection_range(number_);
  for (const KvTable table : {KvTable::kRecords, KvTable::kVectors})
    TRY(engine_->store->purge(table, range.begin, range.end, stop));

  ByteWriter record;
  record.number(kVersion);
  record.number(receipt.sequence);
  record.number(removed);
  record.number(engine_->clock.wall_ms());
  KvBatch batch;
  batch.put(KvTable::kRecords, purge_key(number_), as_text(record.view()));
  TRY(engine_->store->write(batch, KvSurvives::kPower));
  receipt.bytes_after = TRY(bytes_below(engine_->fs, engine_->directory));
  receipt.seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
  return receipt;
}

/// By the last purge.
Result<uint64_t> LocalCollection::removed_before() const {
  const View view = engine_->store->snapshot();
  const std::optional<std::string> record = TRY(view->get(KvTable::kRecords, purge_key(number_)));
  if (!record.has_value()) return uint64_t{0};
  ByteReader in(as_bytes(*record), "record of the last purge");
  const auto version = TRY(in.number<uint8_t>());
  if (version != kVersion)
    return corruption("record of the last purge has version {}, known is {}", version, kVersion);
  TRY(in.number<uint64_t>());
  return in.number<uint64_t>();
}

}  // namespace kith

// links: kith_storage
// Goal: whatever stands where the change log should, reading it gives entries that follow each other, a tail
// that is made of them, or an error. Method: the input is a list of entries: sequences, stamps, rows, and
// values that are no entries.
#include "base/check.h"
#include "storage/kv/memory_kv_store.h"
#include "storage/log/change_log.h"

namespace {

using namespace kith;

constexpr CollectionNumber kCollection = 3;

struct Input {
  const uint8_t* data;
  size_t left;
  uint8_t next() {
    if (left == 0) return 0;
    --left;
    return *data++;
  }
};

void add_entries(Input& input, KvBatch& batch) {
  uint64_t sequence = input.next() % 3;
  Row next_row = 0;
  while (input.left > 0) {
    const uint8_t how = input.next();
    sequence += how % 16 == 0 ? 2 : 1;  // a hole
    Change change;
    change.sequence = sequence;
    change.first_row = how % 16 == 1 ? input.next() : next_row;
    change.rows_added = input.next();
    if (how % 32 == 2) change.first_row = kNoRow - 1;
    change.points = input.next();
    change.stamp = input.next();
    for (uint8_t i = how / 64; i > 0; --i) change.removed.push_back(input.next());
    std::string value = encode_change(change);
    if (how % 16 == 3) value.resize(input.next() % value.size());
    if (how % 16 == 4) value[input.next() % value.size()] = static_cast<char>(input.next());
    batch.put(KvTable::kRecords, change_key(kCollection, sequence), value);
    next_row = change.next_row();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input{data, size};
  const uint64_t after = input.next() % 8;
  const uint64_t stamp = input.next();
  KvBatch batch;
  add_entries(input, batch);
  const auto store = make_memory_kv_store(std::make_shared<MemoryKvData>());
  store->write(batch, KvSurvives::kPower).value();
  const auto view = store->snapshot();
  const auto last = last_change(*view, kCollection);
  const auto tail = changes_after(*view, kCollection, after, stamp);
  if (!last.ok()) CHECK(last.error().code == Code::kCorruption);
  if (!tail.ok()) CHECK(tail.error().code == Code::kCorruption);
  if (!last.ok() || !tail.ok() || !tail->has_value()) return 0;
  // A tail there is only where the log leads from there to its end.
  CHECK(last->has_value() ? (*last)->sequence >= after : after == 0);
  CHECK(!last->has_value() || (*tail)->first_row <= (*last)->next_row());
  KvBatch trim;
  trim_changes(trim, kCollection, kEntriesKept + after);
  store->write(trim, KvSurvives::kPower).value();
  (void)last_change(*store->snapshot(), kCollection).ok();
  return 0;
}

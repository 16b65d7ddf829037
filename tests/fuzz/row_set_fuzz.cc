// links: kith_base
// Goal: RowSet::parse turns any bytes into a consistent set or a Corruption. What parses must serialise to a
// set that parses to the same set, and its operations must stay inside the sanitizers' bounds.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/row_set.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using kith::Row;
  using kith::RowSet;
  kith::Result<RowSet> parsed = RowSet::parse({reinterpret_cast<const std::byte*>(data), size});
  if (!parsed.ok()) {
    CHECK(parsed.error().code == kith::Code::kCorruption);
    return 0;
  }
  const kith::Result<RowSet> again = RowSet::parse(parsed->serialize());
  CHECK(again.ok() && *again == *parsed);

  uint64_t visited = 0;
  int64_t last = -1;
  parsed->for_each([&](Row row) {
    CHECK(row > last && parsed->contains(row));
    last = row;
    return ++visited < 100'000;
  });
  CHECK(visited == parsed->size() || visited == 100'000);

  RowSet changed = *parsed;
  changed.add(size == 0 ? 0 : data[0]);
  changed.unite(*parsed);
  changed.intersect(*again);
  CHECK(changed == *parsed);
  changed.subtract(*parsed);
  CHECK(changed.empty());
  return 0;
}

// links: kith_storage
// Goal: any bytes read as the ids of a checkpoint give a map that works and is saved as the same bytes, or a
// Corruption. Method: edits of a valid block with its checksum made right, or raw bytes; what is restored is
// indexed, looked up, forgotten and changed.
#include <array>

#include "base/check.h"
#include "base/crc32c.h"
#include "storage/rows/id_map.h"
#include "tests/fuzz/edits.h"

namespace {

using namespace kith;

std::vector<std::byte> valid_block() {
  IdMap ids(1);
  for (Row row = 0; row < 12; ++row) {
    if (row % 3 == 0) ids.insert(number_id_key(row * 7), row);
    if (row % 3 == 1) ids.insert(text_id_key(std::string(row, 'a')), row);
    if (row % 3 == 2)
      ids.insert(uuid_id_key(std::array<uint8_t, kUuidBytes>{static_cast<uint8_t>(row)}), row);
  }
  ids.erase(4);
  ids.erase(9);
  ByteWriter out;
  ids.save(0, 12, out);
  return out.take();
}

void use(IdMap& ids) {
  size_t live = 0;
  for (Row row = 0; row < ids.rows_end(); ++row) {
    const std::string id_key = ids.id_key(row);
    CHECK(id_key.empty() == !ids.live(row));
    if (id_key.empty()) continue;
    ++live;
    CHECK(ids.find(id_key) == row);
  }
  CHECK(live == ids.size());
  const Row last = ids.rows_end();
  const std::string added = text_id_key("added");
  if (ids.find(added) == kNoRow) ids.insert(added, last);
  for (Row row = 0; row < ids.rows_end(); ++row)
    if (ids.live(row)) ids.erase(row);
  CHECK(ids.size() == 0 && ids.find(added) == kNoRow);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<std::byte> kValid = valid_block();
  std::vector<std::byte> bytes = fuzz::edited({data, size}, kValid);
  if (bytes.size() >= 4) {  // of a block that fills them
    const auto body = std::span(bytes).first(bytes.size() - 4);
    store_le(bytes.data() + body.size(), crc32c(body));
  }
  IdMap ids(size);
  ByteReader in(bytes, "fuzzed");
  if (const auto restored = ids.restore(in); !restored.ok()) {
    CHECK(restored.error().code == Code::kCorruption);
    return 0;
  }
  ByteWriter out;
  ids.save(0, IdMap::kExtentRows, out);
  CHECK(std::ranges::equal(out.view(), std::span(bytes).first(in.offset())));
  if (size % 2 == 1) ids.forget(static_cast<Row>(size % 16));
  if (const auto indexed = ids.index(); !indexed.ok()) {
    CHECK(indexed.error().code == Code::kCorruption);
    return 0;
  }
  use(ids);
  return 0;
}

// Goal: an id map comes back from its saved extents, also from such that were saved at different moments, and
// no damaged block is believed. Method: random maps of all kinds of ids; every byte of a small one flipped
// and cut.
#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "storage/rows/id_map.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

std::string id_of(uint64_t pick) {
  if (pick % 3 == 0) return number_id_key(pick);
  if (pick % 3 == 1) {
    std::array<uint8_t, kUuidBytes> uuid{};
    for (size_t i = 0; i < uuid.size(); ++i) uuid[i] = static_cast<uint8_t>(mix64(pick + i));
    return uuid_id_key(uuid);
  }
  return text_id_key(std::to_string(pick) + std::string(pick % 50, 't'));
}

std::vector<std::byte> saved(const IdMap& map, Row rows_end) {
  ByteWriter out;
  for (uint32_t extent = 0; extent * IdMap::kExtentRows < rows_end; ++extent) map.save(extent, rows_end, out);
  return out.take();
}

Result<void> restore(std::span<const std::byte> bytes, IdMap& map) {
  ByteReader in(bytes);
  while (in.left() > 0) TRY(map.restore(in));
  return map.index();
}

TEST(IdMapCodec, ComesBackWhole) {
  const uint64_t seed = 11;
  Random random(seed);
  IdMap map(seed);
  std::map<std::string, Row> model;
  for (Row row = 0; row < 150'000; ++row) {
    if (random.below(10) == 0) continue;
    map.insert(id_of(row), row);
    model[id_of(row)] = row;
    if (random.below(5) > 0) continue;
    const auto gone = model.begin();
    map.erase(gone->second);
    model.erase(gone);
  }
  IdMap back(seed + 1);
  ASSERT_OK(restore(saved(map, map.rows_end()), back));
  EXPECT_EQ(back.size(), model.size());
  for (const auto& [id, row] : model) {
    ASSERT_EQ(back.find(id), row);
    ASSERT_EQ(back.id_key(row), id);
  }
  back.insert(id_of(1'000'000), 150'000);
  back.erase(model.begin()->second);
  EXPECT_EQ(back.find(model.begin()->first), kNoRow);
  EXPECT_EQ(back.size(), model.size());
}

/// An id moves to a new row between the saving of one extent and the next: both rows are in the files.
TEST(IdMapCodec, ExtentsOfDifferentMomentsAreMadeOneByForgettingWhatWasRemoved) {
  IdMap map(1);
  const Row far = IdMap::kExtentRows + 5;
  map.insert(id_of(8), 3);
  map.insert(id_of(9), far);
  ByteWriter out;
  map.save(0, far + 2, out);
  map.erase(3);
  map.insert(id_of(8), far + 1);
  map.save(1, far + 2, out);
  IdMap torn(2);
  EXPECT_TRUE(test::is_error(restore(out.view(), torn), Code::kCorruption, "one id"));
  IdMap back(2);
  ByteReader in(out.view());
  while (in.left() > 0) ASSERT_OK(back.restore(in));
  back.forget(3);
  back.forget(4);  // never was
  ASSERT_OK(back.index());
  EXPECT_EQ(back.find(id_of(8)), far + 1);
  EXPECT_EQ(back.find(id_of(9)), far);
  EXPECT_EQ(back.size(), 2u);
}

TEST(IdMapCodec, BelievesNoDamagedByte) {
  IdMap map(1);
  for (Row row = 0; row < 20; ++row) map.insert(id_of(row), row);
  const std::vector<std::byte> bytes = saved(map, 20);
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::vector<std::byte> damaged = bytes;
      damaged[at] ^= std::byte{static_cast<uint8_t>(1 << bit)};
      IdMap back(2);
      ASSERT_FALSE(restore(damaged, back).ok()) << "byte " << at << " bit " << bit;
    }
    IdMap back(2);
    ASSERT_TRUE(at == 0 || !restore(std::span(bytes).first(at), back).ok()) << "cut at " << at;
  }
}

}  // namespace
}  // namespace kith

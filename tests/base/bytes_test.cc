// Goal: numbers and texts come back as written, and no truncation or lie of a length reads beyond the span.
// Method: a round trip, then the same record cut at every byte and with every length field enlarged.
#include "base/bytes.h"

#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"

namespace kith {
namespace {

struct Record {
  uint64_t a;
  int16_t b;
  std::string text;
  double c;
};

Result<Record> read_record(std::span<const std::byte> bytes) {
  ByteReader reader(bytes, "test record");
  Record record;
  record.a = TRY(reader.number<uint64_t>());
  record.b = TRY(reader.number<int16_t>());
  record.text = TRY(reader.text());
  record.c = TRY(reader.number<double>());
  TRY(reader.finish());
  return record;
}

std::vector<std::byte> written() {
  ByteWriter writer;
  writer.number(uint64_t{0x0102030405060708});
  writer.number(int16_t{-2});
  writer.text("kith and kin");
  writer.number(2.5);
  return writer.take();
}

TEST(Bytes, RoundTrip) {
  const auto bytes = written();
  EXPECT_EQ(bytes[0], std::byte{8}) << "little-endian";
  ASSERT_VALUE(record, read_record(bytes));
  EXPECT_EQ(record.a, 0x0102030405060708u);
  EXPECT_EQ(record.b, -2);
  EXPECT_EQ(record.text, "kith and kin");
  EXPECT_EQ(record.c, 2.5);
}

TEST(Bytes, EveryTruncationIsCorruption) {
  const auto bytes = written();
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_ERROR(read_record(std::span(bytes).first(length)), Code::kCorruption, "test record");
}

TEST(Bytes, LeftOverBytesAreCorruption) {
  auto bytes = written();
  bytes.push_back({});
  EXPECT_ERROR(read_record(bytes), Code::kCorruption, "1 unexpected bytes at offset 34");
}

TEST(Bytes, ALyingLengthIsCorruption) {
  for (const uint32_t lie : {13u, 100u, 0x7fffffffu, 0xffffffffu}) {
    auto bytes = written();
    store_le(bytes.data() + 10, lie);
    EXPECT_ERROR(read_record(bytes), Code::kCorruption, "test record");
  }
  ByteReader reader(std::span<const std::byte>{});
  EXPECT_ERROR(reader.raw(UINT64_MAX), Code::kCorruption, "18446744073709551615 bytes wanted");
}

TEST(Bytes, PatchOverwritesInPlace) {
  ByteWriter writer;
  writer.number(uint32_t{0});
  writer.text("x");
  writer.patch(0, uint32_t{7});
  EXPECT_EQ(load_le<uint32_t>(writer.view().data()), 7u);
  EXPECT_EQ(writer.size(), 9u);
  EXPECT_DEATH(writer.patch(6, uint32_t{7}), "broken invariant");
}

}  // namespace
}  // namespace kith

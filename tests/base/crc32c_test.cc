// Goal: every way to compute CRC-32C gives the standard's value. Method: published vectors (RFC 3720 B.4),
// then all ways against a bit-by-bit one on random data of every length and alignment that a stripe or word
// boundary could hit.
#include "base/crc32c.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/random.h"

namespace kith {
namespace {

uint32_t crc_by_bits(std::span<const std::byte> data, uint32_t seed) {
  uint32_t crc = ~seed;
  for (const std::byte b : data) {
    crc ^= static_cast<uint32_t>(b);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
  }
  return ~crc;
}

std::vector<std::byte> random_bytes(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<std::byte> bytes(count);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random.next());
  return bytes;
}

TEST(Crc32c, PublishedVectors) {
  std::vector<std::byte> zeros(32), ones(32, std::byte{0xff}), up(32), down(32);
  for (size_t i = 0; i < 32; ++i) up[i] = static_cast<std::byte>(i), down[31 - i] = up[i];
  for (const Crc32cWay& way : crc32c_ways()) {
    SCOPED_TRACE(way.name);
    EXPECT_EQ(way.compute(zeros, 0), 0x8a9136aau);
    EXPECT_EQ(way.compute(ones, 0), 0x62a8ab43u);
    EXPECT_EQ(way.compute(up, 0), 0x46dd794eu);
    EXPECT_EQ(way.compute(down, 0), 0x113fdb5cu);
    EXPECT_EQ(way.compute(as_bytes("123456789"), 0), 0xe3069283u);
    EXPECT_EQ(way.compute({}, 0), 0u);
  }
}

TEST(Crc32c, AllWaysAgreeAtEveryLengthAndAlignment) {
  const uint64_t seed = 7;
  const auto data = random_bytes(20'000, seed);
  std::vector<size_t> lengths;
  for (size_t i = 0; i < 200; ++i) lengths.push_back(i);
  for (size_t near : {1024, 2048, 3072, 4096, 6144, 9216, 12288})
    for (size_t i = near - 9; i <= near + 9; ++i) lengths.push_back(i);
  for (const size_t length : lengths) {
    const size_t start = length % 13;
    const auto part = std::span(data).subspan(start, length);
    const auto first = static_cast<uint32_t>(mix64(length));
    const uint32_t expected = crc_by_bits(part, first);
    for (const Crc32cWay& way : crc32c_ways())
      ASSERT_EQ(way.compute(part, first), expected) << way.name << " length " << length << " seed " << seed;
    ASSERT_EQ(crc32c(part, first), expected) << "length " << length;
  }
}

TEST(Crc32c, ContinuesFromASeed) {
  const auto data = random_bytes(10'000, 8);
  const uint32_t whole = crc32c(data);
  for (size_t cut = 0; cut <= data.size(); cut += 777)
    EXPECT_EQ(crc32c(std::span(data).subspan(cut), crc32c(std::span(data).first(cut))), whole)
        << "cut " << cut;
}

TEST(Crc32c, AnySingleBitChangesIt) {
  auto data = random_bytes(64, 9);
  const uint32_t before = crc32c(data);
  for (size_t bit = 0; bit < data.size() * 8; ++bit) {
    data[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    EXPECT_NE(crc32c(data), before) << "bit " << bit;
    data[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
  }
}

}  // namespace
}  // namespace kith

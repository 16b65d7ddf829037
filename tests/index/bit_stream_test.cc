// Goal: numbers of any width come back, and a reader never goes beyond its bytes. Method: random widths and
// values against a plain list; every cut of what was written.
#include "index/bit_stream.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/support/vectors.h"

namespace kith::test {
namespace {

struct Number {
  uint32_t value;
  unsigned width;
};

std::vector<Number> random_numbers(Random& random, size_t count) {
  std::vector<Number> numbers;
  for (size_t i = 0; i < count; ++i) {
    const auto width = static_cast<unsigned>(random.below(33));
    numbers.push_back({static_cast<uint32_t>(random.below(uint64_t{1} << width)), width});
  }
  return numbers;
}

TEST(BitStream, GivesBackNumbersOfAnyWidth) {
  const uint64_t seed = test_seed(301);
  SCOPED_TRACE(seed);
  Random random(seed);
  for (size_t count = 0; count < 300; ++count) {
    const std::vector<Number> numbers = random_numbers(random, count);
    BitWriter writer;
    uint64_t bits = 0;
    for (const Number& number : numbers) {
      writer.put(number.value, number.width);
      bits += number.width;
    }
    const std::vector<std::byte> bytes = writer.take();
    ASSERT_EQ(bytes.size(), (bits + 7) / 8);
    BitReader reader(bytes);
    for (const Number& number : numbers) ASSERT_EQ(reader.get(number.width), number.value);
    EXPECT_TRUE(reader.finished());
    EXPECT_EQ(reader.get(0), 0u);
    EXPECT_FALSE(reader.failed());
    (void)reader.get(8);
    EXPECT_TRUE(reader.failed());
    EXPECT_FALSE(reader.finished());
    EXPECT_TRUE(writer.take().empty()) << "the writer is as new";
  }
}

TEST(BitStream, EndsWhereItsBytesEnd) {
  const uint64_t seed = test_seed(302);
  SCOPED_TRACE(seed);
  Random random(seed);
  const std::vector<Number> numbers = random_numbers(random, 100);
  BitWriter writer;
  for (const Number& number : numbers) writer.put(number.value, number.width);
  const std::vector<std::byte> whole = writer.take();
  for (size_t length = 0; length < whole.size(); ++length) {
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
    BitReader reader(cut);
    uint64_t read = 0;
    for (const Number& number : numbers) {
      const uint32_t value = reader.get(number.width);
      read += number.width;
      ASSERT_EQ(value, read <= length * 8 ? number.value : 0u);
      if (read > length * 8) break;
    }
    EXPECT_TRUE(reader.failed());
    EXPECT_EQ(reader.get(32), 0u);
  }
}

TEST(BitStream, WhatFillsUpTheLastByteIsZero) {
  BitWriter writer;
  writer.put(5, 3);
  std::vector<std::byte> bytes = writer.take();
  for (unsigned bit = 3; bit < 8; ++bit) {
    bytes[0] = std::byte{5} | std::byte{1} << bit;
    BitReader reader(bytes);
    EXPECT_EQ(reader.get(3), 5u);
    EXPECT_FALSE(reader.finished()) << bit;
  }
  bytes = {std::byte{5}, std::byte{0}};
  BitReader longer(bytes);
  EXPECT_EQ(longer.get(3), 5u);
  EXPECT_FALSE(longer.finished()) << "a byte too many";
}

}  // namespace
}  // namespace kith::test

// Goal: RFC 3339 text and nanoseconds are one, and nothing else is a moment. Method: texts with known
// seconds, texts that are wrong in one place each, and random moments written and read back.
#include "query/filter/moment.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/random.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(Moment, ReadsDatesTimesAndOffsets) {
  const std::pair<const char*, int64_t> texts[] = {
      {"1970-01-01", 0},
      {"2026-11-22", 1795305600 * kSecond},
      {"2026-11-22T05:52:19Z", 1795326739 * kSecond},
      {"2026-11-22t05:52:19z", 1795326739 * kSecond},
      {"2026-11-22T06:52:19+01:00", 1795326739 * kSecond},
      {"2026-11-21T23:22:19-06:30", 1795326739 * kSecond},
      {"2026-11-22T05:52:19-00:00", 1795326739 * kSecond},
      {"2026-11-22T05:52:19.5Z", 1795326739 * kSecond + kSecond / 2},
      {"2026-11-22T05:52:19.000000001Z", 1795326739 * kSecond + 1},
      {"2026-11-22T05:52:19.0000000019Z", 1795326739 * kSecond + 1},
      {"1969-12-31T23:59:59.999999999Z", -1},
      {"2024-02-29", 1709164800 * kSecond},
      {"2016-12-31T23:59:60Z", 1483228800 * kSecond},
      {"2017-01-01T00:59:60+01:00", 1483228800 * kSecond},
      {"2262-04-11T23:47:16.854775807Z", std::numeric_limits<int64_t>::max()},
      {"1677-09-21T00:12:43.145224192Z", std::numeric_limits<int64_t>::min()},
  };
  for (const auto& [text, ns] : texts) {
    const auto moment = parse_moment(text);
    ASSERT_TRUE(moment) << text;
    EXPECT_EQ(moment->ns, ns) << text;
  }
}

TEST(Moment, IsStrict) {
  for (const char* text : {"",
                           "2026",
                           "2026-11",
                           "2026-1-22",
                           "26-11-22",
                           "2026-13-01",
                           "2026-00-01",
                           "2026-11-31",
                           "2026-11-00",
                           "2025-02-29",
                           "1900-02-29",
                           " 2026-11-22",
                           "2026-11-22 ",
                           "2026-11-22T",
                           "2026-11-22T05:52:19",
                           "2026-11-22 05:52:19Z",
                           "2026-11-22T05:52Z",
                           "2026-11-22T24:00:00Z",
                           "2026-11-22T05:60:00Z",
                           "2026-11-22T05:52:61Z",
                           "2026-11-22T05:52:60Z",
                           "2026-11-22T05:52:19.Z",
                           "2026-11-22T05:52:19,5Z",
                           "2026-11-22T05:52:19+0100",
                           "2026-11-22T05:52:19+24:00",
                           "2026-11-22T05:52:19+01:60",
                           "2026-11-22T05:52:19ZZ",
                           "2026-11-22T-5:52:19Z",
                           "2262-04-11T23:47:16.854775808Z",
                           "1677-09-21T00:12:43.145224191Z",
                           "0000-01-01",
                           "9999-12-31",
                           "+026-11-22",
                           "２０２６-11-22"})
    EXPECT_FALSE(parse_moment(text)) << text;
}

TEST(Moment, IsReadBackAsWritten) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(seed);
  Random random(seed);
  EXPECT_EQ(to_text(Moment{}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(to_text(Moment{-1}), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(to_text(Moment{1500000000}), "1970-01-01T00:00:01.5Z");
  for (int i = 0; i < 20'000; ++i) {
    auto ns = static_cast<int64_t>(random.next());
    if (i == 0) ns = std::numeric_limits<int64_t>::min();
    if (i == 1) ns = std::numeric_limits<int64_t>::max();
    if (i % 3 == 0) ns -= ns % kSecond;
    const auto read = parse_moment(to_text(Moment{ns}));
    ASSERT_TRUE(read) << to_text(Moment{ns});
    ASSERT_EQ(read->ns, ns) << to_text(Moment{ns});
  }
}

}  // namespace
}  // namespace kith

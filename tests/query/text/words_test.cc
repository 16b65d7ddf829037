// Goal: texts are cut into the words that people see, the same whatever form they are written in. Method:
// texts with known words in several scripts, forms that must fold together, bytes that are no text.
#include "query/text/words.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "base/random.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

using testing::ElementsAre;

TEST(Words, AreLettersAndDigitsBetweenBoundaries) {
  EXPECT_THAT(words_of(""), ElementsAre());
  EXPECT_THAT(words_of(" .,;-\n\t…"), ElementsAre());
  EXPECT_THAT(words_of("The quick (brown) fox, the end."),
              ElementsAre("the", "quick", "brown", "fox", "the", "end"));
  EXPECT_THAT(words_of("can't cost 3.14 or 1,000 in 2026-11-22"),
              ElementsAre("can't", "cost", "3.14", "or", "1,000", "in", "2026", "11", "22"));
  EXPECT_THAT(words_of("snake_case e-mail"), ElementsAre("snake_case", "e", "mail"));
  EXPECT_THAT(words_of("Ελλάδα Москва"), ElementsAre("ελλάδα", "москва"));
  EXPECT_EQ(words_of("東京都に住む").size(), word_set("東京都に住む").size());
  EXPECT_GE(words_of("東京都に住む").size(), 3u) << "no spaces, but words";
}

TEST(Words, FoldCaseAndForm) {
  EXPECT_EQ(words_of("Straße"), words_of("STRASSE"));
  EXPECT_EQ(words_of("ﬁn"), words_of("fin"));
  EXPECT_EQ(words_of("Ａ１"), words_of("a1"));
  EXPECT_EQ(words_of("e\u0301te\u0301"), words_of("\u00e9t\u00e9"));
  EXPECT_EQ(words_of("soft\u00adhyphen"), words_of("softhyphen"));
  EXPECT_NE(words_of("été"), words_of("ete")) << "accents tell words apart";
}

TEST(Words, OfASetAreSortedAndOnce) {
  EXPECT_THAT(word_set("b a B c a"), ElementsAre("a", "b", "c"));
}

TEST(Words, TakesAnyBytes) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(seed);
  Random random(seed);
  EXPECT_THAT(words_of("a\xff\xfe b\xc3"), ElementsAre("a", "b"));
  for (int i = 0; i < 2'000; ++i) {
    std::string bytes(random.below(60), '\0');
    for (char& c : bytes) c = static_cast<char>(random.below(i % 2 == 0 ? 256 : 128));
    for (const std::string& word : words_of(bytes)) ASSERT_FALSE(word.empty());
  }
  // One character becomes eighteen.
  std::string grows;
  for (int i = 0; i < 1'000; ++i) grows += "\uFDFA ";
  EXPECT_EQ(words_of(grows).size(), 4'000u);
}

TEST(Words, AreTheSameOnManyThreadsConcurrently) {
  const auto expected = words_of("Zwei Wörter, and 3.14 more");
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) wrong += words_of("Zwei Wörter, and 3.14 more") != expected;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace kith

#include "query/text/words.h"

#include <unicode/ubrk.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include <algorithm>
#include <memory>

#include "base/check.h"

namespace kith {
namespace {

struct CloseBreaks {
  void operator()(UBreakIterator* breaks) const { ubrk_close(breaks); }
};

// Opening one reads ICU's rules, which takes longer than most texts. An installation without them is broken.
UBreakIterator* thread_breaks() {
  thread_local const std::unique_ptr<UBreakIterator, CloseBreaks> breaks = [] {
    UErrorCode status = U_ZERO_ERROR;
    UBreakIterator* opened = ubrk_open(UBRK_WORD, "", nullptr, 0, &status);
    CHECK(U_SUCCESS(status));
    return std::unique_ptr<UBreakIterator, CloseBreaks>(opened);
  }();
  return breaks.get();
}

// UTF-16 never has more units than UTF-8 has bytes.
std::u16string utf16(std::string_view utf8) {
  std::u16string out(utf8.size(), u'\0');
  int32_t units = 0;
  UErrorCode status = U_ZERO_ERROR;
  u_strFromUTF8WithSub(out.data(), static_cast<int32_t>(out.size()), &units, utf8.data(),
                       static_cast<int32_t>(utf8.size()), 0xfffd, nullptr, &status);
  CHECK(U_SUCCESS(status));
  out.resize(static_cast<size_t>(units));
  return out;
}

std::u16string folded(const std::u16string& text) {
  UErrorCode status = U_ZERO_ERROR;
  const UNormalizer2* normalizer = unorm2_getNFKCCasefoldInstance(&status);
  CHECK(U_SUCCESS(status));
  std::u16string out(text.size() + text.size() / 8 + 16, u'\0');  // most texts hardly grow
  for (;;) {
    status = U_ZERO_ERROR;
    const int32_t units = unorm2_normalize(normalizer, text.data(), static_cast<int32_t>(text.size()),
                                           out.data(), static_cast<int32_t>(out.size()), &status);
    const bool fits = status != U_BUFFER_OVERFLOW_ERROR;
    CHECK(!fits || U_SUCCESS(status));
    out.resize(static_cast<size_t>(units));
    if (fits) return out;
  }
}

std::string utf8(std::u16string_view text) {
  std::string out(text.size() * 3, '\0');  // a unit takes three bytes at most
  int32_t bytes = 0;
  UErrorCode status = U_ZERO_ERROR;
  u_strToUTF8WithSub(out.data(), static_cast<int32_t>(out.size()), &bytes, text.data(),
                     static_cast<int32_t>(text.size()), 0xfffd, nullptr, &status);
  CHECK(U_SUCCESS(status));
  out.resize(static_cast<size_t>(bytes));
  return out;
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  CHECK(text.size() <= kWordsTextBytesMax);
  std::vector<std::string> words;
  if (text.empty()) return words;
  const std::u16string units = folded(utf16(text));
  UBreakIterator* breaks = thread_breaks();
  UErrorCode status = U_ZERO_ERROR;
  ubrk_setText(breaks, units.data(), static_cast<int32_t>(units.size()), &status);
  CHECK(U_SUCCESS(status));
  int32_t begin = ubrk_first(breaks);
  for (int32_t end = ubrk_next(breaks); end != UBRK_DONE; begin = end, end = ubrk_next(breaks)) {
    if (ubrk_getRuleStatus(breaks) < UBRK_WORD_NONE_LIMIT) continue;  // spaces and punctuation
    words.push_back(utf8(
        std::u16string_view(units).substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin))));
  }
  return words;
}

std::vector<std::string> word_set(std::string_view text) {
  std::vector<std::string> words = words_of(text);
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

}  // namespace kith

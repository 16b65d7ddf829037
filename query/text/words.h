// Words of a text, as MatchWords and full-text columns see them: the text is brought to NFKC with case folded
// (Unicode's NFKC_Casefold: "Straße" and "STRASSE" are one, so are "ﬁ" and "fi"), then cut at the word
// boundaries of UAX #29; pieces with a letter, a digit, a kana or an ideograph are words. "3.14" and "don't"
// are one each. Chinese, Japanese, Thai and the like are cut by ICU's dictionaries, so they depend on its
// version. words.cc is the only file that sees ICU.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kith {

inline constexpr size_t kWordsTextBytesMax = size_t{64} << 20;  // far beyond every payload and filter

/// In the order of the text, repeated as often as there. What is not UTF-8 is no part of a word. `utf8` has
/// at most kWordsTextBytesMax bytes. Any thread.
std::vector<std::string> words_of(std::string_view utf8);

/// The same, sorted and each once.
std::vector<std::string> word_set(std::string_view utf8);

}  // namespace kith

// FilterTokens: cuts filter text into tokens, one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kith {

struct FilterToken {
  enum class Kind : uint8_t {
    kEnd,
    kWord,    // letters, digits, _ and -: a name, or a keyword where one is looked for
    kName,    // in double quotes: a name whatever it says
    kString,  // in single quotes
    kNumber,
    kSymbol,  // ( ) , . = != <> < <= > >=
    kWrong,   // text that is no token; `value` says why
  };
  Kind kind = Kind::kEnd;
  std::string_view text;  // as written
  size_t at = 0;          // where in the whole, in bytes
  std::string value;      // of names and strings, without quotes
};

/// `text` must outlive it.
class FilterTokens {
 public:
  explicit FilterTokens(std::string_view text) : whole_(text) { take(); }

  /// The next one, not yet taken.
  const FilterToken& peek() const { return next_; }
  /// Moves on; kEnd and kWrong stay where they are.
  void take();

  /// Characters before `token`, and one: what people call its column.
  size_t column(const FilterToken& token) const;

 private:
  void take_quoted(char quote, FilterToken::Kind kind);
  void take_number();
  void take_word();
  void take_symbol();
  void finish(FilterToken::Kind kind, size_t bytes);

  std::string_view whole_;
  size_t at_ = 0;  // past next_
  FilterToken next_;
};

/// Is `text` this keyword (given in capitals), in any case?
bool is_keyword(std::string_view text, std::string_view keyword);
/// Can `text` stand in a path without quotes, as its first name or after a point?
bool is_bare_name(std::string_view text, bool first);

}  // namespace kith

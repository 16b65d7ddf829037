#include "query/filter/filter_tokens.h"

#include <algorithm>

namespace kith {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_in_word(char c) {
  return is_letter(c) || is_digit(c) || c == '-';
}

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

}  // namespace

bool is_keyword(std::string_view text, std::string_view keyword) {
  return std::ranges::equal(text, keyword, {}, upper);
}

bool is_bare_name(std::string_view text, bool first) {
  if (text.empty() || !is_letter(text.front()) || !std::ranges::all_of(text, is_in_word)) return false;
  // Those with which a condition or what follows one begins.
  constexpr std::string_view kReserved[] = {"NOT", "AND", "OR", "EXISTS", "ANY", "AT", "ID", "TRUE", "FALSE"};
  return !first || std::ranges::none_of(kReserved, [&](auto keyword) { return is_keyword(text, keyword); });
}

size_t FilterTokens::column(const FilterToken& token) const {
  const std::string_view before = whole_.substr(0, token.at);
  return 1 + static_cast<size_t>(std::ranges::count_if(
                 before, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void FilterTokens::take() {
  if (next_.kind == FilterToken::Kind::kWrong) return;
  while (at_ < whole_.size() && is_space(whole_[at_])) ++at_;
  next_.value.clear();
  next_.at = at_;
  if (at_ == whole_.size()) return finish(FilterToken::Kind::kEnd, 0);
  const char c = whole_[at_];
  const bool signed_number = c == '-' && at_ + 1 < whole_.size() && is_digit(whole_[at_ + 1]);
  if (c == '\'') return take_quoted(c, FilterToken::Kind::kString);
  if (c == '"') return take_quoted(c, FilterToken::Kind::kName);
  if (is_digit(c) || signed_number) return take_number();
  if (is_letter(c)) return take_word();
  take_symbol();
}

void FilterTokens::finish(FilterToken::Kind kind, size_t bytes) {
  next_.kind = kind;
  next_.text = whole_.substr(next_.at, bytes);
  at_ = next_.at + bytes;
}

// A quote within is written twice.
void FilterTokens::take_quoted(char quote, FilterToken::Kind kind) {
  for (size_t i = at_ + 1; i < whole_.size(); ++i) {
    if (whole_[i] == quote) {
      if (i + 1 == whole_.size() || whole_[i + 1] != quote) return finish(kind, i + 1 - next_.at);
      ++i;
    }
    next_.value += whole_[i];
  }
  next_.value = quote == '\'' ? "a text that no ' ends" : "a name that no \" ends";
  finish(FilterToken::Kind::kWrong, whole_.size() - next_.at);
}

// -12.5e-3; what belongs to no number is left for the next token.
void FilterTokens::take_number() {
  size_t i = at_ + 1;
  const auto digit_at = [&](size_t k) { return k < whole_.size() && is_digit(whole_[k]); };
  while (digit_at(i)) ++i;
  if (i < whole_.size() && whole_[i] == '.' && digit_at(i + 1)) {
    ++i;
    while (digit_at(i)) ++i;
  }
  if (i < whole_.size() && upper(whole_[i]) == 'E') {
    const bool has_sign = i + 1 < whole_.size() && (whole_[i + 1] == '+' || whole_[i + 1] == '-');
    const size_t digits = i + 1 + (has_sign ? 1 : 0);
    if (digit_at(digits)) {
      i = digits;
      while (digit_at(i)) ++i;
    }
  }
  finish(FilterToken::Kind::kNumber, i - next_.at);
}

void FilterTokens::take_word() {
  size_t i = at_;
  while (i < whole_.size() && is_in_word(whole_[i])) ++i;
  finish(FilterToken::Kind::kWord, i - next_.at);
}

void FilterTokens::take_symbol() {
  const std::string_view left = whole_.substr(at_);
  for (const std::string_view symbol : {"!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ",", "."})
    if (left.starts_with(symbol)) return finish(FilterToken::Kind::kSymbol, symbol.size());
  size_t bytes = 1;  // the whole character
  while (bytes < left.size() && (static_cast<unsigned char>(left[bytes]) & 0xc0) == 0x80) ++bytes;
  next_.value = "no part of a filter";
  finish(FilterToken::Kind::kWrong, bytes);
}

}  // namespace kith

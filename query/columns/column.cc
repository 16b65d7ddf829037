#include "query/columns/column.h"

#include <algorithm>

#include "query/columns/number_key.h"

namespace kith {
namespace {

constexpr uint64_t kFalse = ColumnValues::kFalse;
constexpr uint64_t kTrue = ColumnValues::kTrue;
static_assert(Dictionary::kFirst == kTrue + 1);

/// Sorted, each once, as ranges of one key each.
std::vector<KeySpan> ranges_of(std::vector<uint64_t> keys) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::vector<KeySpan> ranges;
  ranges.reserve(keys.size());
  for (const uint64_t key : keys) {
    if (!ranges.empty() && ranges.back().last + 1 == key)
      ranges.back().last = key;
    else
      ranges.push_back({key, key});
  }
  return ranges;
}

/// Ranges of all keys but these.
std::vector<KeySpan> ranges_besides(std::vector<uint64_t> keys) {
  std::vector<KeySpan> ranges;
  uint64_t first = 0;
  for (const KeySpan& taken : ranges_of(std::move(keys))) {
    if (taken.first > first) ranges.push_back({first, taken.first - 1});
    if (taken.last == UINT64_MAX) return ranges;
    first = taken.last + 1;
  }
  ranges.push_back({first, UINT64_MAX});
  return ranges;
}

RowSet select(const Postings& postings, std::vector<uint64_t> keys) {
  if (keys.empty() || postings.empty()) return {};
  return postings.select(ranges_of(std::move(keys)));
}

/// Rows with this text: exactly, where it has a code, and those that share its hash.
Truth find_texts(const Dictionary& dictionary, const Postings& postings, const RowSet& hashed,
                 const std::vector<std::string_view>& texts, std::vector<uint64_t> codes) {
  std::vector<uint64_t> hashes;
  for (const std::string_view text : texts) {
    if (const auto code = dictionary.find(text)) codes.push_back(*code);
    if (!hashed.empty()) hashes.push_back(Dictionary::hashed(text));
  }
  Truth truth{select(postings, std::move(codes)), {}};
  truth.add_perhaps(select(postings, std::move(hashes)));
  return truth;
}

/// Rows of several keys inside a range, of which those at its two ends may satisfy or not.
struct NumberEnds {
  std::optional<KeySpan> between;
  std::vector<uint64_t> satisfied;  // ends: numbers that are exactly these doubles satisfy
  std::vector<uint64_t> ends;
};

NumberEnds ends_of(const NumberRange& leaf) {
  KeySpan between = {0, UINT64_MAX};
  NumberEnds out;
  const auto satisfies = [&](double nearest) {
    if (leaf.low) {
      const auto order = compare_numbers(nearest, leaf.low->value);
      if (order < 0 || (order == 0 && !leaf.low->inclusive)) return false;
    }
    if (!leaf.high) return true;
    const auto order = compare_numbers(nearest, leaf.high->value);
    return order < 0 || (order == 0 && leaf.high->inclusive);
  };
  const auto end_at = [&](const FilterNumber& bound) {
    const uint64_t key = NumberKey::of(bound).key;
    out.ends.push_back(key);
    if (satisfies(to_double(bound))) out.satisfied.push_back(key);
    return key;
  };
  if (leaf.low) between.first = end_at(leaf.low->value) + 1;
  if (leaf.high) between.last = end_at(leaf.high->value) - 1;
  if (between.first <= between.last) out.between = between;
  return out;
}

}  // namespace

void Column::add(Row row, const PathValues& values) {
  existing_.add(row);
  if (values.null) nulls_.add(row);
  if (values.nonempty) nonempty_.add(row);
  if (values.object) objects_.add(row);
  if (values.many_strings) many_strings_.add(row);
  if (values.rounded) rounded_.add(row);
  if (values.wordless) wordless_.add(row);
  if (values.has_false) codes_.add(row, kFalse);
  if (values.has_true) codes_.add(row, kTrue);
  for (const std::string& text : values.strings) {
    const uint64_t code = texts_.add(text);
    if (code >= Dictionary::kHashed) hashed_.add(row);
    codes_.add(row, code);
  }
  for (const std::string& word : values.words) {
    const uint64_t code = word_texts_.add(word);
    if (code >= Dictionary::kHashed) hashed_words_.add(row);
    words_.add(row, code);
  }
  for (const uint64_t key : values.numbers) numbers_.add(row, key);
  for (const uint64_t key : values.moments) moments_.add(row, key);
  for (const uint64_t key : values.places) places_.add(row, key);
}

Truth Column::ask(const OneOf& leaf) const {
  std::vector<uint64_t> codes;
  std::vector<std::string_view> texts;
  std::vector<uint64_t> exact, open;  // keys of numbers: those that are doubles, and all
  for (const FilterScalar& value : leaf.values) {
    if (const auto* flag = std::get_if<bool>(&value)) codes.push_back(*flag ? kTrue : kFalse);
    if (const auto* text = std::get_if<std::string>(&value)) texts.push_back(*text);
    if (const auto* number = std::get_if<FilterNumber>(&value)) {
      const NumberKey key = NumberKey::of(*number);
      open.push_back(key.key);
      if (!key.rounded) exact.push_back(key.key);
    }
  }
  Truth truth = find_texts(texts_, codes_, hashed_, texts, std::move(codes));
  if (open.empty() || numbers_.empty()) return truth;
  truth.unite(numbers_at(std::move(exact), std::move(open)));
  return truth;
}

Truth Column::numbers_at(std::vector<uint64_t> exact, std::vector<uint64_t> open) const {
  Truth truth{select(numbers_, std::move(exact)), {}};
  if (rounded_.empty()) return truth;
  truth.yes.subtract(rounded_);
  RowSet perhaps = select(numbers_, std::move(open));
  perhaps.intersect(rounded_);
  truth.add_perhaps(perhaps);
  return truth;
}

Truth Column::ask(const NumberRange& leaf) const {
  NumberEnds ends = ends_of(leaf);
  if (rounded_.empty()) {  // one look-up for all
    std::vector<KeySpan> ranges;
    if (ends.between) ranges.push_back(*ends.between);
    for (const KeySpan& end : ranges_of(std::move(ends.satisfied))) ranges.push_back(end);
    std::sort(ranges.begin(), ranges.end());
    std::vector<KeySpan> joined;
    for (const KeySpan& range : ranges) {
      if (!joined.empty() && joined.back().last + 1 == range.first)
        joined.back().last = range.last;
      else
        joined.push_back(range);
    }
    return {numbers_.select(joined), {}};
  }
  Truth truth = numbers_at(std::move(ends.satisfied), std::move(ends.ends));
  if (ends.between) truth.unite({numbers_.select(std::span(&*ends.between, 1)), {}});
  return truth;
}

Truth Column::ask_others(const std::vector<FilterScalar>& values) const {
  std::vector<uint64_t> codes, numbers;
  for (const FilterScalar& value : values) {
    if (const auto* flag = std::get_if<bool>(&value)) codes.push_back(*flag ? kTrue : kFalse);
    if (const auto* text = std::get_if<std::string>(&value))
      if (const auto code = texts_.find(*text)) codes.push_back(*code);
    if (const auto* number = std::get_if<FilterNumber>(&value)) numbers.push_back(NumberKey::of(*number).key);
  }
  Truth truth{codes_.select(ranges_besides(std::move(codes))), {}};
  truth.yes.unite(numbers_.select(ranges_besides(std::move(numbers))));
  RowSet unclear = hashed_;  // they share the hash, or the nearest double, of one that is not asked for
  unclear.unite(rounded_);
  truth.yes.subtract(unclear);
  truth.add_perhaps(unclear);
  return truth;
}

ColumnValues Column::values() const {
  ColumnValues out;
  out.codes = codes_.pages();
  out.numbers = numbers_.pages();
  out.moments = moments_.pages();
  out.untold = hashed_;
  out.untold.unite(rounded_);
  return out;
}

Truth Column::ask(const ContainsAll& leaf) const {
  Truth truth{existing_, {}};
  for (const FilterScalar& value : leaf.values) {
    truth.intersect(ask(OneOf{{}, {value}}));
    if (truth.possible_rows() == 0) break;
  }
  return truth;
}

Truth Column::ask(const MomentRange& leaf) const {
  KeySpan range = {0, UINT64_MAX};
  if (leaf.low) {
    range.first = key_of(leaf.low->value);
    if (!leaf.low->inclusive && range.first++ == UINT64_MAX) return {};
  }
  if (leaf.high) {
    range.last = key_of(leaf.high->value);
    if (!leaf.high->inclusive && range.last-- == 0) return {};
  }
  if (range.first > range.last) return {};
  return {moments_.select(std::span(&range, 1)), {}};
}

Truth Column::ask(const Prefix& leaf) const {
  Truth truth{select(codes_, texts_.with_prefix(leaf.text)), {}};
  truth.add_perhaps(hashed_);
  return truth;
}

Truth Column::ask_words(const std::vector<std::string>& words) const {
  Truth truth{existing_, {}};
  for (const std::string& word : words) {
    Truth rows = find_texts(word_texts_, words_, hashed_words_, {word}, {});
    rows.add_perhaps(wordless_);
    truth.intersect(rows);
    if (truth.possible_rows() == 0) return truth;
  }
  if (words.size() == 1 || many_strings_.empty()) return truth;
  RowSet several = truth.yes;  // one word here, one there
  several.intersect(many_strings_);
  truth.yes.subtract(several);
  truth.add_perhaps(several);
  return truth;
}

Truth Column::ask(const GeoCover& cover) const {
  Truth truth{places_.select(cover.inside), {}};
  truth.add_perhaps(places_.select(cover.border));
  return truth;
}

}  // namespace kith

// Column: what the payloads of all rows have at one path, whatever types that is, and the answers of filter
// leaves from it. All values are keys in postings: strings by their codes in a dictionary (codes 0 and 1 are
// false and true), words too, numbers, moments and places by keys of their order. What a key does not tell
// exactly gives rows that may satisfy (`Truth::perhaps`): texts known by a hash, integers beyond what a
// double holds that share the key of a bound, cells on the border of a shape, words of several strings in one
// row.
//
// Answers may hold rows that are not live any more. Not synchronised.
#pragma once

#include <functional>
#include <string>

#include "base/io/file_system.h"
#include "query/columns/declared_path.h"
#include "query/columns/dictionary.h"
#include "query/columns/geo_cells.h"
#include "query/columns/limits.h"
#include "query/columns/payload_values.h"
#include "query/columns/postings.h"
#include "query/columns/truth.h"
#include "query/columns/value_walk.h"

namespace kith {

struct ColumnHead;

class Column {
 public:
  explicit Column(std::string path, const ColumnBounds& bounds = {})
      : path_(std::move(path)),
        texts_({bounds.strings_max, column_limits::kStringBytesMax}),
        word_texts_({bounds.words_max, column_limits::kWordBytesMax}) {}

  /// As path_key made it.
  const std::string& path() const { return path_; }
  void add(Row row, const PathValues& values);
  /// Keeps these rows only, and the texts that they have.
  void retain(const RowSet& live);
  uint64_t memory_bytes() const;

  Truth ask(const OneOf& leaf) const;
  Truth ask(const ContainsAll& leaf) const;
  Truth ask(const NumberRange& leaf) const;
  Truth ask(const MomentRange& leaf) const;
  Truth ask(const Prefix& leaf) const;
  /// `words` is not empty.
  Truth ask_words(const std::vector<std::string>& words) const;
  Truth ask(const GeoCover& cover) const;
  /// Rows with a bool, number or string besides these; rows of `perhaps` may have one.
  Truth ask_others(const std::vector<FilterScalar>& values) const;
  /// All but `untold` beyond this path.
  ColumnValues values() const;
  Dictionary::Texts texts(const Dictionary::Step& step) const { return texts_.texts(step); }
  const RowSet& existing() const { return existing_; }
  const RowSet& nulls() const { return nulls_; }
  const RowSet& nonempty() const { return nonempty_; }
  const RowSet& objects() const { return objects_; }

  /// What a checkpoint takes of it at one moment: a head as bytes, and views of pages.
  struct Image {
    std::vector<std::byte> head;
    std::vector<Postings::PageView> pages;
    std::vector<uint8_t> postings;  // of each page: which postings it belongs to
  };
  Image image() const;
  /// `declared`: of which paths columns hold more.
  static Result<ColumnHead> parse_head(ByteReader& in, std::span<const DeclaredPath> declared);
  /// Pages come as in the image.
  Result<void> restore_page(uint8_t postings, uint16_t number, PostingPage page);

 private:
  friend struct ColumnParts;
  /// Rows with numbers at these keys: `exact` are those of doubles, which rows that are not `rounded_` have.
  Truth numbers_at(std::vector<uint64_t> exact, std::vector<uint64_t> open) const;

  std::string path_;
  RowSet existing_, nulls_, nonempty_, objects_;
  RowSet many_strings_;
  RowSet rounded_;  // rows with numbers that no double has
  RowSet hashed_;   // rows with strings that have no code of their own
  RowSet hashed_words_;
  RowSet wordless_;  // rows whose words are not all in words_
  Dictionary texts_;
  Dictionary word_texts_;
  Postings codes_, numbers_, moments_, places_, words_;
};

/// A column without its pages, and how many it is to get.
struct ColumnHead {
  std::unique_ptr<Column> column;
  uint32_t pages = 0;
};

}  // namespace kith

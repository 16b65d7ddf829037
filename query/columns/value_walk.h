// The values at one path and the rows that have them, in the order of the values: what facets and ordered
// reads ask of columns. ColumnValues holds pages of one moment, so it is walked while writers go on.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/row_set.h"
#include "query/columns/postings.h"

namespace kith {

struct ColumnValues {
  static constexpr uint64_t kFalse = 0;  // codes that are no texts
  static constexpr uint64_t kTrue = 1;

  std::vector<Postings::PageView> codes;    // of bools and strings (ColumnStore::texts_at)
  std::vector<Postings::PageView> numbers;  // keys of number_key.h
  std::vector<Postings::PageView> moments;
  RowSet untold;  // rows of which something may be at the path that is not here, or not exactly
};

/// A page of postings, or the tail of one as a page.
struct ValuePage {
  std::shared_ptr<const PostingPage> page;
  uint16_t number;
  bool tail;
};
/// Made once for any number of walks.
std::vector<ValuePage> value_pages(std::vector<Postings::PageView> views);

/// Walks the keys of postings within a range, in ascending or descending order, and the rows of each: a merge
/// of pages.
class ValueWalk {
 public:
  ValueWalk(std::span<const ValuePage> pages, KeySpan within, bool descending = false);

  bool valid() const { return !current_.empty(); }
  uint64_t key() const { return current_.front().key(); }
  void next();
  /// Calls `visit(row)` for each row of the key, ascending within a page, each once.
  template <typename Visit>
  void for_each_row(Visit visit) const {
    for (size_t i = 0; i < current_.size(); ++i) {
      // The tail of a page may say again what the page says.
      const bool again = i > 0 && current_[i - 1].number == current_[i].number;
      const std::span<const uint16_t> before = again ? current_[i - 1].lows() : std::span<const uint16_t>();
      for (const uint16_t low : current_[i].lows())
        if (!std::binary_search(before.begin(), before.end(), low))
          visit(static_cast<Row>(current_[i].number * RowSetBuilder::kPageRows + low));
    }
  }

 private:
  /// The keys of a page that are still to come.
  struct Source : ValuePage {
    size_t begin;
    size_t end;
    bool descending;

    size_t at() const { return descending ? end - 1 : begin; }
    uint64_t key() const { return page->keys()[at()]; }
    std::span<const uint16_t> lows() const { return page->lows(page->ranks_of(at())); }
  };

  static bool later(const Source& a, const Source& b);
  void take_current();

  const bool descending_;
  std::vector<Source> waiting_;  // a heap, the next key at its front
  std::vector<Source> current_;  // those at the key of now, by number, a tail after its page
};

}  // namespace kith

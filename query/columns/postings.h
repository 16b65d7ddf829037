// Postings: which rows have which 64-bit keys: pages of 65,536 rows (posting_page.h), each with a tail of
// what came since it was made, merged into it as it grows. Rows may come in any order, most come in ascending
// one.
//
// A row with several keys has an entry for each. The same entry added twice is there once. Not synchronised:
// one writer, or readers only; pages that were taken stay as they are.
#pragma once

#include <memory>
#include <vector>

#include "query/columns/posting_page.h"

namespace kith {

class Postings {
 public:
  /// What a page of rows had at one moment.
  struct PageView {
    uint16_t number;
    std::shared_ptr<const PostingPage> page;
    std::vector<Posting> tail;

    PostingPage merged() const;
  };

  void add(Row row, uint64_t key);
  /// Keeps these rows only.
  void retain(const RowSet& live);

  /// Rows with a key in one of the ranges, which ascend and do not overlap.
  RowSet select(std::span<const KeySpan> ranges) const;

  bool empty() const { return slots_.empty(); }
  uint64_t memory_bytes() const { return memory_bytes_; }
  /// Calls `visit(key)` for every key that some row has, several times and in no order.
  template <typename Visit>
  void for_each_key(Visit visit) const {
    for (const Slot& slot : slots_) {
      for (const uint64_t key : slot.page->keys()) visit(key);
      for (const Posting& posting : slot.tail) visit(posting.key);
    }
  }

  std::vector<PageView> pages() const;
  /// A page that was written; numbers ascend.
  Result<void> restore(uint16_t number, PostingPage page);

 private:
  struct Slot {
    uint16_t number;
    std::shared_ptr<const PostingPage> page;
    std::vector<Posting> tail;
  };

  Slot& slot_of(uint16_t number);
  static PostingPage merge(const PostingPage& page, std::vector<Posting> tail);
  static uint64_t slot_bytes(const Slot& slot);

  std::vector<Slot> slots_;  // ascending
  uint64_t memory_bytes_ = 0;
};

}  // namespace kith

// RowBits: a RowSet as plain bits, one a row, for who asks of very many rows in no order: two loads and a
// shift each, where a Roaring bitmap takes a search for the container and one in it. Making one costs a pass
// over its words: 8 KiB for each block of 65,536 rows of which the set has any. Whoever asks of a few rows
// only asks the set.
//
// Immutable but for assign; any number of threads may read.
#pragma once

#include <vector>

#include "base/row_set.h"

namespace kith {

class RowBits {
 public:
  RowBits() = default;
  explicit RowBits(const RowSet& rows) { assign(rows); }

  /// Keeps its memory.
  void assign(const RowSet& rows) {
    const std::vector<uint32_t> blocks = rows.blocks();
    first_word_.assign(blocks.empty() ? 0 : blocks.back() + size_t{1}, 0);  // of no block: that of zeros
    for (size_t i = 0; i < blocks.size(); ++i)
      first_word_[blocks[i]] = static_cast<uint32_t>((i + 1) * RowSet::kBlockWords);
    words_.assign((blocks.size() + 1) * RowSet::kBlockWords, 0);
    rows.copy_bits(std::span(words_).subspan(RowSet::kBlockWords));
  }

  bool contains(Row row) const {
    const Row block = row / RowSet::kBlockRows;
    if (block >= first_word_.size()) return false;
    return (words_[first_word_[block] + row % RowSet::kBlockRows / 64] >> row % 64 & 1) != 0;
  }

 private:
  std::vector<uint32_t> first_word_;  // of each block
  std::vector<uint64_t> words_;
};

}  // namespace kith

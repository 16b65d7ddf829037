// RowBits: a RowSet as plain bits, one a row, for who asks of very many rows in no order: one load and a
// shift each, where a Roaring bitmap takes a search for the container and one in it. Making one costs a pass
// over its words (8 KiB for 65,536 rows), so whoever asks of a few rows only asks the set.
//
// Immutable but for assign; any number of threads may read.
#pragma once

#include <vector>

#include "base/row_set.h"

namespace kith {

class RowBits {
 public:
  RowBits() = default;
  RowBits(const RowSet& rows, uint64_t rows_end) { assign(rows, rows_end); }

  /// The rows of `rows` below `rows_end`, or of its last word; keeps its memory.
  void assign(const RowSet& rows, uint64_t rows_end) {
    words_.assign((rows_end + 63) / 64, 0);
    rows.copy_bits(words_);
  }

  /// False for rows beyond those that it was made of.
  bool contains(Row row) const { return row / 64 < words_.size() && (words_[row / 64] >> row % 64 & 1) != 0; }
  size_t bytes() const { return words_.size() * sizeof(uint64_t); }

 private:
  std::vector<uint64_t> words_;
};

}  // namespace kith

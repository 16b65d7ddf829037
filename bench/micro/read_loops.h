// The read loops, written once over a register (a gcc and clang vector type); compiled per
// level. Internal linkage, because each including source has instruction flags of its own.
#pragma once

#include <string.h>

#include "bench/micro/limits.h"

namespace kith::bench {
namespace {

/// `Sum` is a vector type of 64-bit lanes.
template <typename Sum>
struct Reader {
  static constexpr size_t kRegister = sizeof(Sum);

  [[gnu::always_inline]] static Sum load(const char* at) {
    Sum loaded;
    memcpy(&loaded, at, sizeof loaded);
    return loaded;
  }

  /// By way of memory: an indexed register would keep the sums there in the loops, too.
  [[gnu::always_inline]] static uint64_t fold(Sum sum) {
    uint64_t lanes[kRegister / sizeof(uint64_t)], total = 0;
    memcpy(lanes, &sum, sizeof lanes);
    for (const uint64_t lane : lanes) total += lane;
    return total;
  }

  [[gnu::always_inline]] static uint64_t add_row(const char* row, size_t bytes, Sum (&sums)[8]) {
    size_t i = 0;
    for (; i + 4 * kRegister <= bytes; i += 4 * kRegister)
      for (size_t s = 0; s < 4; ++s) sums[s] += load(row + i + s * kRegister);
    for (; i + kRegister <= bytes; i += kRegister) sums[0] += load(row + i);
    return rest_of(row, i, bytes);
  }

  [[gnu::always_inline]] static uint64_t rest_of(const char* row, size_t i, size_t bytes) {
    uint64_t rest = 0;
    for (; i + 8 <= bytes; i += 8) {
      uint64_t word;
      memcpy(&word, row + i, sizeof word);
      rest += word;
    }
    return rest;
  }

  [[gnu::always_inline]] static uint64_t fold_all(const Sum (&sums)[8]) {
    uint64_t total = 0;
    for (const Sum& sum : sums) total += fold(sum);
    return total;
  }

  [[gnu::always_inline]] static void prefetch(const void* row, size_t bytes) {
    for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(static_cast<const char*>(row) + i, 0, 3);
  }

  /// Row after row; the row `kAheadBytes` further in the list is prefetched before each (0: none).
  template <size_t kAheadBytes>
  static uint64_t row_after_row(const RowList& list) {
    Sum sums[8] = {};
    uint64_t rest = 0;
    const size_t ahead = (kAheadBytes + list.row_bytes - 1) / list.row_bytes;
    for (size_t i = 0; i < list.count; ++i) {
      if (kAheadBytes > 0 && i + ahead < list.count) prefetch(list.rows[i + ahead], list.row_bytes);
      rest += add_row(static_cast<const char*>(list.rows[i]), list.row_bytes, sums);
    }
    return rest + fold_all(sums);
  }

  /// Eight rows at a time, a register of each in turn; the first `kLines` lines of rows `kAheadBytes` further
  /// (at least the next eight) are prefetched before.
  template <size_t kLines, size_t kAheadBytes>
  static uint64_t eight_rows(const RowList& list) {
    Sum sums[8] = {};
    uint64_t rest = 0;
    const size_t ahead = (kAheadBytes / list.row_bytes + 8) / 8 * 8, prefetched = kLines * 64;
    size_t k = 0;
    for (; k + 8 <= list.count; k += 8) {
      for (size_t i = k + ahead; kLines > 0 && i < k + ahead + 8 && i < list.count; ++i)
        prefetch(list.rows[i], prefetched < list.row_bytes ? prefetched : list.row_bytes);
      const char* rows[8];
      for (size_t n = 0; n < 8; ++n) rows[n] = static_cast<const char*>(list.rows[k + n]);
      size_t i = 0;
      for (; i + kRegister <= list.row_bytes; i += kRegister)
        for (size_t n = 0; n < 8; ++n) sums[n] += load(rows[n] + i);
      if (i < list.row_bytes)
        for (size_t n = 0; n < 8; ++n) rest += rest_of(rows[n], i, list.row_bytes);
    }
    for (; k < list.count; ++k) rest += add_row(static_cast<const char*>(list.rows[k]), list.row_bytes, sums);
    return rest + fold_all(sums);
  }

  static constexpr ReadFn kReads[] = {row_after_row<0>,    row_after_row<512>,  row_after_row<1024>,
                                      row_after_row<2048>, row_after_row<8192>, eight_rows<0, 0>,
                                      eight_rows<1, 4096>, eight_rows<2, 4096>, eight_rows<8, 4096>};
  static constexpr size_t kReadCount = sizeof kReads / sizeof kReads[0];
};

}  // namespace
}  // namespace kith::bench

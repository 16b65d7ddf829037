// ExpiryMap: when the live rows of one collection expire, for those that do. A collection without such rows
// has nothing here.
//
// Row → time: 8 bytes a row, in extents of 512 rows that are there only while one of their rows expires.
// Time → rows: a heap, 16 bytes an entry. A row that goes before its time leaves its entry behind; such
// entries are dropped when they come to the front, and all at once when they are more than the others.
//
// Not synchronised: one writer, or readers only.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/vector_view.h"

namespace kith {

/// A moment after which nothing can be asked to expire: the end of the year 9999, in milliseconds since 1970.
inline constexpr uint64_t kExpiryMax = 253'402'300'799'999;

class ExpiryMap {
 public:
  /// Rows that expire at some time.
  size_t size() const { return size_; }
  /// Milliseconds since 1970-01-01 UTC; 0: never.
  uint64_t expires_at(Row row) const;
  bool expired(Row row, uint64_t now_ms) const {
    if (size_ == 0) return false;
    const uint64_t at = expires_at(row);
    return at != 0 && at <= now_ms;
  }
  /// Those that have expired, at most `most`, among them one whose time came first. Takes as long as there
  /// are such rows.
  std::vector<Row> expired_rows(uint64_t now_ms, size_t most = SIZE_MAX) const;

  /// The row must not be there yet; `at_ms` is in 1..kExpiryMax.
  void insert(Row row, uint64_t at_ms);
  /// Nothing where the row is not there.
  void erase(Row row);
  void clear() { *this = ExpiryMap(); }

  size_t memory_bytes() const;

  // To a checkpoint and back. docs/formats.md draws it.
  /// Rows first..end-1.
  void save(Row first, Row end, ByteWriter& out) const;
  /// Adds what save wrote of these rows. Corruption when the bytes are anything else.
  Result<void> restore(Row first, Row end, ByteReader& in);

 private:
  static constexpr uint32_t kExtentRows = 512;
  struct Extent {
    std::vector<uint64_t> times;  // kExtentRows, 0: never; or none
    uint32_t rows = 0;            // of them not 0
  };
  struct Entry {
    uint64_t at_ms;
    Row row;
    bool operator>(const Entry& other) const { return at_ms > other.at_ms; }
  };

  bool gone(const Entry& entry) const { return expires_at(entry.row) == 0; }

  size_t size_ = 0;
  std::vector<Extent> extents_;
  size_t extents_there_ = 0;
  std::vector<Entry> heap_;  // the earliest in front
};

}  // namespace kith

// RowSet: a set of rows (Roaring bitmap): tombstones, filter results, candidates. The only file that sees
// CRoaring. Not synchronised: one writer, or readers only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/vector_view.h"

namespace kith {

class RowSet {
 public:
  RowSet() noexcept;
  RowSet(const RowSet& other);
  RowSet(RowSet&& other) noexcept;  // leaves an empty set
  RowSet& operator=(const RowSet& other);
  RowSet& operator=(RowSet&& other) noexcept;
  ~RowSet();

  static RowSet of(std::span<const Row> rows);
  /// Rows first..end-1.
  static RowSet range(Row first, uint64_t end);

  void add(Row row);
  void remove(Row row);
  bool contains(Row row) const;
  uint64_t size() const;
  bool empty() const { return size() == 0; }
  bool operator==(const RowSet& other) const;

  void intersect(const RowSet& other);
  void unite(const RowSet& other);
  void subtract(const RowSet& other);

  /// Visits rows in ascending order until `visit` returns false.
  template <typename Visit>
  void for_each(Visit visit) const {
    auto call = [](Row row, void* context) -> bool { return (*static_cast<Visit*>(context))(row); };
    iterate(call, &visit);
  }

  /// Stores what lies in long runs as such: less memory, quicker algebra.
  void compress();
  /// Of the heap, within a tenth or two; takes a step per 65,536 rows.
  uint64_t memory_bytes() const;
  /// At most `count` rows, evenly spread by rank, ascending.
  std::vector<Row> spread(size_t count) const;

  static constexpr Row kBlockRows = 65'536;
  static constexpr size_t kBlockWords = kBlockRows / 64;
  size_t block_count() const;
  /// Which blocks of kBlockRows rows have any, ascending.
  std::vector<uint32_t> blocks() const;
  /// Sets the bits of rows in these blocks, kBlockWords words for each of them; the others stay.
  void copy_bits(std::span<uint64_t> words) const;

  /// Portable Roaring format; equal sets give equal bytes.
  std::vector<std::byte> serialize() const;
  /// Corruption when the bytes are no such bitmap.
  static Result<RowSet> parse(std::span<const std::byte> bytes);

 private:
  friend class RowSetBuilder;
  struct Rep;
  /// Bytes that are known to be a bitmap.
  static RowSet of_portable(std::span<const std::byte> bytes);
  void iterate(bool (*call)(Row, void*), void* context) const;
  const Rep& rep() const;
  Rep& rep();
  std::unique_ptr<Rep> rep_;  // null: empty, so that neither that nor a move allocates
};

/// Makes a set from what each page of 65,536 rows holds, copying bits by the page instead of adding rows.
class RowSetBuilder {
 public:
  static constexpr size_t kPageRows = 65'536;
  static constexpr size_t kPageWords = kPageRows / 64;
  using PageBits = std::array<uint64_t, kPageWords>;

  /// Rows page * 65,536 + low; lows ascend and come once, pages too.
  void add(uint16_t page, std::span<const uint16_t> lows);
  /// Bit i, the lowest of a word first, is row page * 65,536 + i.
  void add(uint16_t page, const PageBits& bits);
  RowSet finish() const;

 private:
  struct Page {
    uint16_t number;
    uint32_t rows;
    size_t offset;  // in data_
  };
  std::vector<Page> pages_;
  std::vector<std::byte> data_;
};

}  // namespace kith

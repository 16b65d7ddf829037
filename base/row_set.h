// RowSet: a set of rows (Roaring bitmap): tombstones, filter results, candidates. The only file that sees
// CRoaring. Not synchronised: one writer, or readers only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/vector_view.h"

namespace kith {

class RowSet {
 public:
  RowSet();
  RowSet(const RowSet& other);
  RowSet(RowSet&& other) noexcept;
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

  /// Portable Roaring format; equal sets give equal bytes.
  std::vector<std::byte> serialize() const;
  /// Corruption when the bytes are no such bitmap.
  static Result<RowSet> parse(std::span<const std::byte> bytes);

 private:
  struct Rep;
  void iterate(bool (*call)(Row, void*), void* context) const;
  std::unique_ptr<Rep> rep_;
};

}  // namespace kith

// NearestRows: the nearest live rows of a query, asked again and again for more of them or for those of a
// part of the rows, by index or by scan: what grouped, diverse and recommending searches are made of. Each
// answer holds good for a moment of its own, and brings the view of that moment, in which its rows are.
//
// There may be several vectors to be near to: a row's distance is that to the nearest of them. Rows that are
// nearer to one of the vectors to be away from are left out.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "query/collection/filtered_read.h"
#include "query/collection/local_collection.h"

namespace kith {

class LocalCollection::NearestRows {
 public:
  /// Of query_type(field.type), packed.
  struct Aim {
    std::vector<std::vector<std::byte>> toward;  // one at least
    std::vector<std::vector<std::byte>> away;
  };
  /// Takes rows out. Under locks: no IO.
  using Narrow = std::function<void(RowSet& rows)>;

  /// Of `query` filter, recall target or effort, exact and stop count. It is valid and outlives this.
  NearestRows(const LocalCollection& collection, const Query& query, uint8_t position, Aim aim);
  NearestRows(const NearestRows&) = delete;
  NearestRows& operator=(const NearestRows&) = delete;

  /// The nearest `count` of the rows that `narrow` leaves, if there is one; fewer also where some turn out to
  /// be none of them. They are all that there are when ended() then.
  Result<Found> next(size_t count, const Narrow& narrow = {});
  bool ended() const { return ended_; }
  const VectorField& field() const { return collection_.schema_.vectors[position_]; }
  uint8_t position() const { return position_; }
  /// Of all answers together.
  const SearchStats& stats() const { return stats_; }

 private:
  Result<Found> toward(const std::vector<std::byte>& vector, size_t count, const Narrow& narrow);
  Result<Found> by_index(const std::vector<std::byte>& vector, size_t count, const Narrow& narrow);
  Result<Found> by_scan(const std::vector<std::byte>& vector, size_t count, const Narrow& narrow);
  Result<Found> merged(std::vector<Found> parts, size_t count) const;
  Result<void> keep_near(Found& found);
  Result<const RowSet*> allowed(const Narrow& narrow, bool locked);

  const LocalCollection& collection_;
  const Query& query_;
  const uint8_t position_;
  const Aim aim_;
  const Filter all_;
  FilteredRead read_;
  RowSet rows_;  // allowed by filter and `narrow`, as of the last look
  bool ended_ = false;
  SearchStats stats_;
};

}  // namespace kith

// FilteredRead: the rows that satisfy a filter, for one read.
//
// Columns tell of most rows whether they satisfy it; of the others (beyond what columns keep, see
// query/columns/limits.h) the payload is read, once a row: it never changes, so what was decided holds. What
// columns say is at most ahead of the state that the read sees: rows written since are dropped by whoever
// looks at the id map, and rows removed since make find() ask again.
#pragma once

#include "query/collection/local_collection.h"
#include "query/filter/matches.h"

namespace kith {

class LocalCollection::FilteredRead {
 public:
  /// `filter` is valid; everything outlives this.
  FilteredRead(const LocalCollection& collection, const Filter& filter, const Stop& stop)
      : collection_(collection), filter_(filter), stop_(stop) {}

  /// Asks the columns anew. `locked`: the caller holds state_mutex_.
  Result<void> select(bool locked);
  /// Rows that may satisfy the filter.
  const RowSet& rows() const { return rows_; }
  /// rows() are exactly those that do.
  bool decided() const { return unsure_.empty(); }
  uint64_t unsure() const { return unsure_.size(); }
  /// Reads payloads until decided.
  Result<void> decide(const KvSnapshot& view);
  /// The same for these rows alone.
  Result<void> decide(const KvSnapshot& view, const RowSet& rows);
  /// Drops those that do not satisfy the filter.
  Result<void> keep_matching(const KvSnapshot& view, std::vector<Neighbor>& neighbors);
  /// Of rows() only.
  Result<bool> satisfies(const KvSnapshot& view, Row row);

 private:
  Result<void> ask(const KvSnapshot& view, std::span<const Row> rows);

  const LocalCollection& collection_;
  const Filter& filter_;
  const Stop& stop_;
  RowSet rows_;
  RowSet unsure_;                   // of rows_
  RowSet satisfied_;                // by payload
  RowSet refused_;                  // by payload
  std::optional<Matcher> matcher_;  // made when columns leave something to it
};

/// The points that satisfy a filter at one moment.
struct LocalCollection::Matching {
  View view;
  uint64_t sequence = 0;
  RowSet rows;
};

}  // namespace kith

// Revision: a write that is made from what points hold: patches, and removals by filter.
//
// What is stored is read, and what is to be written is made and checked, by the thread that asks, while
// others write. A row never changes, so the row in which an id lives is the version of its point: the request
// names the rows that it was made from, and the leader refuses it as stale when one of these points has been
// written, removed or expired since. Then it is made again; after a few times in the writer's role itself,
// where nothing changes meanwhile. So no write that comes between is lost, none waits for what another one
// reads unless they are after the same points, and all of it goes the way of any write (commit.cc).
#pragma once

#include "query/collection/filtered_read.h"
#include "query/collection/local_collection.h"
#include "query/filter/matches.h"

namespace kith {

/// Of one call, on its thread. What it is given outlives it.
class LocalCollection::Revision {
 public:
  Revision(LocalCollection& collection, Durability durability, const Stop& stop)
      : collection_(collection), durability_(durability), stop_(stop) {}

  /// As Collection::update by ids.
  Result<WriteReceipt> update(std::span<const PointUpdate> updates);
  /// As Collection::update or, where `patch` is null, Collection::remove by filter.
  Result<WriteReceipt> where(const Filter& filter, const Patch* patch);

 private:
  /// A point as it was looked at last.
  struct Seen {
    std::string id_key;
    Row row = kNoRow;  // it is not there, or has expired
    const Patch* patch = nullptr;
  };
  /// The first of some points with their patches applied, those without a row left out.
  struct Patched {
    size_t taken = 0;  // of the points
    std::vector<Point> points;
  };

  template <typename Write>
  Result<WriteReceipt> unless_dropped(Write write) const;
  Result<void> update_all(std::span<const PointUpdate> updates);
  Result<void> write_where(const Filter& filter, const Patch* patch);
  Result<void> write_rows(const Matching& matching, std::span<const Row> rows, const Patch* patch);
  Result<std::vector<Seen>> find(const Matching& matching, std::span<const Row> rows,
                                 const Patch* patch) const;
  Result<void> write_all(std::vector<Seen> points);
  Result<size_t> attempt(std::vector<Seen>& points, bool leading);
  Result<View> look(std::vector<Seen>& points);
  Result<void> drop_unmatched(const KvSnapshot& view, std::vector<Seen>& points,
                              std::span<const size_t> moved) const;
  Result<Patched> patched(const KvSnapshot& view, std::span<const Seen> points) const;
  Result<size_t> write(std::span<const Seen> points, WriteRequest& request, bool leading);

  LocalCollection& collection_;
  const Durability durability_;
  const Stop& stop_;
  std::optional<Matcher> matcher_;  // of the filter, if there is one
  WriteReceipt receipt_;            // of all batches so far
};

}  // namespace kith

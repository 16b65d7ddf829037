#include "query/collection/filtered_read.h"

#include "query/collection/search_parts.h"
#include "query/schema/id_codec.h"

namespace kith {

Result<void> LocalCollection::FilteredRead::select(bool locked) {
  const auto rows_of = [&](const std::vector<Id>& ids) {
    std::shared_lock lock(collection_.state_mutex_, std::defer_lock);
    if (!locked) lock.lock();
    RowSet rows;
    for (const Id& id : ids) {
      const auto id_key = id_key_of(id);
      const Row row = id_key.ok() ? collection_.ids_.find(*id_key) : kNoRow;
      if (row != kNoRow) rows.add(row);
    }
    return rows;
  };
  Selection selection = TRY(collection_.columns_->select(filter_, rows_of, stop_));
  unsure_ = std::move(selection.unsure);
  unsure_.subtract(refused_);
  rows_ = std::move(selection.certain);
  rows_.unite(unsure_);
  unsure_.subtract(satisfied_);
  return {};
}

Result<void> LocalCollection::FilteredRead::decide(const KvSnapshot& view) {
  return ask(view, rows_of(unsure_));
}

Result<void> LocalCollection::FilteredRead::decide(const KvSnapshot& view, const RowSet& rows) {
  if (decided()) return {};
  RowSet open = unsure_;
  open.intersect(rows);
  return ask(view, rows_of(open));
}

Result<void> LocalCollection::FilteredRead::keep_matching(const KvSnapshot& view,
                                                          std::vector<Neighbor>& neighbors) {
  if (decided()) return {};
  std::vector<Row> rows;
  for (const Neighbor& neighbor : neighbors)
    if (unsure_.contains(neighbor.row)) rows.push_back(neighbor.row);
  TRY(ask(view, rows));
  std::erase_if(neighbors, [&](const Neighbor& neighbor) { return !rows_.contains(neighbor.row); });
  return {};
}

Result<bool> LocalCollection::FilteredRead::satisfies(const KvSnapshot& view, Row row) {
  if (unsure_.contains(row)) TRY(ask(view, {&row, 1}));
  return rows_.contains(row);
}

/// Decides rows of unsure_. Those that the view does not have are none of rows() until the next select().
Result<void> LocalCollection::FilteredRead::ask(const KvSnapshot& view, std::span<const Row> rows) {
  if (!matcher_.has_value()) matcher_.emplace(filter_);
  const auto judge = [&](size_t i, const RowRecord& record, const JsonValue& payload) -> Result<void> {
    const Id id = TRY(id_of_key(record.id_key));
    (matcher_->matches(id, payload) ? satisfied_ : refused_).add(rows[i]);
    return {};
  };
  TRY(collection_.each_payload(view, rows, stop_, judge));
  for (const Row row : rows) {
    unsure_.remove(row);
    if (!satisfied_.contains(row)) rows_.remove(row);
  }
  return {};
}

}  // namespace kith

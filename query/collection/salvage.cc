// Every row is asked for by its number, since a walk ends at damage: rows are dense and never reused. A row
// is live where its id's entry names it. Where that entry cannot be read, the last row that says it has the
// id is taken.
#include "query/collection/salvage.h"

#include <map>
#include <set>

#include "query/schema/id_codec.h"
#include "storage/log/change_log.h"
#include "storage/rows/id_key.h"
#include "storage/rows/row_record.h"

namespace kith {
namespace {

constexpr size_t kBatchPoints = 500;
constexpr size_t kBatchBytes = 16u << 20;

class CollectionSalvage {
 public:
  CollectionSalvage(const KvSnapshot& view, CollectionNumber number, const Schema& schema, Collection& target,
                    uint64_t now_ms, const Stop& stop)
      : view_(view), number_(number), schema_(schema), target_(target), now_ms_(now_ms), stop_(stop) {}

  Result<SalvagedCollection> run() {
    find_rows();
    for (Row row = 0; row < rows_end_; ++row) {
      TRY(stop_.check());
      TRY(take(row));
    }
    for (const auto& [id_key, row] : unsure_) TRY(salvage(row, id_key));
    TRY(write());
    return report_;
  }

 private:
  template <typename Visit>
  void walk(KvTable table, const KeyRange& range, Visit visit) {
    const auto entry = view_.iterate(table, range.begin, range.end);
    for (; entry->valid(); entry->next()) visit(*entry);
    report_.complete = report_.complete && entry->status().ok();
  }

  /// As far as walks lead: id entries, and the end of the rows.
  void find_rows() {
    walk(KvTable::kRecords, id_entry_range(number_), [&](const KvIterator& entry) {
      const auto id_key = id_key_of_entry(entry.key());
      const auto row = parse_row_value(entry.value());
      if (!id_key.ok() || !row.ok() || !parse_id_key(*id_key).ok()) return;
      rows_of_ids_[*row] = *id_key;
      note_row(*row);
    });
    if (const auto last = last_change(view_, number_); last.ok() && last->has_value())
      rows_end_ = std::max(rows_end_, (*last)->next_row());
    walk(KvTable::kRecords, row_record_range(number_),
         [&](const KvIterator& entry) { note_row(row_of_record_key(entry.key())); });
    // Another table, so other files.
    for (size_t position = 0; position < schema_.vectors.size(); ++position)
      walk(KvTable::kVectors, vector_range(number_, static_cast<uint8_t>(position), 0, kNoRow),
           [&](const KvIterator& entry) { note_row(row_of_vector_key(entry.key())); });
  }
  void note_row(const Result<Row>& row) {
    if (row.ok()) rows_end_ = std::max(rows_end_, *row + 1);
  }

  Result<void> take(Row row) {
    const auto known = rows_of_ids_.find(row);
    const auto value = view_.get(KvTable::kRecords, row_record_key(number_, row));
    if (value.ok() && !value->has_value() && known == rows_of_ids_.end()) return {};  // removed
    const auto record = value.ok() && value->has_value() ? parse_row_record(**value)
                                                         : Result<RowRecord>(corruption("no record"));
    if (!record.ok()) {
      lose(known != rows_of_ids_.end() ? known->second : "");
      rows_of_ids_.erase(row);
      return {};
    }
    const std::string id_key(record->id_key);
    if (known != rows_of_ids_.end()) {
      rows_of_ids_.erase(row);
      return salvage(row, id_key);
    }
    const auto entry = view_.get(KvTable::kRecords, id_entry_key(number_, id_key));
    if (!entry.ok()) {
      unsure_[id_key] = row;  // the last one stays
      return {};
    }
    const bool lives = entry->has_value() && (**entry == row_value(row));
    return lives ? salvage(row, id_key) : Result<void>();  // else the id was removed, or lives elsewhere
  }

  Result<void> salvage(Row row, const std::string& id_key) {
    Result<Point> point = read_point(row, id_key);
    if (!point.ok()) {
      lose(id_key);
      return {};
    }
    if (point->expires_at_ms != 0 && point->expires_at_ms <= now_ms_) return {};
    if (!ids_.insert(id_key).second) return {};
    bytes_ += point->payload.size();
    for (const FieldVector& vector : point->vectors) bytes_ += vector.data.size();
    batch_.push_back(std::move(*point));
    return batch_.size() < kBatchPoints && bytes_ < kBatchBytes ? Result<void>() : write();
  }

  Result<Point> read_point(Row row, const std::string& id_key) const {
    const auto value = TRY(view_.get(KvTable::kRecords, row_record_key(number_, row)));
    if (!value.has_value()) return corruption("row {} has no record", row);
    const RowRecord record = TRY(parse_row_record(*value));
    if (record.id_key != id_key || record.fields >> schema_.vectors.size() != 0)
      return corruption("row {} is another one's", row);
    Point point;
    point.id = TRY(id_of_key(id_key));
    point.payload = record.payload;
    point.expires_at_ms = record.expires_at_ms;
    for (size_t position = 0; position < schema_.vectors.size(); ++position) {
      if ((record.fields >> position & 1) == 0) continue;
      const VectorField& field = schema_.vectors[position];
      const auto vector =
          TRY(view_.get(KvTable::kVectors, vector_key(number_, static_cast<uint8_t>(position), row)));
      if (!vector.has_value() || vector->size() != vector_bytes(field.type, field.dim))
        return corruption("vector '{}' of row {} is not whole", field.name, row);
      const auto bytes = std::as_bytes(std::span(*vector));
      point.vectors.push_back({field.name, {bytes.begin(), bytes.end()}});
    }
    return point;
  }

  void lose(const std::string& id_key) {
    ++report_.lost;
    if (!id_key.empty() && report_.ids.size() < kLostIdsMax) report_.ids.push_back(id_key_text(id_key));
  }

  Result<void> write() {
    if (batch_.empty()) return {};
    TRY(target_.upsert(batch_, Durability::kSync));
    report_.points += batch_.size();
    batch_.clear();
    bytes_ = 0;
    return {};
  }

  const KvSnapshot& view_;
  const CollectionNumber number_;
  const Schema& schema_;
  Collection& target_;
  const uint64_t now_ms_;
  const Stop& stop_;
  Row rows_end_ = 0;
  std::map<Row, std::string> rows_of_ids_;  // id keys of entries that could be read, until they are met
  std::map<std::string, Row> unsure_;       // rows whose id's entry cannot be read
  std::set<std::string> ids_;               // taken
  std::vector<Point> batch_;
  size_t bytes_ = 0;
  SalvagedCollection report_;
};

}  // namespace

Result<SalvagedCollection> salvage_collection(const KvSnapshot& view, CollectionNumber number,
                                              const Schema& schema, Collection& target, uint64_t now_ms,
                                              const Stop& stop) {
  return CollectionSalvage(view, number, schema, target, now_ms, stop).run();
}

}  // namespace kith

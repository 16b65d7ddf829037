#include "query/collection/catalog.h"

#include <set>

#include "storage/log/change_log.h"

namespace kith {

Result<std::vector<CatalogedCollection>> read_catalog(const KvSnapshot& view) {
  std::vector<CatalogedCollection> entries;
  const KeyRange range = catalog_range();
  auto at = view.iterate(KvTable::kRecords, range.begin, range.end);
  for (; at->valid(); at->next()) {
    CatalogedCollection& entry = entries.emplace_back();
    entry.number = TRY(collection_of_catalog_key(at->key()));
    auto record = parse_catalog_record(at->value());
    if (record.ok())
      entry.record = std::move(*record);
    else
      entry.broken = record.error().message;
  }
  TRY(at->status());
  std::set<std::string> names;
  for (const CatalogedCollection& entry : entries) names.insert(entry.record.name);
  for (CatalogedCollection& entry : entries) {
    if (entry.broken.empty()) continue;
    entry.record.name = fmt::format("#{}", entry.number);  // users may have taken this one
    while (!names.insert(entry.record.name).second) entry.record.name += '#';
  }
  return entries;
}

Result<std::vector<BackupCollection>> read_collections(const KvSnapshot& view) {
  std::vector<BackupCollection> collections;
  for (const CatalogedCollection& entry : TRY(read_catalog(view))) {
    if (entry.record.state == CollectionState::kDropping) continue;
    BackupCollection& collection = collections.emplace_back();
    collection.number = entry.number;
    collection.name = entry.record.name;
    const Result<std::optional<Change>> last = last_change(view, entry.number);
    collection.quarantined = !entry.broken.empty() || !last.ok();
    if (collection.quarantined || !last->has_value()) continue;
    collection.sequence = (*last)->sequence;
    collection.points = (*last)->points;
  }
  return collections;
}

}  // namespace kith

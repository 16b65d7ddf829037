// What a store says of its collections, read from one snapshot: for opening a directory, and for copies of
// one that nobody has open.
#pragma once

#include <string>
#include <vector>

#include "query/schema/catalog_record.h"
#include "storage/backup/backup_manifest.h"
#include "storage/kv/kv_store.h"

namespace kith {

/// Of a directory; in its format record.
inline constexpr uint32_t kFormatVersion = 1;

struct CatalogedCollection {
  CollectionNumber number;
  CatalogRecord record;  // with a name made up where the record cannot be read
  std::string broken;    // why it cannot
};
/// In order of number; those being dropped too.
Result<std::vector<CatalogedCollection>> read_catalog(const KvSnapshot& view);

/// What a backup of this state holds; collections being dropped are left out.
Result<std::vector<BackupCollection>> read_collections(const KvSnapshot& view);

}  // namespace kith

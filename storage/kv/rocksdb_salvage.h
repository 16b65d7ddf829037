// Reading a store without changing it: as it stands, or what can still be read of a damaged one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/io/file_system.h"
#include "storage/kv/kv_store.h"

namespace kith {

/// The store in `directory` as it stands there, without changing a byte: also of one that another process has
/// open, whose files must stay meanwhile. Reads what the log has after the tables into memory.
Result<std::shared_ptr<const KvSnapshot>> read_rocksdb_kv_store(const std::string& directory, FileSystem& fs);

struct Salvage {
  std::shared_ptr<const KvSnapshot> view;
  std::vector<std::string> remarks;  // what is wrong with the store as a whole
};

/// What can still be read, key by key: a get of what cannot be is an error, others go on. Walks end early at
/// damage. Where nothing says which files make up the store any more, they are put together anew in
/// `scratch`, a directory that is made, and belongs to what is returned: then erased keys may be there again.
/// The store itself is not changed.
Result<Salvage> salvage_rocksdb_kv_store(const std::string& directory, const std::string& scratch,
                                         FileSystem& fs);

}  // namespace kith

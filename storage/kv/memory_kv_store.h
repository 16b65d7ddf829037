// MemoryKvStore: the KvStore contract over std::map, for tests. Each key keeps its versions while a snapshot
// needs them. MemoryKvData outlives the store, so that a test can "restart": open a second store over the
// same data.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "storage/kv/kv_store.h"

namespace kith {

struct MemoryKvData {
  struct Version {
    uint64_t sequence;
    std::shared_ptr<const std::string> value;  // null: erased
  };
  using Table = std::map<std::string, std::vector<Version>, std::less<>>;

  std::mutex mutex;
  Table tables[kKvTables];       // guarded by mutex, as is all below
  uint64_t sequence = 0;         // of the last batch
  std::multiset<uint64_t> pins;  // sequences that snapshots still read
};

/// Survives: the data object, not the process.
std::unique_ptr<KvStore> make_memory_kv_store(std::shared_ptr<MemoryKvData> data);

}  // namespace kith

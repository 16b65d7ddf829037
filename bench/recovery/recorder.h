// Recorder: the batches that Kith hands to its store for a row of upserts, so that a rival can be given the
// very same keys and values. The upserts run through a real collection over a store in memory.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/io/memory_file_system.h"
#include "base/result.h"
#include "bench/rivals/rival_store.h"
#include "query/database.h"

namespace kith::bench {

using StoreBatch = std::vector<StoreChange>;

class Recorder {
 public:
  static Result<std::unique_ptr<Recorder>> create();

  /// Its collections have the numbers 1, 2, … in the order of their creation, as in any new directory.
  Database& database() { return *database_; }
  /// What was written since the last call: one batch a request.
  std::vector<StoreBatch> take();

 private:
  Recorder() = default;

  MemoryFileSystem files_;
  std::shared_ptr<std::vector<StoreBatch>> written_ = std::make_shared<std::vector<StoreBatch>>();
  std::unique_ptr<Database> database_;
};

}  // namespace kith::bench

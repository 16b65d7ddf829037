// Repair of a directory that nobody has open. PUBLIC: part of the embedding API.
#pragma once

#include <string>
#include <vector>

#include "query/backup.h"

namespace kith {

struct RepairReport {
  std::vector<std::string> dropped;  // checkpoints that could not be used, and why: opens build their indexes
  std::vector<std::string> problems;  // what is damaged still; empty = the directory is whole
  uint64_t collections = 0;           // that serve
};

/// Drops checkpoints of `directory` that are damaged or belong to nothing, and verifies the rest, as
/// Database::verify does. FailedPrecondition while somebody has it open.
Result<RepairReport> repair_directory(const std::string& directory, const OfflineOptions& options);

/// What came of a collection.
struct SalvagedCollection {
  std::string name;
  uint64_t points = 0;           // that came through, whole
  uint64_t lost = 0;             // that were there and did not
  std::vector<std::string> ids;  // of the lost: the first kLostIdsMax whose id could be read
  bool complete = true;          // false: what lists points is damaged too, more may be lost than is said
  std::string error;             // why nothing came through
};
inline constexpr size_t kLostIdsMax = 10'000;

struct SalvageReport {
  std::vector<SalvagedCollection> collections;
  std::vector<std::string> remarks;  // what is wrong with the store as a whole
};

/// Writes what can still be read of `from` into the new directory `to`, which is there whole or not at all.
/// A point comes through with its payload and all its vectors, or is lost. Nothing in `from` is changed but
/// its lock.
Result<SalvageReport> salvage_directory(const std::string& from, const std::string& to,
                                        const OfflineOptions& options);

}  // namespace kith

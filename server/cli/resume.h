// Where an interrupted load goes on: the first row of the files that the collection does not hold.
//
// Batches are acknowledged in order and atomic, so what is stored is a prefix of the rows and a search by
// halves with Get finds its end; nothing is written down anywhere. Files with ids of their own are read along
// instead, up to the first id that is missing or that comes a second time: that the collection holds it says
// nothing about the later row, and to send rows again in their order does no harm.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/cli/session.h"

namespace kith {

/// The smallest row in [0, end) for which `stored` says no, given that it says yes for a prefix only; `end`
/// when it never does. Gallops from 0, so `end` may be unknown (UINT64_MAX).
Result<uint64_t> first_missing(uint64_t end, const std::function<Result<bool>(uint64_t row)>& stored);

/// Whether each of the ids is stored.
Result<std::vector<bool>> stored_ids(Session& session, const std::string& collection,
                                     const std::vector<v1::Id>& ids);

/// The ids that a file has given so far, as 64-bit hashes in open addressing: 11 to 22 bytes an id.
class SeenIds {
 public:
  explicit SeenIds(size_t ids_max = size_t{48} << 20) : ids_max_(ids_max) {}

  /// True where `id` is surely new. False where it was added before, and, now and then for nothing, where two
  /// hashes are the same or `ids_max` are held: then more rows are sent again than need be.
  bool add(const v1::Id& id);

 private:
  bool insert(uint64_t hash);
  void grow();

  const size_t ids_max_;
  std::vector<uint64_t> slots_ = std::vector<uint64_t>(1024);  // 0 = free; a power of two of them
  size_t count_ = 0;
};

}  // namespace kith

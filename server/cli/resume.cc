#include "server/cli/resume.h"

#include <algorithm>
#include <utility>

namespace kith {

Result<uint64_t> first_missing(uint64_t end, const std::function<Result<bool>(uint64_t row)>& stored) {
  // Invariant: every row below `low` is stored, `high` is not (or is the end).
  uint64_t low = 0;
  uint64_t high = end;
  for (uint64_t step = 1; low < end; step *= 2) {
    const uint64_t probe = step - 1;
    if (probe >= end) break;
    if (!TRY(stored(probe))) {
      high = probe;
      break;
    }
    low = probe + 1;
    if (step > UINT64_MAX / 2) break;
  }
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (TRY(stored(middle))) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Result<std::vector<bool>> stored_ids(Session& session, const std::string& collection,
                                     const std::vector<v1::Id>& ids) {
  v1::GetRequest request;
  request.set_collection(collection);
  for (const v1::Id& id : ids) *request.add_ids() = id;
  const v1::GetResponse response = TRY(session.api().get(request, session.stop()));
  if (static_cast<size_t>(response.entries_size()) != ids.size())
    return corruption("asked for {} ids, the answer has {}", ids.size(), response.entries_size());
  std::vector<bool> stored;
  for (const auto& entry : response.entries()) stored.push_back(entry.has_point());
  return stored;
}

bool SeenIds::add(const v1::Id& id) {
  if (count_ == ids_max_) return false;
  if (4 * count_ >= 3 * slots_.size()) grow();
  const uint64_t hash = std::hash<std::string>()(id.SerializeAsString());
  if (!insert(std::max<uint64_t>(hash, 1))) return false;
  ++count_;
  return true;
}

bool SeenIds::insert(uint64_t hash) {
  size_t slot = hash & (slots_.size() - 1);
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    if (slots_[slot] == hash) return false;
  }
  slots_[slot] = hash;
  return true;
}

void SeenIds::grow() {
  const std::vector<uint64_t> before = std::exchange(slots_, std::vector<uint64_t>(2 * slots_.size()));
  for (const uint64_t hash : before) {
    if (hash != 0) (void)insert(hash);
  }
}

}  // namespace kith

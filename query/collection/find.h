// LocalCollection::find: the one way from an index's answer to rows that are live.
#pragma once

#include <mutex>

#include "query/collection/local_collection.h"
#include "query/collection/search_parts.h"

namespace kith {

/// Asks an index (ask(count, locked) → the nearest `count` rows; locked: state_mutex_ is held) until the
/// answer holds good for one moment. Callers test afterwards that the index was usable all the time.
///
/// Rows that the id map does not know are dropped, and more are asked for when that leaves too few; so are
/// rows that were not there when the index was asked, of whose group it may have seen a part only. If rows
/// were removed while the index searched, it may have met a replaced point under neither of its rows (the old
/// one gone already, the new one not there yet when it looked), so it is asked again; after a few tries with
/// writers held off.
template <typename Ask>
Result<LocalCollection::Found> LocalCollection::find(Window window, bool fetches, Ask ask) const {
  Found found;
  const uint64_t now_ms = engine_->now_ms();
  size_t count = window.wanted();
  for (int attempt = 0;; ++attempt) {
    std::shared_lock lock(state_mutex_, std::defer_lock);
    if (attempt >= kOptimisticTries) lock.lock();
    const uint64_t removals = removals_.load(std::memory_order_acquire);
    const Row rows_end = next_row_.load(std::memory_order_acquire);
    SearchAnswer answer = TRY(ask(count, lock.owns_lock()));
    found.stats.add(answer.stats);
    if (!lock.owns_lock()) lock.lock();
    const size_t got = answer.neighbors.size();
    keep_live(answer.neighbors, rows_end, now_ms);
    const size_t live = answer.neighbors.size(), dropped = got - live;
    const bool enough = dropped == 0 || live >= window.wanted() || got < count;
    if (enough && removals == removals_.load(std::memory_order_relaxed)) {
      take(std::move(answer.neighbors), window, fetches, found);
      return found;
    }
    if (!enough) count = std::min<size_t>(window.wanted() + 2 * dropped, kNoRow - 1);
  }
}

}  // namespace kith

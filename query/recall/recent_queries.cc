#include "query/recall/recent_queries.h"

#include <algorithm>
#include <utility>

#include "query/filter/filter_text.h"

namespace kith {
namespace {

constexpr size_t kSlotsMax = 512;
constexpr size_t kSlotsMin = 32;
constexpr uint64_t kDeepest = 1'000;       // hits: answering deeper pages again would take too long
constexpr size_t kRingBytes = 2u << 20;    // of vectors
constexpr size_t kFilterBytesMax = 4'096;  // a longer filter is not kept, nor is its query

}  // namespace

RecentQueries::RecentQueries(size_t vector_bytes)
    : slots_(std::clamp(kRingBytes / std::max<size_t>(1, vector_bytes), kSlotsMin, kSlotsMax)) {}

uint64_t RecentQueries::bytes_of(const AskedQuery& query) {
  return sizeof(Slot) + sizeof(AskedQuery) + query.vector.size();
}

void RecentQueries::offer(const Query& query, double recall_target) {
  const uint64_t number = asked_.fetch_add(1, std::memory_order_relaxed);
  if (number >= kAllOf && number % kOneIn != 0) return;
  if (uint64_t{query.offset} + query.k > kDeepest) return;
  if (query.filter.has_value() && to_text(*query.filter).size() > kFilterBytesMax) return;
  auto asked = std::make_shared<AskedQuery>();
  asked->vector = query.vector;
  asked->k = query.offset + query.k;
  asked->effort = query.effort;
  asked->recall_target = query.effort != 0 ? 0 : recall_target;
  asked->filter = query.filter;
  const uint64_t bytes = bytes_of(*asked);
  std::shared_ptr<const AskedQuery> before;  // goes when the lock has gone
  std::lock_guard lock(mutex_);
  if (ring_.size() < slots_) {
    ring_.emplace_back();
    end_ = ring_.size() - 1;
  }
  before = std::exchange(ring_[end_].query, std::move(asked));
  ring_[end_].given = false;
  end_ = ring_.size() < slots_ ? ring_.size() : (end_ + 1) % slots_;
  bytes_.fetch_add(bytes - (before == nullptr ? 0 : bytes_of(*before)), std::memory_order_relaxed);
}

std::vector<std::shared_ptr<const AskedQuery>> RecentQueries::newest(size_t count) const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const AskedQuery>> out;
  for (size_t age = 0; age < std::min(count, ring_.size()); ++age) out.push_back(ring_[place(age)].query);
  return out;
}

std::shared_ptr<const AskedQuery> RecentQueries::next() {
  std::lock_guard lock(mutex_);
  for (size_t age = 0; age < ring_.size(); ++age) {
    Slot& slot = ring_[place(age)];
    if (std::exchange(slot.given, true)) continue;
    return slot.query;
  }
  return nullptr;
}

void RecentQueries::give_again() {
  std::lock_guard lock(mutex_);
  for (Slot& slot : ring_) slot.given = false;
}

size_t RecentQueries::size() const {
  std::lock_guard lock(mutex_);
  return ring_.size();
}

}  // namespace kith

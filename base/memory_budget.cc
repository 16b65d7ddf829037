#include "base/memory_budget.h"

namespace kith {

MemoryReservation::~MemoryReservation() {
  if (budget_ != nullptr) budget_->give_back(bytes_);
}

Result<void> MemoryReservation::resize(uint64_t bytes, std::string_view use) {
  if (budget_ == nullptr) return failed_precondition("{}: this reservation belongs to no memory budget", use);
  if (bytes > bytes_) TRY(budget_->take(bytes - bytes_, use));
  if (bytes < bytes_) budget_->give_back(bytes_ - bytes);
  bytes_ = bytes;
  return {};
}

void MemoryReservation::record(uint64_t bytes) {
  CHECK(budget_ != nullptr);
  if (bytes > bytes_) budget_->add(bytes - bytes_);
  if (bytes < bytes_) budget_->give_back(bytes_ - bytes);
  bytes_ = bytes;
}

Result<MemoryReservation> MemoryBudget::reserve(uint64_t bytes, std::string_view use) {
  TRY(take(bytes, use));
  return MemoryReservation(this, bytes);
}

Result<void> MemoryBudget::take(uint64_t bytes, std::string_view use) {
  TRY(take_here(bytes, use));
  if (parent_ == nullptr) return {};
  Result<void> above = parent_->take(bytes, use);
  if (!above.ok()) used_.fetch_sub(bytes, std::memory_order_relaxed);
  return above;
}

Result<void> MemoryBudget::take_here(uint64_t bytes, std::string_view use) {
  uint64_t used = used_.load(std::memory_order_relaxed);
  uint64_t after;
  do {
    const uint64_t limit = limit_.load(std::memory_order_relaxed);
    if (__builtin_add_overflow(used, bytes, &after) || after > limit)
      return resource_exhausted(
          "memory budget '{}': {} needs {} bytes, {} of {} are used; raise the budget or free some", name_,
          use, bytes, used, limit);
  } while (!used_.compare_exchange_weak(used, after, std::memory_order_relaxed));
  return {};
}

void MemoryBudget::add(uint64_t bytes) {
  for (MemoryBudget* budget = this; budget != nullptr; budget = budget->parent_)
    budget->used_.fetch_add(bytes, std::memory_order_relaxed);
}

void MemoryBudget::give_back(uint64_t bytes) {
  for (MemoryBudget* budget = this; budget != nullptr; budget = budget->parent_) {
    DCHECK(budget->used_.load(std::memory_order_relaxed) >= bytes);
    budget->used_.fetch_sub(bytes, std::memory_order_relaxed);
  }
}

}  // namespace kith

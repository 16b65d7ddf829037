#include "index/graph/label_table.h"

#include <algorithm>

#include "base/random.h"

namespace kith {
namespace {

constexpr uint64_t kMapEntryBytes = 64;  // an entry of a hash map, about

uint64_t hash_of(std::span<const Label> labels) {
  uint64_t hash = labels.size();
  for (const Label label : labels) hash = mix64(hash ^ label);
  return hash;
}

bool contains(std::span<const Label> labels, Label label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

}  // namespace

Result<void> LabelTable::grow(Node count) {
  TRY(own_.grow(count));
  TRY(walked_.grow(count));
  TRY(before_.grow(count));
  if (sets() > kEveryLabel) return {};
  TRY(sets_.grow(kEveryLabel + 1));
  sets_[kEveryLabel].universal = true;
  set_count_.store(kEveryLabel + 1, std::memory_order_release);
  return {};
}

bool LabelTable::has(LabelSetNumber set, Label label) const {
  return contains(labels(set), label);
}

std::optional<LabelSetNumber> LabelTable::find_locked(std::span<const Label> wanted) const {
  if (sets() == 0) return std::nullopt;  // before the first row
  if (wanted.empty()) return kNoLabels;
  const auto [begin, end] = by_hash_.equal_range(hash_of(wanted));
  for (auto entry = begin; entry != end; ++entry)
    if (std::ranges::equal(labels(entry->second), wanted)) return entry->second;
  return std::nullopt;
}

std::optional<LabelSetNumber> LabelTable::find(std::span<const Label> wanted) const {
  const std::shared_lock lock(mutex_);
  return find_locked(wanted);
}

Result<LabelSetNumber> LabelTable::intern(std::span<const Label> wanted) {
  if (const auto there = find(wanted)) return *there;
  const std::unique_lock lock(mutex_);
  if (const auto there = find_locked(wanted)) return *there;
  return append_set(wanted);
}

/// Side by side: what an extent has not room for begins in the next.
Result<LabelSetNumber> LabelTable::append_set(std::span<const Label> wanted) {
  const LabelSetNumber set = sets();
  TRY(sets_.grow(uint64_t{set} + 1));
  TRY(pool_.grow(pool_used_ + 1));
  uint64_t first = pool_used_;
  if (const uint64_t room = pool_.contiguous(first); room < wanted.size()) first += room;
  TRY(pool_.grow(first + wanted.size()));
  for (size_t i = 0; i < wanted.size(); ++i) pool_[first + i] = wanted[i];
  pool_used_ = first + wanted.size();
  SetRecord& record = sets_[set];
  record.first = static_cast<uint32_t>(first);
  record.count = static_cast<uint8_t>(wanted.size());
  record.universal = universal_ != kNoLabel && contains(wanted, universal_);
  record.signature = signature_of(wanted);
  uint64_t new_labels = 0;
  for (const Label label : wanted) {
    const auto [place, fresh] = places_.try_emplace(label);
    place->second.sets.push_back(set);
    new_labels += fresh;
  }
  by_hash_.emplace(hash_of(wanted), set);
  memory_.fetch_add(
      sizeof(SetRecord) + (1 + new_labels) * kMapEntryBytes + wanted.size() * 2 * sizeof(uint32_t),
      std::memory_order_relaxed);
  set_count_.store(set + 1, std::memory_order_release);
  return set;
}

void LabelTable::set(Node node, LabelSetNumber set) {
  own_[node].store(set, std::memory_order_relaxed);
  walked_[node].store(set, std::memory_order_release);
  const std::unique_lock lock(mutex_);
  SetRecord& record = sets_[set];
  before_[node].store(record.last.load(std::memory_order_relaxed), std::memory_order_release);
  record.last.store(node + 1, std::memory_order_release);
  record.rows.fetch_add(1, std::memory_order_release);
  for (const Label label : labels(set)) ++places_[label].rows;
}

void LabelTable::count_removed(Node node) {
  const LabelSetNumber set = set_of(node);
  const std::unique_lock lock(mutex_);
  sets_[set].rows.fetch_sub(1, std::memory_order_release);
  for (const Label label : labels(set)) --places_[label].rows;
}

bool LabelTable::may_occlude(Node centre, Node candidate, Node kept) const {
  const LabelSetNumber theirs = walk_set(candidate), keeper = walk_set(kept), own = walk_set(centre);
  if (theirs == keeper || universal(keeper)) return true;
  const bool all_of_centre = universal(theirs);
  const bool all_of_theirs = universal(own);
  if (all_of_centre && all_of_theirs) return false;
  for (const Label label : labels(all_of_centre ? own : theirs))
    if ((all_of_centre || all_of_theirs || has(own, label)) && !has(keeper, label)) return false;
  return true;
}

Node LabelTable::start(Label label) const {
  const std::shared_lock lock(mutex_);
  const auto place = places_.find(label);
  return place == places_.end() ? kNoNode : place->second.start;
}

Node LabelTable::claim_start(Label label, Node node) {
  const std::unique_lock lock(mutex_);
  Place& place = places_[label];
  if (place.start == kNoNode) place.start = node;
  return place.start;
}

void LabelTable::move_start(Label label, Node node) {
  const std::unique_lock lock(mutex_);
  places_[label].start = node;
}

bool LabelTable::move_start(Label label, Node from, Node to) {
  const std::unique_lock lock(mutex_);
  Node& start = places_[label].start;
  if (start != from) return false;
  start = to;
  return true;
}

Result<void> LabelTable::widen(Node node, LabelSetNumber more) {
  LabelSetNumber before = walk_set(node);
  while (before != kEveryLabel) {
    LabelSet both;
    std::ranges::set_union(labels(before), labels(more), std::back_inserter(both));
    const LabelSetNumber wide = both.size() > kRowLabelsMax ? kEveryLabel : TRY(intern(both));
    if (walked_[node].compare_exchange_weak(before, wide, std::memory_order_acq_rel)) return {};
  }
  return {};
}

void LabelTable::count_loose(Label label, uint32_t rows) {
  const std::unique_lock lock(mutex_);
  uint32_t& loose = places_[label].loose;
  loose += std::min(rows, UINT32_MAX - loose);
}

void LabelTable::forget_loose(Label label, uint32_t rows) {
  const std::unique_lock lock(mutex_);
  uint32_t& loose = places_[label].loose;
  loose -= std::min(rows, loose);
}

uint64_t LabelTable::rows(Label label) const {
  const std::shared_lock lock(mutex_);
  const auto place = places_.find(label);
  return place == places_.end() ? 0 : place->second.rows;
}

uint32_t LabelTable::loose(Label label) const {
  const std::shared_lock lock(mutex_);
  const auto place = places_.find(label);
  return place == places_.end() ? 0 : place->second.loose;
}

std::vector<LabelSetNumber> LabelTable::sets_with(Label label) const {
  const std::shared_lock lock(mutex_);
  const auto place = places_.find(label);
  return place == places_.end() ? std::vector<LabelSetNumber>() : place->second.sets;
}

size_t LabelTable::count_sets_with(Label label) const {
  const std::shared_lock lock(mutex_);
  const auto place = places_.find(label);
  return place == places_.end() ? 0 : place->second.sets.size();
}

std::vector<LabelStart> LabelTable::starts() const {
  std::vector<LabelStart> all;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [label, place] : places_) all.push_back({label, place.start, place.loose});
  }
  std::ranges::sort(all, {}, &LabelStart::label);
  return all;
}

}  // namespace kith

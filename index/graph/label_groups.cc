#include "index/graph/label_groups.h"

#include <algorithm>
#include <bit>

namespace kith {
namespace {

constexpr uint64_t kMapEntryBytes = 48;  // about

}  // namespace

LabelGroups::Group* LabelGroups::find_locked(LabelSetNumber group) {
  const auto found = by_set_.find(group);
  return found == by_set_.end() ? nullptr : &groups_[found->second];
}

const LabelGroups::Group* LabelGroups::find_locked(LabelSetNumber group) const {
  const auto found = by_set_.find(group);
  return found == by_set_.end() ? nullptr : &groups_[found->second];
}

/// The group of rows without labels is below all, and comes on top of the others. For those that sets are
/// merged into already there is room.
bool LabelGroups::may_begin_locked(LabelSetNumber set) const {
  constexpr LabelSetNumber kTop = LabelTable::kNoLabels;
  if (set == kTop || by_set_.contains(set) || awaited_.contains(set)) return true;
  return groups_.size() + awaited_.size() - by_set_.count(kTop) - awaited_.count(kTop) < groups_max_;
}

LabelSetNumber LabelGroups::place(LabelSetNumber set) {
  {
    const std::shared_lock lock(mutex_);
    if (const auto into = merged_.find(set); into != merged_.end()) return into->second;
    if (may_begin_locked(set)) return set;
  }
  LabelSetNumber most = LabelTable::kNoLabels;
  for (const LabelSetNumber group : below(set))
    if (labels_.labels(group).size() > labels_.labels(most).size()) most = group;
  const std::unique_lock lock(mutex_);
  if (by_set_.contains(set)) return set;
  return merge_locked(set, most);
}

LabelSetNumber LabelGroups::merge_locked(LabelSetNumber set, LabelSetNumber into) {
  const auto [merged, fresh] = merged_.try_emplace(set, into);
  if (!fresh) return merged->second;
  count_memory(kMapEntryBytes);
  if (Group* const group = find_locked(into)) {
    group->mixed = true;
  } else {
    awaited_.insert(into);
  }
  return into;
}

void LabelGroups::merge(LabelSetNumber set, LabelSetNumber into) {
  const std::unique_lock lock(mutex_);
  merge_locked(set, into);
}

bool LabelGroups::begin(LabelSetNumber group, Node start) {
  const std::unique_lock lock(mutex_);
  if (merged_.contains(group)) return false;
  if (!may_begin_locked(group)) return false;
  if (!by_set_.try_emplace(group, groups_.size()).second) return true;
  Group fresh;
  fresh.set = group;
  fresh.entries.push_back(start);
  fresh.mixed = awaited_.erase(group) > 0;
  groups_.push_back(std::move(fresh));
  count_memory(sizeof(Group) + kMapEntryBytes + sizeof(Node));
  return true;
}

void LabelGroups::lead(LabelSetNumber below, LabelSetNumber group) {
  const std::unique_lock lock(mutex_);
  Group* const found = find_locked(group);
  if (found == nullptr || std::ranges::find(found->led_from, below) != found->led_from.end()) return;
  found->led_from.push_back(below);
  count_memory(sizeof(LabelSetNumber));
}

void LabelGroups::lead_from(std::vector<LabelSetNumber> below, LabelSetNumber group) {
  const std::unique_lock lock(mutex_);
  Group* const found = find_locked(group);
  if (found == nullptr) return;
  count_memory(below.size() * sizeof(LabelSetNumber));
  found->led_from = std::move(below);
}

void LabelGroups::forget_ways() {
  const std::unique_lock lock(mutex_);
  for (Group& group : groups_) group.led_from.clear();
}

/// The start, and each time that the number of rows has doubled the last of them.
void LabelGroups::count_row(LabelSetNumber set, Node node) {
  const std::unique_lock lock(mutex_);
  Group* const group = find_locked(set);
  if (group == nullptr) return;
  ++group->rows;
  const bool doubled = std::has_single_bit(group->rows);
  if (!doubled || group->entries.size() == kEntries || node == group->entries.front()) return;
  group->entries.push_back(node);
  count_memory(sizeof(Node));
}

void LabelGroups::count_loose(LabelSetNumber set, uint32_t rows) {
  const std::unique_lock lock(mutex_);
  if (Group* const group = find_locked(set)) group->loose += std::min(rows, UINT32_MAX - group->loose);
}

bool LabelGroups::has(LabelSetNumber group) const {
  const std::shared_lock lock(mutex_);
  return by_set_.contains(group);
}

std::vector<Node> LabelGroups::entries(LabelSetNumber group) const {
  const std::shared_lock lock(mutex_);
  const Group* const found = find_locked(group);
  return found == nullptr ? std::vector<Node>() : found->entries;
}

/// Those that no other one lies between, seen from a set below or above all.
std::vector<LabelSetNumber> LabelGroups::nearest(std::vector<LabelSetNumber> sets, bool largest) const {
  std::ranges::stable_sort(sets, [&](LabelSetNumber a, LabelSetNumber b) {
    const size_t size_a = labels_.labels(a).size(), size_b = labels_.labels(b).size();
    return largest ? size_a > size_b : size_a < size_b;
  });
  std::vector<LabelSetNumber> next;
  for (const LabelSetNumber set : sets)
    if (std::ranges::none_of(next, [&](LabelSetNumber nearer) {
          return largest ? labels_.within(set, nearer) : labels_.within(nearer, set);
        }))
      next.push_back(set);
  return next;
}

std::vector<LabelSetNumber> LabelGroups::below(LabelSetNumber set) const {
  std::vector<LabelSetNumber> found;
  {
    const std::shared_lock lock(mutex_);
    for (const Group& group : groups_)
      if (group.set != set && labels_.within(group.set, set)) found.push_back(group.set);
  }
  return nearest(std::move(found), true);
}

std::vector<LabelSetNumber> LabelGroups::above(LabelSetNumber set) const {
  std::vector<LabelSetNumber> found;
  {
    const std::shared_lock lock(mutex_);
    for (const Group& group : groups_)
      if (group.set != set && labels_.within(set, group.set)) found.push_back(group.set);
  }
  return nearest(std::move(found), false);
}

/// Of groups asked for, those that none of the others leads into, so to speak the least supersets; where
/// these are few, walks begin at several rows of each.
LabelWays LabelGroups::ways(std::span<const LabelSetNumber> sets, bool closed) const {
  LabelWays out;
  std::vector<const Group*> begins;
  std::vector<LabelSetNumber> sorted(sets.begin(), sets.end());
  std::ranges::sort(sorted);
  const auto asked = [&](LabelSetNumber set) { return std::ranges::binary_search(sorted, set); };
  const std::shared_lock lock(mutex_);
  for (const LabelSetNumber set : sets) {
    if (const Group* const group = find_locked(set)) {
      out.complete = out.complete && group->loose == 0 && (closed || !group->mixed);
      if (!closed || std::ranges::none_of(group->led_from, asked)) begins.push_back(group);
      continue;
    }
    const auto into = merged_.find(set);
    if (closed && into != merged_.end() && asked(into->second)) continue;
    out.unmet.push_back(set);
    out.unmet_rows += labels_.rows_of(set);
  }
  const size_t each = begins.empty() ? 0 : std::max<size_t>(1, kEntries / begins.size());
  for (const Group* const group : begins)
    for (const Node node : std::span(group->entries).first(std::min(each, group->entries.size())))
      out.starts.push_back(node);
  return out;
}

std::vector<LabelGroups::Group> LabelGroups::all() const {
  const std::shared_lock lock(mutex_);
  return groups_;
}

std::vector<LabelGroups::Merged> LabelGroups::merged() const {
  const std::shared_lock lock(mutex_);
  std::vector<Merged> all;
  for (const auto& [set, into] : merged_) all.push_back({set, into});
  return all;
}

}  // namespace kith

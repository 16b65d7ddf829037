#include "index/graph/label_filter.h"

namespace kith {
namespace {

constexpr size_t kSetsCounted = 1024;  // whose rows are added up

/// A walk goes with a scan of rows that it may not meet, where these are no more than a few or this share.
constexpr uint64_t kUnmetFew = 512;
constexpr uint64_t kUnmetShare = 16;

/// Sets with labels asked for, or as many as there may be groups: a search goes through them before it walks.
constexpr size_t kSetsWalked = 16'384;

}  // namespace

LabelFilter::LabelFilter(const LabelTable& table, const LabelQuery& query, const NestedStore* nested)
    : table_(table), query_(query), nested_(nested) {
  if (query.match == LabelMatch::kEqual) equal_ = table.find(query.labels);
  choose_labels();
  if (nested == nullptr) return;
  if (has_few_sets()) {
    choose_groups();
  } else {
    walkable_ = false;
    nested_ = nullptr;
  }
}

bool LabelFilter::has_few_sets() const {
  if (query_.match == LabelMatch::kEqual) return true;
  const bool all_rows = query_.match == LabelMatch::kAll && query_.labels.empty();
  size_t sets = all_rows ? table_.sets() : 0;
  for (const Label label : walked_) sets += table_.count_sets_with(label);
  return sets <= std::max<size_t>(kSetsWalked, nested_->groups.groups_max());
}

void LabelFilter::choose_labels() {
  const auto rarer = [&](Label a, Label b) { return table_.rows(a) < table_.rows(b); };
  if (query_.match == LabelMatch::kAny) {
    walked_ = query_.labels;
    for (const Label label : walked_) rows_ += table_.rows(label);
  } else if (!query_.labels.empty()) {
    walked_.push_back(*std::min_element(query_.labels.begin(), query_.labels.end(), rarer));
    rows_ = table_.rows(walked_.front());
  } else {
    rows_ = kNodesMax;  // as many as there are
    walkable_ = false;
  }
  const Label universal = table_.universal_label();
  if (universal != kNoLabel && query_.match != LabelMatch::kEqual && !query_.labels.empty()) {
    walked_.push_back(universal);
    rows_ += table_.rows(universal);
  }
  for (const Label label : walked_) {
    if (const Node start = table_.start(label); start != kNoNode) starts_.push_back(start);
    walkable_ = walkable_ && table_.loose(label) == 0;
  }
  rows_ = std::min(rows_, count_rows());
}

/// Of sets that match: where more than one label is asked for together, next to none may. Any number where
/// that is too much to add up.
uint64_t LabelFilter::count_rows() const {
  if (query_.match == LabelMatch::kAny || table_.sets() > kSetsCounted) return kNodesMax;
  uint64_t rows = 0;
  for (const LabelSetNumber set : sets_to_scan()) rows += table_.rows_of(set);
  return rows;
}

/// Rows of no label asked for are all rows, and the ordinary graph's.
void LabelFilter::choose_groups() {
  const std::vector<LabelSetNumber> sets = sets_to_scan();
  sets_ = NodeBits(table_.sets());
  rows_ = 0;
  for (const LabelSetNumber set : sets) {
    sets_.set(set);
    rows_ += table_.rows_of(set);
  }
  LabelWays ways = nested_->groups.ways(sets, query_.match != LabelMatch::kEqual);
  const bool all_rows = query_.match == LabelMatch::kAll && query_.labels.empty();
  const bool met = ways.unmet_rows <= std::max(kUnmetFew, rows_ / kUnmetShare);
  walkable_ = !all_rows && ways.complete && met && !ways.starts.empty();
  starts_ = std::move(ways.starts);
  unmet_ = std::move(ways.unmet);
}

bool LabelFilter::matches_set(LabelSetNumber set) const {
  if (query_.match == LabelMatch::kEqual) return equal_ == set;
  const bool universal = table_.universal(set) && !query_.labels.empty();
  if (query_.match == LabelMatch::kAny) return universal || shares(set);
  return universal || std::ranges::includes(table_.labels(set), query_.labels);
}

/// Each once: sets are looked up by label, and one may carry several of those asked for.
std::vector<LabelSetNumber> LabelFilter::sets_to_scan() const {
  std::vector<LabelSetNumber> sets;
  if (query_.match == LabelMatch::kEqual) {
    if (equal_) sets.push_back(*equal_);
    return sets;
  }
  if (walked_.empty() && query_.match == LabelMatch::kAll)  // of no label
    for (LabelSetNumber set = 0; set < table_.sets(); ++set) sets.push_back(set);
  for (const Label label : walked_)
    for (const LabelSetNumber set : table_.sets_with(label))
      if (matches_set(set)) sets.push_back(set);
  std::sort(sets.begin(), sets.end());
  sets.erase(std::unique(sets.begin(), sets.end()), sets.end());
  return sets;
}

}  // namespace kith

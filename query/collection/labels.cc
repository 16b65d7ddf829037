// What a collection does with labels, see query/schema/labels.h: where they come from when vectors are added
// again, what a query asks of them, and with which of them their plan is measured.
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/log.h"
#include "base/planted.h"
#include "query/collection/local_collection.h"
#include "query/collection/search_course.h"
#include "query/filter/canonical.h"
#include "query/filter/filter_text.h"
#include "query/plan/calibrate.h"
#include "query/schema/labels.h"
#include "query/schema/limits.h"

namespace kith {
namespace {

constexpr size_t kGroupLabels = 4;    // of one share: so many tell what they have in common
constexpr uint64_t kRowsMin = 100;    // a label of fewer rows nobody walks for
constexpr size_t kPayloadStep = 256;  // payloads asked of the store at once

RowSet no_ids(const std::vector<Id>&) {
  return {};
}

/// Keeps the terms of one label, where there are two of them at least.
bool join(std::vector<LabelTerm>& terms) {
  const auto is_one = [](const LabelTerm& term) { return term.labels.size() == 1; };
  if (std::ranges::count_if(terms, is_one) < 2) return false;
  std::erase_if(terms, [&](const LabelTerm& term) { return !is_one(term); });
  return true;
}

/// Of each of some shares the few things nearest to it, by their own share.
template <typename T>
class NearShares {
 public:
  NearShares(std::span<const double> shares, uint64_t rows)
      : shares_(shares), rows_(static_cast<double>(std::max<uint64_t>(rows, 1))), near_(shares.size()) {}

  void add(uint64_t points, T thing) {
    if (points < kRowsMin || shares_.empty()) return;
    const double share = std::min(1.0, static_cast<double>(points) / rows_);
    const auto off = [&](double other) { return std::abs(std::log(other / share)); };
    const auto nearest = std::ranges::min_element(shares_, {}, off);
    std::vector<std::pair<double, T>>& near = near_[static_cast<size_t>(nearest - shares_.begin())];
    const auto place =
        std::ranges::upper_bound(near, off(*nearest), {}, [](const auto& one) { return one.first; });
    near.emplace(place, off(*nearest), std::move(thing));
    if (near.size() > kGroupLabels) near.pop_back();
  }
  /// Nearest first.
  std::vector<T> take(size_t share) {
    std::vector<T> things;
    for (auto& one : near_[share]) things.push_back(std::move(one.second));
    return things;
  }

 private:
  std::span<const double> shares_;
  double rows_;
  std::vector<std::vector<std::pair<double, T>>> near_;
};

}  // namespace

/// Of rows by their payloads. None of a row without a record, or whose payload does not parse: whoever asks
/// that row under a filter is told.
Result<std::vector<LabelSet>> LocalCollection::stored_labels(const KvSnapshot& view,
                                                             std::span<const Row> rows) const {
  std::vector<LabelSet> labels(rows.size());
  const auto read = [&](size_t i, std::string_view stored) -> Result<void> {
    const RowRecord record = TRY(parse_row_record(stored));
    const auto payload = JsonTree::parse_payload(record.payload);
    if (payload.ok() && !planted("labels-not-replayed")) labels[i] = TRY(labels_of(schema_, payload->root()));
    return {};
  };
  for (size_t begin = 0; begin < rows.size(); begin += kPayloadStep) {
    std::vector<std::string> keys;
    for (const Row row : rows.subspan(begin, std::min(kPayloadStep, rows.size() - begin)))
      keys.push_back(row_record_key(number_, row));
    Result<void> sound;
    TRY(view.multi_get(KvTable::kRecords, keys, [&](size_t i, std::string_view stored) {
      if (sound.ok()) sound = read(begin + i, stored);
    }));
    TRY(sound);
  }
  return labels;
}

/// Of the labels that every row of the filter carries one of, those that the fewest rows carry; or all those
/// that every row carries, where the index walks for them at once.
std::optional<AskedLabels> LocalCollection::asked_labels(const Query& query, const FieldIndex& field) const {
  if (!field.labeled() || !query.filter.has_value()) return std::nullopt;
  std::optional<AskedLabels> fewest;
  std::vector<LabelTerm> terms = label_terms(schema_, *query.filter);
  if (field.joins_labels() && join(terms)) {
    AskedLabels all{{LabelMatch::kAll, {}}, std::nullopt};
    AllOf rows;
    for (LabelTerm& term : terms) {
      all.query.labels.push_back(term.labels.front());
      rows.of.push_back(Filter{std::move(term.rows)});
    }
    std::ranges::sort(all.query.labels);
    const auto twice = std::unique(all.query.labels.begin(), all.query.labels.end());
    all.query.labels.erase(twice, all.query.labels.end());
    all.rows = columns_->count(canonical(Filter{std::move(rows)}), no_ids).high;
    return all;
  }
  for (LabelTerm& term : terms) {
    if (term.whole) return AskedLabels{{LabelMatch::kAny, std::move(term.labels)}, std::nullopt};
    const uint64_t rows = columns_->count(Filter{std::move(term.rows)}, no_ids).high;
    if (!fewest.has_value() || rows < *fewest->rows)
      fewest = AskedLabels{{LabelMatch::kAny, std::move(term.labels)}, rows};
  }
  return fewest;
}

/// Groups of labels that about as many rows match, one for each of `shares` that any are near to; of an
/// index that walks for several at once pairs, where there are.
Result<std::vector<LabelGroup>> LocalCollection::calibration_labels(const FieldIndex& field,
                                                                    const RowSet& live,
                                                                    std::span<const double> shares,
                                                                    const Stop& stop) const {
  NearShares<OneOf> values(shares, live.size());
  for (const PayloadField& declared : schema_.payload) {
    if (!declared.label) continue;
    const auto facets =
        facet_alive({declared.path, std::nullopt, static_cast<uint32_t>(limits::kFacetLimit.max), stop});
    TRY(stop.check());
    if (!facets.ok()) {  // too many values, or a payload that cannot be read
      log_warn("walks for its labels are not measured",
               {{"collection", name_}, {"path", to_text(declared.path)}, {"error", facets.error().message}});
      continue;
    }
    for (const FacetValue& value : facets->values)
      values.add(value.points, OneOf{declared.path, {value.value}});
  }
  NearShares<LabeledRows> singles(shares, live.size()), pairs(shares, live.size());
  std::vector<LabeledRows> all;
  for (size_t i = 0; i < shares.size(); ++i)
    for (OneOf& value : values.take(i)) {
      const Label label = label_of(value.path, scalar_view(value.values.front()));
      LabeledRows one{{LabelMatch::kAny, {label}},
                      TRY(columns_->select(Filter{std::move(value)}, no_ids, stop)).certain};
      one.rows.intersect(live);
      if (field.joins_labels()) all.push_back(one);
      const uint64_t rows = one.rows.size();
      singles.add(rows, std::move(one));
    }
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t j = i + 1; j < all.size(); ++j) {
      const Label a = all[i].labels.labels.front(), b = all[j].labels.labels.front();
      if (a == b) continue;
      LabeledRows both{{LabelMatch::kAll, {std::min(a, b), std::max(a, b)}}, all[i].rows};
      both.rows.intersect(all[j].rows);
      const uint64_t rows = both.rows.size();
      pairs.add(rows, std::move(both));
    }
  std::vector<LabelGroup> groups;
  for (size_t i = 0; i < shares.size(); ++i) {
    LabelGroup group = pairs.take(i);
    if (group.empty()) group = singles.take(i);
    if (!group.empty()) groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace kith

// Facets, see Collection::facet. Columns have the values in order, each with its rows, so most of a facet is
// counting which of these rows are among those that are asked for; rows of which columns do not know all at
// the path are read. What columns hold is taken at the moment of the view and counted without any lock.
#include <algorithm>
#include <map>

#include "base/row_bits.h"
#include "query/collection/filtered_read.h"
#include "query/collection/local_collection.h"
#include "query/collection/search_parts.h"
#include "query/columns/number_key.h"
#include "query/filter/filter_text.h"
#include "query/filter/scalar_values.h"
#include "query/schema/limits.h"
#include "query/schema/text.h"
#include "query/schema/validate.h"

namespace kith {
namespace {

constexpr int kTries = 5;            // removals of all rows of a string, and of it, are rare
constexpr uint64_t kNodeBytes = 96;  // of a map, with what the heap adds

/// The values of most points.
class TopValues {
 public:
  explicit TopValues(size_t limit) : limit_(limit) {}

  void offer(FilterScalar value, uint64_t points) {
    if (points == 0) return;
    ++distinct_;
    FacetValue entry{std::move(value), points};
    if (kept_.size() == limit_) {
      if (!before(entry, kept_.front())) return;
      std::pop_heap(kept_.begin(), kept_.end(), before);
      kept_.pop_back();
    }
    kept_.push_back(std::move(entry));
    std::push_heap(kept_.begin(), kept_.end(), before);
  }
  Facets finish() && {
    std::sort_heap(kept_.begin(), kept_.end(), before);
    return {std::move(kept_), distinct_};
  }

 private:
  static bool before(const FacetValue& a, const FacetValue& b) {
    if (a.points != b.points) return a.points > b.points;
    return ScalarLess()(a.value, b.value);
  }

  const size_t limit_;
  uint64_t distinct_ = 0;
  std::vector<FacetValue> kept_;  // a heap whose front is the last one
};

/// Values that were read from payloads.
class ReadValues {
 public:
  /// The values at `path` count once each.
  Result<void> add(const JsonValue& payload, const FilterPath& path) {
    std::vector<FilterScalar> values = scalars_at(payload, path);
    for (FilterScalar& value : values) TRY(count(std::move(value)));
    return {};
  }
  /// Forgets the value.
  uint64_t take(const FilterScalar& value) {
    const auto found = points_.find(value);
    if (found == points_.end()) return 0;
    const uint64_t points = found->second;
    points_.erase(found);
    return points;
  }
  void offer_all(TopValues& top) const {
    for (const auto& [value, points] : points_) top.offer(value, points);
  }

 private:
  Result<void> count(FilterScalar value) {
    const auto* text = std::get_if<std::string>(&value);
    const uint64_t bytes = kNodeBytes + (text == nullptr ? 0 : text->capacity());
    if (++points_[std::move(value)] > 1) return {};
    bytes_ += bytes;
    if (bytes_ <= limits::kFacetBytes.max) return {};
    return resource_exhausted(
        "facet: values that were read from payloads take more than {} bytes (limit 'facet_bytes'); narrow "
        "the "
        "filter",
        limits::kFacetBytes.max);
  }

  std::map<FilterScalar, uint64_t, ScalarLess> points_;
  uint64_t bytes_ = 0;
};

/// Counts the rows of each key that are among `rows`: count(key, how many).
template <typename Count>
Result<void> count_keys(std::vector<Postings::PageView> views, const RowBits& rows, const Stop& stop,
                        Count count) {
  constexpr KeySpan kAll = {0, UINT64_MAX};
  const std::vector<ValuePage> pages = value_pages(std::move(views));
  uint64_t keys = 0;
  for (ValueWalk walk(pages, kAll); walk.valid(); walk.next()) {
    if (++keys % 256 == 0) TRY(stop.check());
    uint64_t points = 0;
    walk.for_each_row([&](Row row) { points += rows.contains(row); });
    if (points > 0) TRY(count(walk.key(), points));
  }
  return {};
}

/// How many of the rows have each code, by code.
using CodeCounts = std::vector<std::pair<uint64_t, uint64_t>>;

/// Offers all texts that have a count; how many did.
size_t offer_texts(const ColumnStore& columns, const FilterPath& path, const CodeCounts& counts,
                   ReadValues& read, TopValues& top) {
  size_t offered = 0;
  Dictionary::Step step;
  while (true) {
    const Dictionary::Texts texts = columns.texts_at(path, step);
    for (const auto& [text, code] : texts) {
      const auto count = std::lower_bound(counts.begin(), counts.end(), std::pair(code, uint64_t{0}));
      if (count == counts.end() || count->first != code) continue;
      ++offered;
      const uint64_t points = count->second + read.take(FilterScalar(text));
      top.offer(FilterScalar(text), points);
    }
    if (texts.size() < step.count) return offered;
    step.from = texts.back().first;
    step.inclusive = false;
  }
}

}  // namespace

Result<Facets> LocalCollection::facet(const FacetQuery& query) const {
  return while_alive([&] { return facet_alive(query); });
}

Result<Facets> LocalCollection::facet_alive(const FacetQuery& query) const {
  TRY(validate_facet(query));
  for (int attempt = 0; attempt < kTries; ++attempt) {
    std::optional<Facets> facets = TRY(count_facets(query));
    if (facets.has_value()) return std::move(*facets);
  }
  return corruption("collection '{}': columns have strings at '{}' that are not among their texts", name_,
                    excerpt(to_text(query.path)));
}

/// None when all rows of a string were removed while they were counted, and its text with them.
Result<std::optional<Facets>> LocalCollection::count_facets(const FacetQuery& query) const {
  const Filter filter = query.filter.value_or(Filter());
  FilteredRead read(*this, filter, query.stop);
  View view;
  RowSet unseen;
  ColumnValues values;
  {
    std::shared_lock lock(state_mutex_);
    view = view_locked();
    unseen = expired_locked();
    TRY(read.select(/*locked=*/true));
    values = columns_->values_at(query.path);
    read.rows().for_each([&](Row row) {
      if (!there_locked(row)) unseen.add(row);
      return true;
    });
  }
  TRY(read.decide(*view));
  RowSet rows = read.rows();
  rows.subtract(unseen);
  RowSet untold = rows;
  untold.intersect(values.untold);
  rows.subtract(untold);
  ReadValues from_payloads;
  const auto add = [&](size_t, const RowRecord&, const JsonValue& payload) {
    return from_payloads.add(payload, query.path);
  };
  TRY(each_payload(*view, rows_of(untold), query.stop, add));
  TopValues top(query.limit);
  const auto offer = [&](FilterScalar value, uint64_t points) {
    points += from_payloads.take(value);
    top.offer(std::move(value), points);
  };
  const RowBits bits(rows);
  CodeCounts strings;
  TRY(count_keys(std::move(values.codes), bits, query.stop, [&](uint64_t code, uint64_t points) {
    if (code <= ColumnValues::kTrue)
      offer(FilterScalar(code == ColumnValues::kTrue), points);
    else
      strings.emplace_back(code, points);
    return Result<void>();
  }));
  TRY(count_keys(std::move(values.numbers), bits, query.stop, [&](uint64_t number, uint64_t points) {
    offer(FilterScalar(normal_number(real_of(number))), points);
    return Result<void>();
  }));
  const size_t offered =
      strings.empty() ? 0 : offer_texts(*columns_, query.path, strings, from_payloads, top);
  if (offered < strings.size()) return std::optional<Facets>();
  from_payloads.offer_all(top);
  return std::optional(std::move(top).finish());
}

}  // namespace kith

// Scrolls in the order of a value, see Collection::scroll_ordered.
//
// Columns have the values in order, each with its rows, from the cursor on. They give candidates: the
// payload, which is read for as many as a page takes, says what a point's own value is, so that one with
// several values is listed once. Rows of which columns do not know all at the path are read on every page,
// and so are all rows where there are few. Points of one value are put in order by id: few by sorting, many
// by going through all ids.
#include <algorithm>

#include "base/row_bits.h"
#include "query/collection/filtered_read.h"
#include "query/collection/local_collection.h"
#include "query/collection/order_value.h"
#include "query/collection/search_parts.h"
#include "query/columns/number_key.h"
#include "query/filter/moment.h"
#include "query/schema/id_codec.h"
#include "query/schema/validate.h"

namespace kith {
namespace {

constexpr uint64_t kReadRowsMax = 1'000;  // of so many rows the payloads are read rather than columns asked
constexpr size_t kReadRowsMin = 64;       // candidates read at once
constexpr size_t kContentStep = 64;       // points fetched between two looks at the budget
enum Kind : size_t { kBools, kNumbers, kMoments, kTexts, kKinds };  // as in OrderValue

/// The values of columns in order, from `from` on: visit(value, rows of it) until it returns false.
class ColumnOrder {
 public:
  ColumnOrder(const ColumnStore& columns, ColumnValues values, const OrderBy& order, const RowBits& rows,
              const Stop& stop)
      : columns_(columns), path_(order.path), descending_(order.descending), rows_(rows), stop_(stop) {
    codes_ = value_pages(std::move(values.codes));
    numbers_ = value_pages(std::move(values.numbers));
    moments_ = value_pages(std::move(values.moments));
  }

  template <typename Visit>
  Result<void> walk(const std::optional<OrderValue>& from, Visit visit) const {
    for (size_t step = 0; step < kKinds; ++step) {
      const size_t kind = descending_ ? kKinds - 1 - step : step;
      if (from.has_value() && (descending_ ? kind > from->index() : kind < from->index())) continue;
      const OrderValue* first = from.has_value() && from->index() == kind ? &*from : nullptr;
      const bool more = kind == kTexts ? TRY(walk_texts(first, visit)) : TRY(walk_keys(kind, first, visit));
      if (!more) return {};
    }
    return {};
  }

 private:
  static uint64_t key_of_value(const OrderValue& value) {
    if (const auto* flag = std::get_if<bool>(&value))
      return *flag ? ColumnValues::kTrue : ColumnValues::kFalse;
    if (const auto* number = std::get_if<FilterNumber>(&value)) return NumberKey::of(*number).key;
    return key_of(std::get<Moment>(value));
  }
  static OrderValue value_of_key(size_t kind, uint64_t key) {
    if (kind == kBools) return key == ColumnValues::kTrue;
    if (kind == kNumbers) return normal_number(real_of(key));
    return moment_of(key);
  }
  std::vector<Row> rows_at(const ValueWalk& walk) const {
    std::vector<Row> rows;
    walk.for_each_row([&](Row row) {
      if (rows_.contains(row)) rows.push_back(row);
    });
    return rows;
  }

  template <typename Visit>
  Result<bool> walk_keys(size_t kind, const OrderValue* first, Visit& visit) const {
    KeySpan within = {0, kind == kBools ? ColumnValues::kTrue : UINT64_MAX};
    if (first != nullptr) (descending_ ? within.last : within.first) = key_of_value(*first);
    const auto& pages = kind == kBools ? codes_ : kind == kNumbers ? numbers_ : moments_;
    for (ValueWalk walk(pages, within, descending_); walk.valid(); walk.next()) {
      TRY(stop_.check());
      std::vector<Row> rows = rows_at(walk);
      if (!rows.empty() && !TRY(visit(value_of_key(kind, walk.key()), std::move(rows)))) return false;
    }
    return true;
  }

  template <typename Visit>
  Result<bool> walk_texts(const OrderValue* first, Visit& visit) const {
    Dictionary::Step step;
    step.descending = descending_;
    if (first != nullptr) step.from = std::get<std::string>(*first);
    while (true) {
      const Dictionary::Texts texts = columns_.texts_at(path_, step);
      for (const auto& [text, code] : texts) {
        if (parse_moment(text).has_value()) continue;
        TRY(stop_.check());
        const ValueWalk walk(codes_, {code, code});
        std::vector<Row> rows = walk.valid() ? rows_at(walk) : std::vector<Row>();
        if (!rows.empty() && !TRY(visit(OrderValue(text), std::move(rows)))) return false;
      }
      if (texts.size() < step.count) return true;
      step.from = texts.back().first;
      step.inclusive = false;
    }
  }

  std::vector<ValuePage> codes_, numbers_, moments_;
  const ColumnStore& columns_;
  const FilterPath& path_;
  const bool descending_;
  const RowBits& rows_;
  const Stop& stop_;
};

}  // namespace

/// One page.
class LocalCollection::OrderedRead {
 public:
  OrderedRead(const LocalCollection& collection, const OrderedScroll& request, const Filter& filter,
              std::optional<OrderPlace> after)
      : collection_(collection),
        request_(request),
        filtered_(collection, filter, request.stop),
        after_(std::move(after)),
        in_order_{request.order.descending} {}

  Result<OrderedPage> page() {
    TRY(pin());
    TRY(read_untold());
    if (!rows_.empty()) TRY(read_columns());
    std::sort(found_.begin(), found_.end(),
              [&](const Met& a, const Met& b) { return in_order_(a.place, b.place); });
    return content();
  }

 private:
  /// A point and where it stands.
  struct Met {
    OrderPlace place;
    Row row;
  };
  /// Rows that have this value among theirs.
  struct Candidate {
    std::optional<OrderValue> value;
    Row row;
  };

  size_t wanted() const { return size_t{request_.limit} + 1; }

  Result<void> pin() {
    RowSet expired;
    {
      std::shared_lock lock(collection_.state_mutex_);
      view_ = collection_.view_locked();
      expired = collection_.expired_locked();
      TRY(filtered_.select(/*locked=*/true));
      rows_ = filtered_.rows();
      if (rows_.size() > kReadRowsMax) {
        values_ = collection_.columns_->values_at(request_.order.path);
        valueless_ = rows_;
        valueless_.subtract(collection_.columns_->with_others(request_.order.path, {}));
      }
    }
    rows_.subtract(expired);
    untold_ = rows_;
    if (rows_.size() > kReadRowsMax) untold_.intersect(values_.untold);
    rows_.subtract(untold_);
    valueless_.intersect(rows_);
    return {};
  }

  bool is_after(const OrderPlace& place) const { return !after_.has_value() || in_order_(*after_, place); }

  /// The first of them are kept, as many as a page takes.
  Result<void> read_untold() {
    TRY(filtered_.decide(*view_, untold_));
    untold_.intersect(filtered_.rows());
    const std::vector<Row> rows = rows_of(untold_);
    const auto later_last = [&](const Met& a, const Met& b) { return in_order_(a.place, b.place); };
    const auto visit = [&](size_t i, const RowRecord& record, const JsonValue& payload) -> Result<void> {
      Met met{{order_value(payload, request_.order), std::string(record.id_key)}, rows[i]};
      if (!is_after(met.place)) return {};
      if (found_.size() == wanted()) {
        if (!in_order_(met.place, found_.front().place)) return {};
        std::pop_heap(found_.begin(), found_.end(), later_last);
        found_.pop_back();
      }
      found_.push_back(std::move(met));
      std::push_heap(found_.begin(), found_.end(), later_last);
      return {};
    };
    return collection_.each_payload(*view_, rows, request_.stop, visit);
  }

  /// As many more as a page takes, for none of the others may come before them.
  Result<void> read_columns() {
    target_ = found_.size() + wanted();
    const auto take = [&](OrderValue value, std::vector<Row> rows) {
      return take_group(value, std::move(rows));
    };
    if (!after_.has_value() || after_->value.has_value()) {
      const RowBits bits(rows_);
      const ColumnOrder order(*collection_.columns_, std::move(values_), request_.order, bits, request_.stop);
      TRY(order.walk(after_.has_value() ? after_->value : std::nullopt, take));
      TRY(read_batch());
    }
    if (found_.size() >= target_) return {};
    if (valueless_.size() > kSortedRowsMax) return read_by_id(std::nullopt, valueless_);
    TRY(take_group(std::nullopt, rows_of(valueless_)));
    return read_batch();
  }

  /// All rows of one value, the next in order. Whether there is room for more.
  Result<bool> take_group(const std::optional<OrderValue>& value, std::vector<Row> rows) {
    if (rows.size() > kSortedRowsMax) {
      TRY(read_batch());
      if (found_.size() < target_) TRY(read_by_id(value, RowSet::of(rows)));
      return found_.size() < target_;
    }
    for (const Row row : rows) batch_.push_back({value, row});
    if (batch_.size() >= std::max(kReadRowsMin, target_ - std::min(found_.size(), target_)))
      TRY(read_batch());
    return found_.size() < target_;
  }

  /// Keeps those of the batch whose own value it is.
  Result<void> read_batch() {
    const std::vector<Candidate> batch = std::move(batch_);
    batch_.clear();
    std::vector<Row> rows;
    for (const Candidate& candidate : batch) rows.push_back(candidate.row);
    TRY(filtered_.decide(*view_, RowSet::of(rows)));
    const auto visit = [&](size_t i, const RowRecord& record, const JsonValue& payload) -> Result<void> {
      Met met{{order_value(payload, request_.order), std::string(record.id_key)}, rows[i]};
      const std::optional<OrderValue>& wanted_value = batch[i].value;
      const bool own = met.place.value.has_value() == wanted_value.has_value() &&
                       (!wanted_value.has_value() || compare_values(*met.place.value, *wanted_value) == 0);
      if (own && is_after(met.place) && filtered_.rows().contains(rows[i])) found_.push_back(std::move(met));
      return {};
    };
    return collection_.each_payload(*view_, rows, request_.stop, visit);
  }

  /// Goes through all ids, from the cursor on, for those of `rows`.
  Result<void> read_by_id(const std::optional<OrderValue>& value, const RowSet& rows) {
    const bool goes_on = after_.has_value() && after_->value.has_value() == value.has_value() &&
                         (!value.has_value() || compare_values(*after_->value, *value) == 0);
    const KeyRange range = id_entry_range_from(collection_.number_, goes_on ? after_->id_key : std::string());
    auto entry = view_->iterate(KvTable::kRecords, range.begin, range.end);
    for (uint64_t steps = 0; entry->valid() && found_.size() < target_; entry->next()) {
      if (++steps % 256 == 0) TRY(request_.stop.check());
      const Row row = TRY(parse_row_value(entry->value()));
      if (rows.contains(row)) batch_.push_back({value, row});
      if (batch_.size() >= std::max(kReadRowsMin, target_ - found_.size())) TRY(read_batch());
    }
    TRY(entry->status());
    return read_batch();
  }

  /// Of what was found, in order; the budget may end the page before.
  Result<OrderedPage> content() {
    bool more = found_.size() > request_.limit;
    if (more) found_.resize(request_.limit);
    OrderedPage page;
    const bool fetches = request_.fetch.payload || request_.fetch.vectors;
    for (size_t begin = 0; fetches && begin < found_.size(); begin += kContentStep) {
      TRY(request_.stop.check());
      std::vector<Row> rows;
      for (size_t i = begin; i < std::min(begin + kContentStep, found_.size()); ++i)
        rows.push_back(found_[i].row);
      std::vector<Point> points = TRY(collection_.read_points(*view_, rows, request_.fetch));
      for (Point& point : points) {
        uint64_t bytes = point.payload.size();
        for (const FieldVector& vector : point.vectors) bytes += vector.data.size();
        const bool fits = request_.fetch.budget == nullptr || request_.fetch.budget->take(bytes);
        more = more || (!fits && !page.points.empty());
        if (!fits && !page.points.empty()) {
          found_.resize(page.points.size());
          break;
        }
        page.points.push_back(std::move(point));
      }
    }
    for (size_t i = 0; !fetches && i < found_.size(); ++i)
      page.points.emplace_back().id = TRY(id_of_key(found_[i].place.id_key));
    if (more) page.cursor = cursor_of(request_.order, found_.back().place);
    return page;
  }

  const LocalCollection& collection_;
  const OrderedScroll& request_;
  FilteredRead filtered_;
  const std::optional<OrderPlace> after_;
  const InOrder in_order_;
  View view_;
  RowSet rows_;       // to be found by columns
  RowSet untold_;     // to be found by their payloads
  RowSet valueless_;  // of rows_, for sure
  ColumnValues values_;
  std::vector<Met> found_;
  size_t target_ = 0;  // enough of them
  std::vector<Candidate> batch_;
};

Result<OrderedPage> LocalCollection::scroll_ordered(const OrderedScroll& request) const {
  return while_alive([&] { return scroll_ordered_alive(request); });
}

Result<OrderedPage> LocalCollection::scroll_ordered_alive(const OrderedScroll& request) const {
  TRY(validate_ordered(request));
  std::optional<OrderPlace> after;
  if (!request.cursor.empty()) after = TRY(parse_cursor(request.order, request.cursor));
  const Filter filter = request.filter.value_or(Filter());
  return OrderedRead(*this, request, filter, std::move(after)).page();
}

}  // namespace kith

// Columns of a collection from the store and its checkpoint, see local_collection.h. They are derived from
// the payloads and follow the writes as indexes do: rows are added before anybody sees them, and removed
// after.
#include "base/log.h"
#include "base/planted.h"
#include "query/collection/filtered_read.h"
#include "query/collection/local_collection.h"
#include "query/columns/column.h"
#include "query/filter/scalar.h"
#include "storage/log/change_log.h"
#include "storage/rows/row_record.h"

namespace kith {
namespace {

constexpr uint64_t kColumnSamples = 50;

std::vector<DeclaredPath> declared_paths(const Schema& schema) {
  std::vector<DeclaredPath> declared;
  for (const PayloadField& field : schema.payload) {
    ColumnBounds bounds;
    if (field.type == PayloadType::kKeyword) bounds.strings_max = column_limits::kDeclaredStringsMax;
    if (field.type == PayloadType::kText) bounds.words_max = column_limits::kDeclaredWordsMax;
    declared.push_back({path_key(field.path.names), bounds});
  }
  return declared;
}

/// The value of a member, or the first of an array.
std::optional<FilterScalar> scalar_within(const JsonValue& member) {
  const bool array = member.is_array() && !member.empty();
  const std::optional<ScalarView> value = scalar_of(array ? *member.begin() : member);
  if (!value.has_value()) return std::nullopt;
  if (const auto* text = std::get_if<std::string_view>(&*value)) return FilterScalar(std::string(*text));
  if (const auto* number = std::get_if<FilterNumber>(&*value)) return FilterScalar(*number);
  return FilterScalar(std::get<bool>(*value));
}

}  // namespace

/// From the checkpoint and the changes after it, else from all payloads.
Result<bool> LocalCollection::replay_columns(const KvSnapshot& view, const ChangeTail* tail) {
  if (tail != nullptr) {
    Result<std::unique_ptr<ColumnStore>> columns = restore_columns(view, *tail);
    if (columns.ok()) {
      columns_ = std::move(*columns);
      return true;
    }
    log_error("columns of the checkpoint cannot be used: they are built from the payloads",
              {{"collection", name_}, {"error", columns.error().message}});
  }
  columns_ = std::make_unique<ColumnStore>(declared_paths(schema_));
  TRY(add_payloads(view, 0, *columns_));
  return false;
}

Result<std::unique_ptr<ColumnStore>> LocalCollection::restore_columns(const KvSnapshot& view,
                                                                      const ChangeTail& tail) const {
  std::unique_ptr<ColumnStore> columns =
      TRY(ColumnStore::open(PrefixedInput(checkpoints_, ""), declared_paths(schema_)));
  for (const Row row : tail.removed)
    if (!planted("columns-keep-the-dead")) columns->remove(row);
  TRY(add_payloads(view, tail.first_row, *columns));
  if (columns->rows() != ids_.size())
    return corruption("columns know {} rows, but {} ids are stored", columns->rows(), ids_.size());
  return columns;
}

/// Of live rows from `first` on; the same row again does no harm.
Result<void> LocalCollection::add_payloads(const KvSnapshot& view, Row first, ColumnStore& columns) const {
  const KeyRange range = row_record_range(number_, first);
  auto entry = view.iterate(KvTable::kRecords, range.begin, range.end);
  for (; entry->valid(); entry->next()) {
    const Row row = TRY(row_of_record_key(entry->key()));
    const auto record = parse_row_record(entry->value());
    auto values = record.ok() ? PayloadValues::of(record->payload) : record.error();
    columns.add(row, values.ok() ? *values : PayloadValues::unknown());  // whoever asks such a row is told
  }
  return entry->status();
}

/// Looks a sample of stored payloads up in the columns: each must be among the rows that may have its values.
Result<void> LocalCollection::verify_columns(const KvSnapshot& view, Row next_row, const Stop& stop,
                                             VerifyReport& report) const {
  for (uint64_t sample = 0; sample < kColumnSamples; ++sample) {
    const KeyRange range =
        row_record_range(number_, static_cast<Row>(uint64_t{next_row} * sample / kColumnSamples));
    const auto entry = view.iterate(KvTable::kRecords, range.begin, range.end);
    if (!entry->valid()) continue;
    const Row row = TRY(row_of_record_key(entry->key()));
    const auto record = parse_row_record(entry->value());
    const auto payload = record.ok() ? JsonTree::parse_payload(record->payload) : record.error();
    if (!payload.ok()) continue;  // said by whoever reads the rows
    for (const JsonValue member : payload->root()) {
      TRY(stop.check());
      std::optional<FilterScalar> value = scalar_within(member);
      if (!value.has_value() || member.name().empty()) continue;
      OneOf equals{{{std::string(member.name())}}, {}};
      equals.values.push_back(std::move(*value));
      const Filter asked{std::move(equals)};
      FilteredRead read(*this, asked, stop);
      TRY(read.select(/*locked=*/false));
      std::shared_lock lock(state_mutex_);
      if (!read.rows().contains(row) && ids_.live(row))
        report.problems.push_back(fmt::format("columns do not find row {} by its '{}'", row, member.name()));
    }
  }
  return {};
}

}  // namespace kith

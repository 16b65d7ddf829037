#include "query/columns/column_store.h"

#include <algorithm>
#include <mutex>

#include "query/columns/column.h"
#include "query/columns/limits.h"
#include "query/columns/selector.h"

namespace kith {

ColumnStore::ColumnStore(std::vector<DeclaredPath> declared) : declared_(std::move(declared)) {
  declare();
  bytes_ = measured_bytes();
}
ColumnStore::~ColumnStore() = default;

void ColumnStore::declare() {
  for (const DeclaredPath& each : declared_) {
    columns_.push_back(std::make_shared<Column>(each.path, each.bounds));
    by_path_.emplace(each.path, columns_.back().get());
  }
}

bool ColumnStore::declared(const Column& column) const {
  return std::any_of(declared_.begin(), declared_.end(),
                     [&](const DeclaredPath& each) { return each.path == column.path(); });
}

Column* ColumnStore::column_for(const std::string& path) {
  const auto found = by_path_.find(path);
  if (found != by_path_.end()) return found->second;
  if (columns_.size() - declared_.size() >= column_limits::kPathsMax) return nullptr;
  columns_.push_back(std::make_shared<Column>(path));
  return by_path_.emplace(path, columns_.back().get()).first->second;
}

void ColumnStore::add(Row row, const PayloadValues& values) {
  const std::lock_guard lock(mutex_);
  if (live_.contains(row)) return;
  live_.add(row);
  ++live_rows_;
  if (dead_.contains(row)) {
    dead_.remove(row);
    --dead_rows_;
  }
  if (values.opaque) opaque_.add(row);
  if (values.pathless) pathless_.add(row);
  for (const auto& [path, at] : values.paths) {
    if (Column* column = column_for(path))
      column->add(row, at);
    else
      pathless_.add(row);
  }
  changed();
}

void ColumnStore::remove(Row row) {
  const std::lock_guard lock(mutex_);
  if (!live_.contains(row)) return;
  live_.remove(row);
  dead_.add(row);
  --live_rows_;
  ++dead_rows_;
  if (dead_rows_ >= std::max(column_limits::kSweepRowsMin, live_rows_ / 2)) sweep_locked();
  changed();
}

void ColumnStore::sweep() {
  const std::lock_guard lock(mutex_);
  sweep_locked();
}

void ColumnStore::sweep_locked() {
  for (const std::shared_ptr<Column>& column : columns_) column->retain(live_);
  live_.compress();
  pathless_.intersect(live_);
  opaque_.intersect(live_);
  // A path that gets a column again has it of all its rows: so none goes while rows lack one.
  const bool all_have = pathless_.empty();
  std::erase_if(columns_, [&](const std::shared_ptr<Column>& column) {
    const bool empty = all_have && column->existing().empty() && !declared(*column);
    if (empty) by_path_.erase(column->path());
    return empty;
  });
  dead_ = RowSet();
  dead_rows_ = 0;
  bytes_ = measured_bytes();
}

void ColumnStore::clear() {
  const std::lock_guard lock(mutex_);
  by_path_.clear();
  columns_.clear();
  live_ = dead_ = pathless_ = opaque_ = RowSet();
  live_rows_ = dead_rows_ = 0;
  declare();
  bytes_ = measured_bytes();
}

Result<Selection> ColumnStore::select(const Filter& filter, const ResolveIds& resolve,
                                      const Stop& stop) const {
  Selector selector(*this, stop);
  selector.resolve(filter, resolve);
  const std::shared_lock lock(mutex_);
  Truth truth = selector.ask(filter);
  TRY(stop.check());
  truth.yes.intersect(live_);
  if (!truth.perhaps.empty()) truth.perhaps.intersect(live_);
  return Selection{std::move(truth.yes), std::move(truth.perhaps)};
}

Selection ColumnStore::select(const Filter& filter, const ResolveIds& resolve) const {
  return select(filter, resolve, Stop()).value();
}

CountInterval ColumnStore::count(const Filter& filter, const ResolveIds& resolve) const {
  const Selection selection = select(filter, resolve);
  const uint64_t low = selection.certain.size();
  return {low, low + selection.unsure.size()};
}

RowSet ColumnStore::with_others(const FilterPath& path, const std::vector<FilterScalar>& values) const {
  const std::shared_lock lock(mutex_);
  const auto found = by_path_.find(path_key(path.names));
  RowSet rows = found == by_path_.end() ? pathless_ : found->second->ask_others(values).possible();
  rows.unite(opaque_);
  rows.intersect(live_);
  return rows;
}

ColumnValues ColumnStore::values_at(const FilterPath& path) const {
  const std::shared_lock lock(mutex_);
  const auto found = by_path_.find(path_key(path.names));
  ColumnValues values;
  if (found != by_path_.end())
    values = found->second->values();
  else
    values.untold = pathless_;
  values.untold.unite(opaque_);
  return values;
}

Dictionary::Texts ColumnStore::texts_at(const FilterPath& path, const Dictionary::Step& step) const {
  const std::shared_lock lock(mutex_);
  const auto found = by_path_.find(path_key(path.names));
  return found == by_path_.end() ? Dictionary::Texts() : found->second->texts(step);
}

uint64_t ColumnStore::rows() const {
  const std::shared_lock lock(mutex_);
  return live_rows_;
}
uint64_t ColumnStore::dead() const {
  const std::shared_lock lock(mutex_);
  return dead_rows_;
}
size_t ColumnStore::paths() const {
  const std::shared_lock lock(mutex_);
  return columns_.size();
}

uint64_t ColumnStore::memory_bytes() const {
  const std::shared_lock lock(mutex_);
  return bytes_;
}

/// After each row that comes or goes. Bitmaps have to be asked one by one, so that is done once in a while.
void ColumnStore::changed() {
  constexpr uint64_t kChangesMax = 1'024;
  if (++changes_ < std::min(kChangesMax, live_rows_ / 8)) return;
  changes_ = 0;
  bytes_ = measured_bytes();
}

uint64_t ColumnStore::measured_bytes() const {
  constexpr uint64_t kPathBytes = 128;  // an entry of by_path_ with what the heap adds
  uint64_t bytes = sizeof(*this);
  for (const RowSet* rows : {&live_, &dead_, &pathless_, &opaque_}) bytes += rows->memory_bytes();
  for (const std::shared_ptr<Column>& column : columns_)
    bytes += kPathBytes + column->path().size() + column->memory_bytes();
  return bytes;
}

}  // namespace kith

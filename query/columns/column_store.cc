#include "query/columns/column_store.h"

#include <algorithm>
#include <mutex>

#include "query/columns/column.h"
#include "query/columns/limits.h"
#include "query/columns/selector.h"

namespace kith {

ColumnStore::ColumnStore() = default;
ColumnStore::~ColumnStore() = default;

Column* ColumnStore::column_for(const std::string& path) {
  const auto found = by_path_.find(path);
  if (found != by_path_.end()) return found->second;
  if (columns_.size() >= column_limits::kPathsMax) return nullptr;
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
}

void ColumnStore::remove(Row row) {
  const std::lock_guard lock(mutex_);
  if (!live_.contains(row)) return;
  live_.remove(row);
  dead_.add(row);
  --live_rows_;
  ++dead_rows_;
  if (dead_rows_ >= std::max(column_limits::kSweepRowsMin, live_rows_ / 2)) sweep();
}

void ColumnStore::sweep() {
  for (const std::shared_ptr<Column>& column : columns_) column->retain(live_);
  live_.compress();
  pathless_.intersect(live_);
  opaque_.intersect(live_);
  dead_ = RowSet();
  dead_rows_ = 0;
}

void ColumnStore::clear() {
  const std::lock_guard lock(mutex_);
  by_path_.clear();
  columns_.clear();
  live_ = dead_ = pathless_ = opaque_ = RowSet();
  live_rows_ = dead_rows_ = 0;
}

Selection ColumnStore::select(const Filter& filter, const ResolveIds& resolve) const {
  Selector selector(*this);
  selector.resolve(filter, resolve);
  const std::shared_lock lock(mutex_);
  Truth truth = selector.ask(filter);
  truth.yes.intersect(live_);
  if (!truth.perhaps.empty()) truth.perhaps.intersect(live_);
  return {std::move(truth.yes), std::move(truth.perhaps)};
}

CountInterval ColumnStore::count(const Filter& filter, const ResolveIds& resolve) const {
  const Selection selection = select(filter, resolve);
  const uint64_t low = selection.certain.size();
  return {low, low + selection.unsure.size()};
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
  constexpr uint64_t kPathBytes = 128;  // an entry of by_path_ with what the heap adds
  const std::shared_lock lock(mutex_);
  uint64_t bytes = sizeof(*this);
  for (const RowSet* rows : {&live_, &dead_, &pathless_, &opaque_}) bytes += rows->memory_bytes();
  for (const std::shared_ptr<Column>& column : columns_)
    bytes += kPathBytes + column->path().size() + column->memory_bytes();
  return bytes;
}

}  // namespace kith

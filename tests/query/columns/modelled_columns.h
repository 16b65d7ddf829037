// ModelledColumns: a store of columns and the payloads that it should know, to compare its answers with those
// of Matcher.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include "base/io/memory_file_system.h"
#include "base/random.h"
#include "query/columns/column_store.h"
#include "query/filter/matches.h"
#include "tests/support/checkpoint_directory.h"
#include "tests/support/result_matchers.h"

namespace kith::test {

struct Point {
  Id id;
  std::string payload;
};

/// A store and what it should know.
class ModelledColumns {
 public:
  ColumnStore& store() { return *store_; }
  uint64_t size() const { return points_.size(); }

  void add(Row row, Id id, std::string payload) {
    store_->add(row, PayloadValues::of(payload).value());
    points_.emplace(row, Point{std::move(id), std::move(payload)});
  }
  void add(Row row, std::string payload) { add(row, uint64_t{row}, std::move(payload)); }
  void remove(Row row) {
    store_->remove(row);
    points_.erase(row);
  }
  void remove_one(Random& random) {
    if (points_.empty()) return;
    auto at = points_.lower_bound(static_cast<Row>(random.below(points_.rbegin()->first + uint64_t{1})));
    remove(at->first);
  }
  void add_all_again() {
    for (const auto& [row, point] : points_) store_->add(row, PayloadValues::of(point.payload).value());
  }
  void reopen() {
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs);
    ASSERT_OK(directory.write_with([&](CheckpointOutput& out) { return store_->write(out); }));
    ASSERT_VALUE(opened, ColumnStore::open(directory));
    store_ = std::move(opened);
  }

  Selection select(const Filter& filter) const {
    return store_->select(filter, [&](const std::vector<Id>& ids) {
      RowSet rows;
      for (const auto& [row, point] : points_)
        if (std::find(ids.begin(), ids.end(), point.id) != ids.end()) rows.add(row);
      return rows;
    });
  }

  RowSet truth(const Filter& filter) const {
    const Matcher matcher(filter);
    RowSet rows;
    for (const auto& [row, point] : points_)
      if (matcher.matches(point.id, JsonTree::parse_payload(point.payload).value().root())) rows.add(row);
    return rows;
  }

  /// Fails unless the answer to `filter` is right; gives how much of it is unsure.
  void check(const Filter& filter, const std::string& told) const {
    const RowSet wanted = truth(filter);
    const Selection found = select(filter);
    RowSet wrong = found.certain;
    wrong.subtract(wanted);
    expect_none(wrong, told, "certain, but do not satisfy");
    RowSet missing = wanted;
    missing.subtract(found.certain);
    missing.subtract(found.unsure);
    expect_none(missing, told, "left out, but satisfy");
    RowSet both = found.certain;
    both.intersect(found.unsure);
    expect_none(both, told, "certain and unsure");
    const CountInterval count = store_->count(filter, [](const std::vector<Id>&) { return RowSet(); });
    ASSERT_LE(count.low, count.high) << told;
  }

  const std::map<Row, Point>& points() const { return points_; }

 private:
  void expect_none(const RowSet& rows, const std::string& told, const char* what) const {
    rows.for_each([&](Row row) {
      ADD_FAILURE() << told << ": " << rows.size() << " rows are " << what << ", such as row " << row << ": "
                    << points_.at(row).payload;
      return false;
    });
  }

  std::unique_ptr<ColumnStore> store_ = std::make_unique<ColumnStore>();
  std::map<Row, Point> points_;
};

inline Filter of(Filter::Node node) {
  return Filter{std::move(node)};
}
inline Filter is(const std::string& name, FilterScalar value) {
  return of(OneOf{{{name}}, {std::move(value)}});
}

}  // namespace kith::test

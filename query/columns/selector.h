// Selector: evaluates one filter over the columns of a store: leaves by their columns, the rest by the
// algebra of truth.h.
//
// Within Nested a question is about one object, columns know rows only. What may be true of one object is
// then what may be true of the row, but for NOT and IsEmpty, which one object may satisfy and another not:
// there every row with an object at the path may.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "query/columns/column_store.h"

namespace kith {

class Selector {
 public:
  Selector(const ColumnStore& store, const Stop& stop) : store_(store), stop_(stop) {}

  /// Finds the rows of all ids of the filter. Before the store is locked: `resolve` may lock what writers
  /// hold.
  void resolve(const Filter& filter, const ResolveIds& resolve, size_t depth = 0);
  /// The store must be locked; answers may hold rows that are not live. Means nothing once `stop` has stopped
  /// it.
  Truth ask(const Filter& filter, size_t depth = 0) const;

 private:
  friend struct SelectorQuestion;

  const RowSet& live() const { return store_.live_; }
  /// Rows of which one object at `path` may satisfy the filter; `objects` have such objects.
  RowSet possible(const Filter& filter, const std::vector<std::string>& path, const RowSet& objects,
                  size_t depth) const;
  Truth all_of(const std::vector<Filter>& parts, size_t depth) const;
  /// Answers a leaf by its column; where there is none, or columns hold nothing of a row, it is unsure.
  template <typename Ask>
  Truth by_column(const FilterPath& path, Ask ask) const;
  template <typename Leaf>
  Truth leaf(const Leaf& leaf, const FilterPath& path) const;

  const ColumnStore& store_;
  bool stopped() const { return !stop_.check().ok(); }

  const Stop& stop_;
  std::unordered_map<const HasId*, RowSet> ids_;
};

}  // namespace kith

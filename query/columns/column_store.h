// ColumnStore: columns over the payloads of a collection, one for each path, made as paths are seen: a filter
// is answered by algebra on sets of rows instead of reading payloads.
//
// One thread at a time adds and removes, any threads ask: under a shared mutex of its own, held for one row
// by the writer and for one answer by readers. No foreign code runs under it (ids are resolved before).
//
// A removed row leaves `live`, not the columns: answers are cut with `live`, so what columns still hold of it
// never shows. When the dead are many, all columns are swept at once, which costs about as much as adding the
// living anew; the writer waits for it. Rows come and go once each, but a row may be added again after it was
// added or removed: after a crash the log repeats what a checkpoint may have already.
//
// Files: one, written while rows come. Live rows are fixed first, then each column as it is when its turn
// comes, so columns may know rows that `live` does not; those are added again by the log.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/io/checkpoint_files.h"
#include "base/row_set.h"
#include "base/stop.h"
#include "query/columns/declared_path.h"
#include "query/columns/dictionary.h"
#include "query/columns/payload_values.h"
#include "query/columns/truth.h"
#include "query/columns/value_walk.h"

namespace kith {

class Column;

/// No row is in both. All others of the live rows do not satisfy the filter.
struct Selection {
  RowSet certain;  // satisfy it
  RowSet unsure;   // to be checked on their payloads
};

struct CountInterval {
  uint64_t low = 0;
  uint64_t high = 0;
};

/// Rows of these ids; those without a row are left out.
using ResolveIds = std::function<RowSet(const std::vector<Id>&)>;

class ColumnStore {
 public:
  /// `declared`: paths that have a column from the beginning and keep it.
  explicit ColumnStore(std::vector<DeclaredPath> declared = {});
  ~ColumnStore();

  void add(Row row, const PayloadValues& values);
  void remove(Row row);
  void clear();
  /// Takes what removed rows alone had out of all columns, texts too. By itself when the dead are many.
  void sweep();

  /// Of live rows. The filter must be valid. The stop is looked at between the nodes of the filter.
  Result<Selection> select(const Filter& filter, const ResolveIds& resolve, const Stop& stop) const;
  Selection select(const Filter& filter, const ResolveIds& resolve) const;
  /// How many live rows satisfy it: exact where low == high.
  CountInterval count(const Filter& filter, const ResolveIds& resolve) const;

  /// Rows that may have a bool, a number or a string at the path besides these: all that have, and few
  /// others.
  RowSet with_others(const FilterPath& path, const std::vector<FilterScalar>& values) const;
  /// What columns know of the values at a path. Removed rows may be among them.
  ColumnValues values_at(const FilterPath& path) const;
  /// Strings at a path and their codes there, some at a time. A code means one text for ever; a text goes
  /// when all rows that had it are gone.
  Dictionary::Texts texts_at(const FilterPath& path, const Dictionary::Step& step) const;

  uint64_t rows() const;
  /// Removed rows that columns still hold.
  uint64_t dead() const;
  /// Paths that have a column.
  size_t paths() const;
  /// Of some changes ago: what writers add to it in between is little.
  uint64_t memory_bytes() const;

  static constexpr char kFile[] = "columns";
  Result<void> write(CheckpointOutput& out) const;
  /// Corruption, naming file and offset, unless every byte is as it was written.
  static Result<std::unique_ptr<ColumnStore>> open(const CheckpointInput& in,
                                                   std::vector<DeclaredPath> declared = {});

 private:
  friend class Selector;

  Column* column_for(const std::string& path);
  void declare();
  bool declared(const Column& column) const;
  void sweep_locked();
  void changed();
  uint64_t measured_bytes() const;
  std::vector<std::byte> head() const;
  Result<uint32_t> parse_head(std::span<const std::byte> bytes);

  const std::vector<DeclaredPath> declared_;
  mutable std::shared_mutex mutex_;  // guards all below
  RowSet live_;
  RowSet dead_;      // were removed, columns hold them still
  RowSet pathless_;  // have something at paths without a column
  RowSet opaque_;    // columns hold nothing of them
  uint64_t live_rows_ = 0;
  uint64_t dead_rows_ = 0;
  uint64_t bytes_ = 0;
  uint64_t changes_ = 0;                          // since they were measured
  std::vector<std::shared_ptr<Column>> columns_;  // in the order in which they came; without rows they go
  std::map<std::string, Column*, std::less<>> by_path_;
};

}  // namespace kith

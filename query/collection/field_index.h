// FieldIndex: the index of one vector field, and whether it can be asked.
//
// The index is derived from the truth in the KvStore. When it cannot take a change (out of memory, say) the
// write still stands: from then on the field is answered by exact scan of the stored vectors, loudly, until
// the directory is opened anew and the index rebuilt. Nothing is ever answered from an index that misses a
// change.
//
// Threads: add and remove by the collection's leader only; the rest by any thread.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>

#include "index/index.h"
#include "query/types.h"

namespace kith {

class FieldIndex {
 public:
  /// `directory`: where the index may keep scratch files.
  static Result<std::unique_ptr<FieldIndex>> create(std::string collection, const VectorField& field,
                                                    ThreadPool* pool, const std::string& directory);

  const VectorField& field() const { return field_; }
  const IndexKind& kind() const { return kind_; }
  /// False: answer by exact scan.
  bool usable() const { return usable_.load(std::memory_order_acquire); }
  const Index& index() const { return *index_; }
  Index& index() { return *index_; }

  /// vectors[i] becomes rows[i]; rows ascend and are above all rows added before.
  void add(std::span<const Row> rows, std::span<const std::byte* const> vectors);
  void remove(Row row);

 private:
  FieldIndex(std::string collection, VectorField field, const IndexKind& kind, std::unique_ptr<Index> index)
      : collection_(std::move(collection)), field_(std::move(field)), kind_(kind), index_(std::move(index)) {}
  void give_up(const Error& error);

  const std::string collection_;  // its name, for the log
  const VectorField field_;
  const IndexKind& kind_;
  const std::unique_ptr<Index> index_;
  std::atomic<bool> usable_{true};
};

}  // namespace kith

// FieldIndex: the index of one vector field, and whether it can be asked.
//
// The index is derived from the truth in the KvStore. When it cannot take a change (out of memory, say), or
// its checkpoint is damaged, the writes still stand: the field is answered by exact scan of the stored
// vectors, loudly, until another index that was built from the truth takes its place (rebuild.cc). Nothing is
// ever answered from an index that misses a change.
//
// Threads: add, finish_add, remove and replace by the collection's leader only; the rest by any thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "base/io/checkpoint_files.h"
#include "index/index.h"
#include "query/types.h"

namespace kith {

struct Engine;

class FieldIndex {
 public:
  /// With an empty index.
  static Result<std::unique_ptr<FieldIndex>> create(std::string collection, const Schema& schema,
                                                    const VectorField& field, Engine& engine);

  const VectorField& field() const { return field_; }
  const IndexKind& kind() const { return kind_; }
  /// Rows are added with their labels, and a search may ask for some.
  bool labeled() const { return labeled_; }
  /// For all of several labels at once, too.
  bool joins_labels() const { return joins_labels_; }
  /// False: answer by exact scan.
  bool usable() const { return usable_.load(std::memory_order_acquire); }
  /// Rows that are gone, of those that the index has room for, where they are more than those that live; else
  /// 0. Kinds that use room again have that many once most rows left, others in the end.
  uint64_t worn() const;
  /// Stays whole for whoever holds it, also once another has taken its place.
  std::shared_ptr<Index> index() const;

  /// Rows of one write, which ascend and are above all that were added before.
  struct Added {
    std::vector<Row> rows;
    std::vector<const std::byte*> vectors;
    std::vector<Row> replaced;     // that each replaces, or kNoRow
    std::vector<LabelSet> labels;  // of each row, of a labeled field
    void clear();
  };
  /// A row whose vector is that of the row that it replaces may be missing until finish_add.
  void add(const Added& added);
  /// At the moment in which readers come to see what was added, before anything is removed.
  void finish_add();
  void remove(Row row);

  /// An empty index for this field, to be filled and handed to `replace`.
  Result<std::unique_ptr<Index>> make_empty() const;
  /// Index::add to an index of this field.
  Result<void> add_to(Index& index, std::span<const Row> rows, VectorBlock vectors,
                      std::span<const LabelSet> labels) const;
  /// What a checkpoint holds for this field; about `rows_after` more will be added to it. Corruption, or any
  /// other error, when that cannot be used.
  Result<std::unique_ptr<Index>> open(const CheckpointInput& input, uint64_t rows_after) const;
  /// `index` holds all that the truth does; from now on it is asked. `saved`: it came from the checkpoint.
  /// The one before, for the caller to let go where that may take long.
  std::shared_ptr<Index> replace(std::shared_ptr<Index> index, bool saved);
  /// From now on the field is answered by exact scan.
  void set_unusable() { usable_.store(false, std::memory_order_release); }

  /// The last checkpoint holds files of this very index: those that say the same may be kept.
  bool saved() const { return saved_.load(); }
  void set_saved(bool saved = true) { saved_.store(saved); }

  /// While an index is built in the background.
  std::optional<RebuildProgress> rebuilding() const;
  void set_rebuilding(std::optional<RebuildProgress> progress);

 private:
  FieldIndex(std::string collection, const Schema& schema, const VectorField& field, const IndexKind& kind,
             Engine& engine);
  Result<void> add_scattered(const Added& added);
  void give_up(const Error& error);

  const std::string collection_;  // its name, for the log
  const VectorField field_;
  const bool labeled_;
  const IndexOptions options_;  // the field's own, and what follows from the schema
  const bool joins_labels_;
  const IndexKind& kind_;
  Engine& engine_;
  std::vector<Renaming> renamed_;  // by add, of finish_add
  std::atomic<bool> usable_{true};
  std::atomic<bool> saved_{false};
  mutable std::mutex mutex_;      // guards all below
  std::shared_ptr<Index> index_;  // never null
  std::optional<RebuildProgress> rebuilding_;
};

}  // namespace kith

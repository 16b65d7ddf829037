// CheckpointDirectory: the checkpoints of one collection on disk.
//
//   <directory>/MANIFEST               which files count (manifest.h); replaced whole, atomically
//   <directory>/<generation>-<name>    immutable files (checkpoint_file.h)
//
// A checkpoint becomes the one that counts when its manifest has taken the old one's place; a crash before
// that leaves the old one, with all its files. What no manifest names is removed after the swap and at open,
// and only then.
//
// Threads: any; one CheckpointWriter at a time.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "base/io/checkpoint_files.h"
#include "storage/checkpoint/manifest.h"

namespace kith {

class CheckpointDirectory {
 public:
  /// `fs` outlives this. Nothing is read or made yet.
  CheckpointDirectory(FileSystem& fs, std::string directory, CollectionNumber collection)
      : fs_(fs), directory_(std::move(directory)), collection_(collection) {}

  /// Reads the manifest and removes what it does not name. An error leaves the directory as it is, as if it
  /// had no checkpoint; the next one that is written replaces it.
  Result<void> open();
  /// The one that counts; none before the first.
  std::optional<Manifest> manifest() const;
  /// Corruption when that checkpoint has no such file, or it is not the one that was written (its content is
  /// the reader's to check).
  Result<std::unique_ptr<ReadableFile>> read(const std::string& name) const;
  /// Reads every file of the checkpoint that counts. The bytes read; the first damage.
  Result<uint64_t> verify();
  /// The one that counts; null before the first. Its files stay while anybody has what this returns, also
  /// when another one takes its place. This outlives it.
  std::shared_ptr<const Manifest> pin();
  size_t pins() const;
  /// No file is there when this returns, after a loss of power either, that the checkpoint does not name.
  Result<void> sweep();
  /// All of it goes, durably. No writer may be alive.
  Result<void> remove();

  const std::string& path() const { return directory_; }

 private:
  friend class CheckpointWriter;
  bool named_locked(const std::string& file_name) const;
  Result<void> sweep_locked(uint64_t generation_max = UINT64_MAX);
  Result<void> swept_or_said();
  Result<void> remove_generation(uint64_t generation);
  void unpin(const Manifest* manifest);

  FileSystem& fs_;
  const std::string directory_;
  const CollectionNumber collection_;
  mutable std::mutex mutex_;  // guards all below and which files are there; held across the IO of a swap
  std::optional<Manifest> manifest_;
  std::vector<const Manifest*> pinned_;
  uint64_t generation_ = 0;  // the highest seen in any name
};

/// A checkpoint on its way. Destroyed without commit it leaves no file behind.
class CheckpointWriter final : public CheckpointOutput {
 public:
  static Result<std::unique_ptr<CheckpointWriter>> begin(CheckpointDirectory& directory);
  ~CheckpointWriter() override;

  Result<std::unique_ptr<WritableFile>> create(const std::string& name) override;
  bool keep(const std::string& name, uint64_t bytes) override;

  /// Makes what was written the checkpoint that counts, durably. All files are closed. An error leaves the
  /// one before.
  Result<void> commit(CheckpointMark mark);

 private:
  CheckpointWriter(CheckpointDirectory& directory, std::optional<Manifest> before)
      : directory_(directory), before_(std::move(before)) {}

  CheckpointDirectory& directory_;
  const std::optional<Manifest> before_;
  Manifest next_;
  size_t created_ = 0;
  bool swapped_ = false;  // the manifest, perhaps
};

/// Names with a prefix in another output: those of one field.
class PrefixedOutput final : public CheckpointOutput {
 public:
  /// `keeps`: what was written under these names before came from the same object.
  PrefixedOutput(CheckpointOutput& output, std::string prefix, bool keeps)
      : output_(output), prefix_(std::move(prefix)), keeps_(keeps) {}
  Result<std::unique_ptr<WritableFile>> create(const std::string& name) override {
    return output_.create(prefix_ + name);
  }
  bool keep(const std::string& name, uint64_t bytes) override {
    return keeps_ && output_.keep(prefix_ + name, bytes);
  }

 private:
  CheckpointOutput& output_;
  const std::string prefix_;
  const bool keeps_;
};

class PrefixedInput final : public CheckpointInput {
 public:
  PrefixedInput(const CheckpointDirectory& directory, std::string prefix)
      : directory_(directory), prefix_(std::move(prefix)) {}
  Result<std::unique_ptr<ReadableFile>> open(const std::string& name) const override {
    return directory_.read(prefix_ + name);
  }

 private:
  const CheckpointDirectory& directory_;
  const std::string prefix_;
};

}  // namespace kith

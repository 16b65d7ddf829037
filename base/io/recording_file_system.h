// RecordingFileSystem: passes every call on and keeps all changes of files and names, in the order in which
// they took effect, so that the disk can be had as it may have been at any moment: run a workload once, then
// lose power after each of its file operations (tests/crash).
//
// Files must not be changed beside it. Scratch files have no name and are never durable: not recorded.
// Thread-safe.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "base/io/disk_model.h"

namespace kith {

class RecordingFileSystem final : public FileSystem {
 public:
  explicit RecordingFileSystem(FileSystem& base) : base_(base) {}

  /// Changes recorded so far. What was acknowledged when this said n is in the disk after the first n.
  size_t position() const { return position_.load(std::memory_order_acquire); }
  /// To be called when nobody changes files any more.
  const std::vector<FileOp>& ops() const { return ops_; }
  /// While true, sync and sync_directory are passed on but not recorded: proves that a crash test notices.
  void set_syncs_lie(bool lie) { syncs_lie_.store(lie); }

  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override;
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override { return base_.open(path); }
  Result<std::unique_ptr<ScratchFile>> create_scratch(const std::string& directory) override {
    return base_.create_scratch(directory);
  }
  Result<bool> exists(const std::string& path) override { return base_.exists(path); }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    return base_.list(directory);
  }
  Result<void> make_directories(const std::string& directory) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> link(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> sync_directory(const std::string& directory) override;
  Result<DiskSpace> disk_space(const std::string& directory) override { return base_.disk_space(directory); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

 private:
  class Writable;
  /// The call and its place in the record are one step, so that the record has the order of effect.
  template <typename Call>
  auto record(FileOp op, Call call);

  FileSystem& base_;
  std::atomic<bool> syncs_lie_{false};
  std::atomic<size_t> position_{0};
  std::mutex mutex_;
  uint64_t handles_ = 0;     // guarded by mutex_; given so far
  std::vector<FileOp> ops_;  // guarded by mutex_
};

}  // namespace kith

// FaultFileSystem: wraps any FileSystem and does to it what machines do: fails the nth call, fills the disk,
// cuts a write short, lies about a sync, loses power. What a power loss leaves is the DiskModel's
// (disk_model.h) word; it is kept for all files and names that are changed through this.
//
// Files that existed before the wrapping count as durable. Every choice comes from the seed. Thread-safe.
#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <set>

#include "base/io/disk_model.h"

namespace kith {

enum class FileCall : uint8_t {
  kCreate,
  kAppend,
  kSync,
  kClose,
  kOpen,
  kRead,
  kExists,
  kList,
  kMakeDirectories,
  kRename,
  kLink,
  kRemove,
  kSyncDirectory,
  kLock,
};
inline constexpr size_t kFileCalls = 14;

/// What is to fail. Calls are counted from the moment of arming.
struct FileFault {
  std::optional<FileCall> call = {};  // none: calls of every kind are counted together
  uint64_t nth = 1;
  bool forever = false;  // the nth and all after it
  bool disk_full =
      false;  // "No space left on device" (ResourceExhausted) instead of an I/O error (Unavailable)
  bool partial_write = false;  // a failing append leaves a random prefix of its data behind
};

class FaultFileSystem final : public FileSystem {
 public:
  /// `base` outlives this and is not used by anybody else meanwhile.
  FaultFileSystem(FileSystem& base, uint64_t seed);
  ~FaultFileSystem() override;

  /// Replaces what was armed before.
  void arm(FileFault fault);
  void disarm();
  /// How many calls failed because of what was armed, so far.
  uint64_t fired() const;
  /// How many calls of this kind were made so far, failed ones included.
  uint64_t calls(FileCall call) const;

  /// While true, sync and sync_directory report success and make nothing durable: proves that a crash test
  /// notices.
  void set_syncs_lie(bool lie);

  /// What is not durable is gone from `base`; locks are free; every file opened before answers Unavailable.
  Result<void> power_loss(const PowerLoss& how);

  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override;
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override;
  Result<std::unique_ptr<ScratchFile>> create_scratch(const std::string& directory) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<void> make_directories(const std::string& directory) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> link(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> sync_directory(const std::string& directory) override;
  Result<DiskSpace> disk_space(const std::string& directory) override { return base_.disk_space(directory); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

 private:
  class Writable;
  class Readable;
  class Scratch;
  class Lock;

  // All below with mutex_ held.
  Result<void> admit(FileCall call, const std::string& path);
  Result<void> append(uint64_t handle, WritableFile& file, std::span<const std::byte> data,
                      const std::string& path);
  Result<void> sync(uint64_t handle, WritableFile& file, const std::string& path);
  Result<void> adopt(const std::string& path);
  Result<void> adopt_tree(const std::string& path);
  Result<void> adopt_directories(const std::string& directory);

  FileSystem& base_;
  mutable std::mutex mutex_;  // guards all below
  Random random_;
  std::optional<FileFault> armed_;
  uint64_t counted_ = 0;  // calls that `armed_` counts
  uint64_t fired_ = 0;
  std::array<uint64_t, kFileCalls> calls_{};
  bool syncs_lie_ = false;
  uint64_t boot_ = 0;     // power losses so far; handles of an earlier boot are dead
  uint64_t handles_ = 0;  // given so far
  DiskModel disk_;
  std::set<std::unique_ptr<FileLock>*> held_locks_;  // released by a power loss
};

}  // namespace kith

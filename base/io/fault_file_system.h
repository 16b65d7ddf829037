// FaultFileSystem: wraps any FileSystem and does to it what machines do: fails the nth call, fills the disk,
// cuts a write short, lies about a sync, loses power. It keeps, beside each file and name that it saw change,
// what would survive now:
//
//   bytes   those of the last successful sync of the file; a torn part of the rest may survive too
//   names   creations, renames and removals since the last sync of the directory may be lost, as a suffix
//   (metadata
//           journals keep order); a file below a lost directory is lost with it
//
// Files that existed before the wrapping count as durable. Every choice comes from the seed. Thread-safe.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "base/io/file_system.h"
#include "base/random.h"

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
  kRemove,
  kSyncDirectory,
  kLock,
};
inline constexpr size_t kFileCalls = 13;

/// What is to fail. Calls are counted from the moment of arming.
struct FileFault {
  std::optional<FileCall> call = {};  // none: calls of every kind are counted together
  uint64_t nth = 1;
  bool forever = false;  // the nth and all after it
  bool disk_full =
      false;  // "No space left on device" (ResourceExhausted) instead of an I/O error (Unavailable)
  bool partial_write = false;  // a failing append leaves a random prefix of its data behind
};

struct PowerLoss {
  enum class Names : uint8_t {
    kSyncedOnly,    // all changes of names since the directory's sync are lost
    kAll,           // none is
    kRandomPrefix,  // some first ones survive
  };
  Names names = Names::kSyncedOnly;
  /// Unsynced bytes: false: none survives. True: per file a random prefix does, in which random sectors of
  /// 512 bytes never arrived (they read as zeros).
  bool torn_tails = false;
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
  Result<void> remove(const std::string& path) override;
  Result<void> sync_directory(const std::string& directory) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

 private:
  class Writable;
  class Readable;
  class Scratch;
  class Lock;

  /// One file or directory, whatever its names.
  struct Inode {
    bool directory = false;
    std::vector<std::byte> current;
    std::vector<std::byte> durable;
    bool appended_only = true;  // `durable` is a prefix of `current`
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  /// One change of names: all its edits survive, or none. A null inode takes the name away.
  struct Change {
    std::vector<std::pair<std::string, std::shared_ptr<Inode>>> edits;
  };

  // All below with mutex_ held.
  Result<void> admit(FileCall call, const std::string& path);
  Result<void> append(Inode& inode, WritableFile& file, std::span<const std::byte> data,
                      const std::string& path);
  Result<void> sync(Inode& inode, WritableFile& file, const std::string& path);
  Result<void> adopt(const std::string& path);
  Result<void> adopt_directories(const std::string& directory);
  void change_names(Change change);
  void make_names_durable(const std::string& directory);
  Names surviving_names(PowerLoss::Names how);
  std::vector<std::byte> surviving_bytes(const Inode& inode, bool torn);
  Result<void> restore(const Names& survivors,
                       const std::map<const Inode*, std::vector<std::byte>>& contents);

  FileSystem& base_;
  mutable std::mutex mutex_;  // guards all below
  Random random_;
  std::optional<FileFault> armed_;
  uint64_t counted_ = 0;  // calls that `armed_` counts
  uint64_t fired_ = 0;
  std::array<uint64_t, kFileCalls> calls_{};
  bool syncs_lie_ = false;
  uint64_t boot_ = 0;             // power losses so far; handles of an earlier boot are dead
  Names current_;                 // the tracked names as `base_` has them
  Names durable_;                 // the same after a power loss that keeps synced names only
  std::vector<Change> unsynced_;  // leads from durable_ to current_, in order
  std::set<std::unique_ptr<FileLock>*> held_locks_;  // released by a power loss
};

}  // namespace kith

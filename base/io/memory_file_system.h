// MemoryFileSystem: the in-memory twin of the machine's file system, with the same rules: a directory must
// exist before a file in it, an open file outlives its name, a lock has one holder. Everything counts as
// durable at once; wrap it in a FaultFileSystem to lose power. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "base/io/file_system.h"

namespace kith {

class MemoryFileSystem final : public FileSystem {
 public:
  MemoryFileSystem();
  ~MemoryFileSystem() override;

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
  Result<DiskSpace> disk_space(const std::string& directory) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

  /// The device holds so many bytes from now on, UINT64_MAX at first; what is more stays. An append that
  /// reaches the end leaves what fitted and is ResourceExhausted. Names take no space.
  void set_disk_bytes(uint64_t total);

  struct Device;   // what is used of it, shared by all files
  struct Content;  // the bytes of one file, shared by its name and its open handles
  struct Locks;    // the paths locked now, shared with the locks themselves

 private:
  Result<void> check_parent(const std::string& path) const;
  Result<void> rename_directory(const std::string& from, const std::string& to, const std::string& action);
  std::vector<std::string> names_in(const std::string& directory) const;

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Content>> files_;  // guarded by mutex_
  std::set<std::string> directories_;                      // guarded by mutex_
  std::shared_ptr<Device> device_;
  std::shared_ptr<Locks> locks_;
};

}  // namespace kith

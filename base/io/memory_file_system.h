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
  Result<void> remove(const std::string& path) override;
  Result<void> sync_directory(const std::string& directory) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

  struct Content;  // the bytes of one file, shared by its name and its open handles
  struct Locks;    // the paths locked now, shared with the locks themselves

 private:
  Result<void> check_parent(const std::string& path) const;
  std::vector<std::string> names_in(const std::string& directory) const;

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Content>> files_;  // guarded by mutex_
  std::set<std::string> directories_;                      // guarded by mutex_
  std::shared_ptr<Locks> locks_;
};

}  // namespace kith

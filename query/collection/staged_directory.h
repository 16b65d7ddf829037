// StagedDirectory: a data directory that is made beside its place and takes it whole, by one rename. A crash
// at any moment leaves nothing there, or all of it; what it leaves beside goes with the next attempt.
//
//   <target>.partial/           until it is whole
//   <target>.partial/PARTIAL    locked while somebody works there; moves along, and is removed at the end
#pragma once

#include <memory>
#include <string>

#include "base/io/file_system.h"

namespace kith {

/// Used by one thread.
class StagedDirectory {
 public:
  /// Empty. AlreadyExists when there is something at `target`; FailedPrecondition while another one is made
  /// for it.
  static Result<std::unique_ptr<StagedDirectory>> begin(FileSystem& fs, const std::string& target);
  /// Removes what was not committed.
  ~StagedDirectory();
  StagedDirectory(const StagedDirectory&) = delete;
  StagedDirectory& operator=(const StagedDirectory&) = delete;

  const std::string& path() const { return path_; }
  /// All in it is durable already, and nobody has a file of it open.
  Result<void> commit();

 private:
  StagedDirectory(FileSystem& fs, std::string target)
      : fs_(fs), target_(std::move(target)), path_(target_ + ".partial") {}

  FileSystem& fs_;
  const std::string target_;
  const std::string path_;
  std::unique_ptr<FileLock> lock_;
  bool committed_ = false;
};

}  // namespace kith

#include "query/collection/staged_directory.h"

#include "base/io/path.h"
#include "base/log.h"

namespace kith {
namespace {

constexpr const char* kMark = "PARTIAL";

Result<void> check_free(FileSystem& fs, const std::string& target) {
  if (!TRY(fs.exists(target))) return {};
  const Result<std::vector<std::string>> names = fs.list(target);
  if (names.ok() && names->empty()) return {};
  return already_exists("'{}' is there already; name a new directory, or remove that one first", target);
}

}  // namespace

Result<std::unique_ptr<StagedDirectory>> StagedDirectory::begin(FileSystem& fs, const std::string& target) {
  const std::string normal = normal_path(target);
  if (target.empty() || normal == "." || normal == "/" || normal.ends_with(".."))
    return invalid_argument("'{}' cannot be made; name the directory itself", target);
  TRY(check_free(fs, normal));
  std::unique_ptr<StagedDirectory> staged(new StagedDirectory(fs, normal));
  TRY(make_durable_directories(fs, staged->path_));
  staged->lock_ = TRY(fs.lock(staged->path_ + '/' + kMark));
  for (const std::string& name : TRY(fs.list(staged->path_)))
    if (name != kMark) TRY(remove_tree(fs, staged->path_ + '/' + name));
  return {std::move(staged)};
}

StagedDirectory::~StagedDirectory() {
  if (committed_ || lock_ == nullptr) return;
  if (auto removed = remove_tree(fs_, path_); !removed.ok())
    log_warn("a directory that was not finished stays until the next attempt",
             {{"directory", path_}, {"error", removed.error().message}});
}

Result<void> StagedDirectory::commit() {
  TRY(fs_.sync_directory(path_));
  TRY(fs_.rename(path_, target_));
  committed_ = true;
  TRY(fs_.sync_directory(parent_directory(target_)));
  (void)fs_.remove(target_ + '/' + kMark).ok();  // an empty name that nothing looks at
  return {};
}

}  // namespace kith

#include "base/io/file_system.h"

#include <filesystem>

#include "base/io/path.h"
#include "base/planted.h"

namespace kith {
namespace {

Result<void> write_synced(FileSystem& fs, const std::string& path, std::span<const std::byte> data) {
  const auto file = TRY(fs.create(path));
  TRY(file->append(data));
  if (!planted("manifest-unsynced")) TRY(file->sync());
  return file->close();
}

/// Not normalised: "link/../x" lies beside what the link points to.
std::string parent_as_written(const std::string& directory) {
  std::filesystem::path path(directory);
  if (!path.has_filename() && path.has_relative_path()) path = path.parent_path();  // a slash at the end
  const std::string parent = path.parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace

Result<void> make_durable_directories(FileSystem& fs, const std::string& directory) {
  std::vector<std::string> missing = {directory};  // the last: the deepest that exists
  while (!TRY(fs.exists(missing.back())) && parent_as_written(missing.back()) != missing.back())
    missing.push_back(parent_as_written(missing.back()));
  // Best effort: the parent may not be ours to read, but then a crash of ours did not make this one.
  (void)fs.sync_directory(parent_as_written(missing.back())).ok();
  for (missing.pop_back(); !missing.empty(); missing.pop_back()) {
    TRY(fs.make_directories(missing.back()));
    if (!planted("directory-unsynced")) TRY(fs.sync_directory(parent_as_written(missing.back())));
  }
  return {};
}

Result<void> remove_tree(FileSystem& fs, const std::string& path) {
  // First as what it may be: of a link to a directory that removes the link.
  const Result<void> removed = fs.remove(path);
  if (removed.ok() || removed.error().code != Code::kFailedPrecondition) return removed;
  for (const std::string& name : TRY(fs.list(path))) TRY(remove_tree(fs, path + '/' + name));
  return fs.remove(path);
}

Result<void> write_file_atomically(FileSystem& fs, const std::string& path, std::span<const std::byte> data) {
  const std::string temporary = path + ".tmp";
  const Result<void> written = write_synced(fs, temporary, data);
  if (!written.ok()) {
    (void)fs.remove(temporary).ok();  // best effort: the next write of this path truncates it anyway
    return written.error();
  }
  TRY(fs.rename(temporary, path));
  if (planted("rename-unsynced")) return {};
  return fs.sync_directory(parent_directory(path));
}

}  // namespace kith

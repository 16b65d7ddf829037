#include "base/io/file_system.h"

#include "base/io/path.h"

namespace kith {
namespace {

Result<void> write_synced(FileSystem& fs, const std::string& path, std::span<const std::byte> data) {
  const auto file = TRY(fs.create(path));
  TRY(file->append(data));
  TRY(file->sync());
  return file->close();
}

}  // namespace

Result<void> make_durable_directories(FileSystem& fs, const std::string& directory) {
  std::vector<std::string> missing = {normal_path(directory)};  // the last: the deepest that exists
  while (!TRY(fs.exists(missing.back())) && parent_directory(missing.back()) != missing.back())
    missing.push_back(parent_directory(missing.back()));
  if (const std::string& there = missing.back(); parent_directory(there) != there)
    TRY(fs.sync_directory(parent_directory(there)));
  for (missing.pop_back(); !missing.empty(); missing.pop_back()) {
    TRY(fs.make_directories(missing.back()));
    TRY(fs.sync_directory(parent_directory(missing.back())));
  }
  return {};
}

Result<void> write_file_atomically(FileSystem& fs, const std::string& path, std::span<const std::byte> data) {
  const std::string temporary = path + ".tmp";
  const Result<void> written = write_synced(fs, temporary, data);
  if (!written.ok()) {
    (void)fs.remove(temporary).ok();  // best effort: the next write of this path truncates it anyway
    return written.error();
  }
  TRY(fs.rename(temporary, path));
  return fs.sync_directory(parent_directory(path));
}

}  // namespace kith

#include "base/io/file_system.h"

namespace kith {
namespace {

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> write_synced(FileSystem& fs, const std::string& path, std::span<const std::byte> data) {
  const auto file = TRY(fs.create(path));
  TRY(file->append(data));
  TRY(file->sync());
  return file->close();
}

}  // namespace

Result<void> write_file_atomically(FileSystem& fs, const std::string& path, std::span<const std::byte> data) {
  const std::string temporary = path + ".tmp";
  const Result<void> written = write_synced(fs, temporary, data);
  if (!written.ok()) {
    (void)fs.remove(temporary).ok();  // best effort: the next write of this path truncates it anyway
    return written.error();
  }
  TRY(fs.rename(temporary, path));
  return fs.sync_directory(directory_of(path));
}

}  // namespace kith

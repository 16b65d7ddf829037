#include "storage/backup/backup_directory.h"

#include <algorithm>

#include "base/io/path.h"

namespace kith {
namespace {

constexpr uint64_t kManifestBytesMax = 256u << 20;

/// Files below `path` that the manifest does not name. `below` is a directory of it, or "".
Result<void> find_strangers(FileSystem& fs, const std::string& path, const std::string& below,
                            const std::set<std::string>& known, std::vector<std::string>& problems) {
  for (const std::string& name : TRY(fs.list(path + below))) {
    const std::string full = below + '/' + name;
    if (known.contains(full.substr(1))) continue;
    const std::string inside = full.substr(1) + '/';
    if (const auto at = known.lower_bound(inside); at != known.end() && at->starts_with(inside)) {
      TRY(find_strangers(fs, path, full, known, problems));
    } else {
      problems.push_back(fmt::format("{}{}: is not of this backup", path, full));
    }
  }
  return {};
}

}  // namespace

bool is_backup_number(const std::string& name) {
  return !name.empty() && name.size() < 20 && name[0] != '0' &&
         std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

Result<BackupManifest> read_backup(FileSystem& fs, const std::string& path) {
  const std::string file_path = path + '/' + kBackupManifest;
  if (!TRY(fs.exists(file_path))) return not_found("'{}' holds no backup: there is no {}", path, file_path);
  const std::unique_ptr<ReadableFile> file = TRY(fs.open(file_path));
  if (file->size() > kManifestBytesMax)
    return corruption("{}: has {} bytes, at most {} can be", file_path, file->size(), kManifestBytesMax);
  std::vector<std::byte> bytes(file->size());
  TRY(file->read(0, bytes));
  return parse_backup(bytes, file_path);
}

Result<std::vector<ListedBackup>> list_backup_directory(FileSystem& fs, const std::string& directory) {
  std::vector<ListedBackup> backups;
  for (const std::string& name : TRY(fs.list(directory))) {
    if (!is_backup_number(name)) continue;
    Result<BackupManifest> manifest = read_backup(fs, directory + '/' + name);
    if (manifest.ok() || manifest.error().code != Code::kNotFound)
      backups.push_back({std::stoull(name), std::move(manifest)});
  }
  std::ranges::sort(backups, {}, &ListedBackup::number);
  return backups;
}

Result<std::string> find_backup(FileSystem& fs, const std::string& from) {
  if (!TRY(fs.exists(from))) return not_found("'{}' does not exist", from);
  if (TRY(fs.exists(from + '/' + kBackupManifest))) return normal_path(from);
  const std::vector<ListedBackup> backups = TRY(list_backup_directory(fs, from));
  if (backups.empty()) return not_found("'{}' is no backup, and there is none in it", from);
  return fmt::format("{}/{}", normal_path(from), backups.back().number);
}

Result<std::vector<std::string>> verify_backup_files(FileSystem& fs, const std::string& path,
                                                     const BackupManifest& manifest, const Stop& stop,
                                                     ByteProgress& progress) {
  std::vector<std::string> problems;
  std::set<std::string> known = {kBackupManifest, kBackupPartial};
  for (const BackupFile& file : manifest.files) {
    TRY(stop.check());
    known.insert(file.name);
    const std::string full = path + '/' + file.name;
    const Result<uint32_t> crc = checksum_file(fs, full, file.bytes, stop, progress);
    TRY(stop.check());
    if (!crc.ok())
      problems.push_back(crc.error().message);
    else if (*crc != file.crc)
      problems.push_back(fmt::format("{}: wrong checksum", full));
  }
  TRY(find_strangers(fs, path, "", known, problems));
  return problems;
}

std::set<std::string> backup_directories(const std::string& path, std::span<const BackupFile> files) {
  std::set<std::string> directories = {path};
  for (const BackupFile& file : files)
    for (size_t slash = file.name.find('/'); slash != std::string::npos;
         slash = file.name.find('/', slash + 1))
      directories.insert(path + '/' + file.name.substr(0, slash));
  return directories;
}

}  // namespace kith

#include "storage/backup/backup_writer.h"

#include <algorithm>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/io/path.h"
#include "base/log.h"

namespace kith {

Result<std::unique_ptr<BackupWriter>> BackupWriter::begin(FileSystem& fs, const std::string& directory) {
  TRY(make_durable_directories(fs, directory));
  auto lock = fs.lock(directory + "/LOCK");
  if (!lock.ok() && lock.error().code == Code::kFailedPrecondition)
    return failed_precondition("another backup is being written into '{}': {}", directory,
                               lock.error().message);
  std::unique_ptr<FileLock> held = TRY(std::move(lock));
  std::unique_ptr<BackupWriter> writer(new BackupWriter(fs, normal_path(directory), std::move(held)));
  TRY(writer->sweep());
  TRY(writer->prepare());
  return {std::move(writer)};
}

BackupWriter::~BackupWriter() {
  if (committed_ || path_.empty()) return;
  if (auto removed = remove_tree(fs_, path_); !removed.ok())
    log_warn("files of an abandoned backup stay until the next one",
             {{"directory", path_}, {"error", removed.error().message}});
}

/// What crashes left goes; of whole backups the files are noted.
Result<void> BackupWriter::sweep() {
  for (const std::string& name : TRY(fs_.list(directory_))) {
    const std::string path = directory_ + '/' + name;
    if (!is_backup_number(name)) continue;
    number_ = std::max<uint64_t>(number_, std::stoull(name) + 1);
    if (TRY(fs_.exists(path + '/' + kBackupManifest))) continue;
    if (TRY(fs_.exists(path + '/' + kBackupPartial))) TRY(remove_tree(fs_, path));
  }
  for (const ListedBackup& backup : TRY(list_backup_directory(fs_, directory_))) {
    if (!backup.manifest.ok()) continue;
    const std::string path = fmt::format("{}/{}/", directory_, backup.number);
    for (const BackupFile& file : backup.manifest->files)
      earlier_.emplace(file.name, std::pair(path + file.name, file));
  }
  return {};
}

Result<void> BackupWriter::prepare() {
  path_ = fmt::format("{}/{}", directory_, number_);
  TRY(fs_.make_directories(path_));
  const std::unique_ptr<WritableFile> mark = TRY(fs_.create(path_ + '/' + kBackupPartial));
  TRY(mark->close());
  TRY(fs_.sync_directory(path_));
  return fs_.sync_directory(directory_);
}

/// The source before an earlier backup, whose bytes nobody has read since. False where no link can be made,
/// whatever the reason: a copy says it then.
bool BackupWriter::link(const BackupFile& file, const std::string& source) {
  const std::string to = path_ + '/' + file.name;
  if (fs_.link(source, to).ok()) return true;
  const auto [first, end] = earlier_.equal_range(file.name);
  for (auto at = first; at != end; ++at) {
    const auto& [path, there] = at->second;
    if (there.bytes != file.bytes || there.crc != file.crc) continue;
    const auto opened = fs_.open(path);
    if (opened.ok() && (*opened)->size() == file.bytes && fs_.link(path, to).ok()) return true;
  }
  return false;
}

Result<void> BackupWriter::add(const std::string& name, const std::string& source, uint64_t bytes,
                               std::optional<uint32_t> crc, const Stop& stop, ByteProgress& progress) {
  CHECK(is_backup_file_name(name));
  TRY(stop.check());
  BackupFile file{name, bytes, crc.value_or(0)};
  TRY(fs_.make_directories(parent_directory(path_ + '/' + name)));
  if (crc.has_value() && link(file, source)) {
    progress.done += bytes;
  } else {
    file.crc = TRY(copy_file(fs_, source, bytes, path_ + '/' + name, stop, progress));
    copied_bytes_ += bytes;
    if (crc.has_value() && file.crc != *crc)
      return corruption(
          "'{}' is not what was written: wrong checksum; `kith verify` says what else is damaged", source);
  }
  files_.push_back(std::move(file));
  return {};
}

Result<void> BackupWriter::add_bytes(const std::string& name, std::span<const std::byte> bytes) {
  CHECK(is_backup_file_name(name));
  const std::string path = path_ + '/' + name;
  TRY(fs_.make_directories(parent_directory(path)));
  const std::unique_ptr<WritableFile> file = TRY(fs_.create(path));
  TRY(file->append(bytes));
  TRY(file->sync());
  TRY(file->close());
  files_.push_back({name, bytes.size(), crc32c(bytes)});
  copied_bytes_ += bytes.size();
  return {};
}

Result<void> BackupWriter::drop(const std::string& directory) {
  std::erase_if(files_, [&](const BackupFile& file) { return file.name.starts_with(directory + '/'); });
  const std::string path = path_ + '/' + directory;
  if (!TRY(fs_.exists(path))) return {};
  TRY(remove_tree(fs_, path));
  const std::string parent = parent_directory(path);  // which nothing else may ever be in
  const std::vector<std::string> rest = TRY(fs_.list(parent));
  return rest.empty() ? fs_.remove(parent) : Result<void>();
}

Result<void> BackupWriter::commit(BackupManifest& manifest) {
  manifest.number = number_;
  manifest.time_ms = Clock::system().wall_ms();
  manifest.files = files_;
  const std::set<std::string> directories = backup_directories(path_, files_);
  for (auto directory = directories.rbegin(); directory != directories.rend(); ++directory)
    TRY(fs_.sync_directory(*directory));
  TRY(fs_.sync_directory(directory_));
  TRY(write_file_atomically(fs_, path_ + '/' + kBackupManifest, encode_backup(manifest)));
  committed_ = true;
  (void)fs_.remove(path_ + '/' + kBackupPartial).ok();  // harmless beside a manifest
  return {};
}

}  // namespace kith

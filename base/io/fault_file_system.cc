#include "base/io/fault_file_system.h"

#include <algorithm>
#include <cerrno>

#include "base/io/path.h"
#include "base/io/posix_file_system.h"

namespace kith {
namespace {

constexpr std::string_view kCallNames[kFileCalls] = {
    "create", "write to",         "sync",   "close", "open",   "read",           "inspect",
    "list",   "create directory", "rename", "link",  "remove", "sync directory", "lock"};

Error power_was_lost(const std::string& path) {
  return unavailable("'{}' was opened before the power was lost; open it again", path);
}

}  // namespace

class FaultFileSystem::Lock final : public FileLock {
 public:
  Lock(FaultFileSystem& fs, std::unique_ptr<FileLock> lock) : fs_(fs), held_(std::move(lock)) {
    fs_.held_locks_.insert(&held_);
  }
  ~Lock() override {
    std::lock_guard guard(fs_.mutex_);
    fs_.held_locks_.erase(&held_);
    held_.reset();
  }

 private:
  FaultFileSystem& fs_;
  std::unique_ptr<FileLock> held_;
};

class FaultFileSystem::Writable final : public WritableFile {
 public:
  Writable(FaultFileSystem& fs, std::unique_ptr<WritableFile> file, uint64_t handle, std::string path)
      : fs_(fs), file_(std::move(file)), handle_(handle), path_(std::move(path)), boot_(fs.boot_) {}

  Result<void> append(std::span<const std::byte> data) override {
    std::lock_guard guard(fs_.mutex_);
    TRY(check_usable("write to"));
    return note(fs_.append(handle_, *file_, data, path_));
  }

  Result<void> sync() override {
    std::lock_guard guard(fs_.mutex_);
    TRY(check_usable("sync"));
    return note(fs_.sync(handle_, *file_, path_));
  }

  Result<void> close() override {
    std::lock_guard guard(fs_.mutex_);
    if (boot_ != fs_.boot_) return power_was_lost(path_);
    TRY(fs_.admit(FileCall::kClose, path_));
    closed_ = true;
    return file_->close();
  }

 private:
  Result<void> check_usable(std::string_view action) const {
    if (boot_ != fs_.boot_) return power_was_lost(path_);
    if (closed_) return failed_precondition("cannot {} '{}': it is closed", action, path_);
    if (failed_)
      return failed_precondition("cannot {} '{}': an earlier write or sync of it failed; abandon it", action,
                                 path_);
    return {};
  }
  Result<void> note(Result<void> result) {
    failed_ = failed_ || !result.ok();
    return result;
  }

  FaultFileSystem& fs_;
  std::unique_ptr<WritableFile> file_;
  uint64_t handle_;
  std::string path_;
  uint64_t boot_;
  bool closed_ = false;
  bool failed_ = false;  // an error is final, as on the real file system
};

class FaultFileSystem::Readable final : public ReadableFile {
 public:
  Readable(FaultFileSystem& fs, std::unique_ptr<ReadableFile> file, std::string path)
      : fs_(fs), file_(std::move(file)), path_(std::move(path)), boot_(fs.boot_) {}

  uint64_t size() const override { return file_->size(); }

  Result<void> read(uint64_t offset, std::span<std::byte> out) const override {
    {
      std::lock_guard guard(fs_.mutex_);
      if (boot_ != fs_.boot_) return power_was_lost(path_);
      TRY(fs_.admit(FileCall::kRead, path_));
    }
    return file_->read(offset, out);
  }

 private:
  FaultFileSystem& fs_;
  std::unique_ptr<ReadableFile> file_;
  std::string path_;
  uint64_t boot_;
};

/// Each part that is read counts as a call.
class FaultFileSystem::Scratch final : public ScratchFile {
 public:
  Scratch(FaultFileSystem& fs, std::unique_ptr<ScratchFile> file, std::string path)
      : fs_(fs), file_(std::move(file)), path_(std::move(path)), boot_(fs.boot_) {}

  Result<void> append(std::span<const std::byte> data) override {
    std::lock_guard guard(fs_.mutex_);
    TRY(admit(FileCall::kAppend));
    return file_->append(data);
  }

  Result<void> write_again(uint64_t offset, std::span<const std::byte> data) override {
    std::lock_guard guard(fs_.mutex_);
    TRY(admit(FileCall::kAppend));
    return file_->write_again(offset, data);
  }

  Result<void> read(std::span<const FilePart> parts) const override {
    std::lock_guard guard(fs_.mutex_);
    for (size_t i = 0; i < parts.size(); ++i) TRY(admit(FileCall::kRead));
    return file_->read(parts);
  }

 private:
  Result<void> admit(FileCall call) const {
    if (boot_ != fs_.boot_) return power_was_lost(path_);
    return fs_.admit(call, path_);
  }

  FaultFileSystem& fs_;
  std::unique_ptr<ScratchFile> file_;
  std::string path_;
  uint64_t boot_;
};

FaultFileSystem::FaultFileSystem(FileSystem& base, uint64_t seed) : base_(base), random_(seed) {}
FaultFileSystem::~FaultFileSystem() = default;

void FaultFileSystem::arm(FileFault fault) {
  std::lock_guard guard(mutex_);
  armed_ = fault;
  counted_ = 0;
}

void FaultFileSystem::disarm() {
  std::lock_guard guard(mutex_);
  armed_.reset();
}

uint64_t FaultFileSystem::fired() const {
  std::lock_guard guard(mutex_);
  return fired_;
}

uint64_t FaultFileSystem::calls(FileCall call) const {
  std::lock_guard guard(mutex_);
  return calls_[static_cast<size_t>(call)];
}

void FaultFileSystem::set_syncs_lie(bool lie) {
  std::lock_guard guard(mutex_);
  syncs_lie_ = lie;
}

Result<void> FaultFileSystem::admit(FileCall call, const std::string& path) {
  ++calls_[static_cast<size_t>(call)];
  if (!armed_ || (armed_->call && *armed_->call != call)) return {};
  ++counted_;
  if (counted_ < armed_->nth || (counted_ > armed_->nth && !armed_->forever)) return {};
  ++fired_;
  return posix_error(armed_->disk_full ? ENOSPC : EIO, kCallNames[static_cast<size_t>(call)], path);
}

Result<void> FaultFileSystem::append(uint64_t handle, WritableFile& file, std::span<const std::byte> data,
                                     const std::string& path) {
  Result<void> admitted = admit(FileCall::kAppend, path);
  if (!admitted.ok()) data = data.first(armed_->partial_write ? random_.below(data.size() + 1) : 0);
  if (!data.empty()) TRY(file.append(data));
  disk_.apply({.kind = FileOp::Kind::kAppend, .handle = handle, .bytes = {data.begin(), data.end()}});
  return admitted;
}

Result<void> FaultFileSystem::sync(uint64_t handle, WritableFile& file, const std::string& path) {
  TRY(admit(FileCall::kSync, path));
  TRY(file.sync());
  if (!syncs_lie_) disk_.apply({.kind = FileOp::Kind::kSync, .handle = handle});
  return {};
}

/// Starts to keep a file or directory that was in `base_` before us.
Result<void> FaultFileSystem::adopt(const std::string& path) {
  if (disk_.knows(path) || !TRY(base_.exists(path))) return {};
  if (base_.list(path).ok()) {
    disk_.adopt_directory(path);
    return {};
  }
  const auto file = TRY(base_.open(path));
  std::vector<std::byte> bytes(file->size());
  TRY(file->read(0, bytes));
  disk_.adopt_file(path, std::move(bytes));
  return {};
}

/// What is in a directory goes where it goes.
Result<void> FaultFileSystem::adopt_tree(const std::string& path) {
  TRY(adopt(path));
  if (!disk_.is_directory(path)) return {};
  for (const std::string& name : TRY(base_.list(path))) TRY(adopt_tree(path + '/' + name));
  return {};
}

Result<void> FaultFileSystem::adopt_directories(const std::string& directory) {
  for (size_t slash = directory.find('/', 1);; slash = directory.find('/', slash + 1)) {
    TRY(adopt(directory.substr(0, slash)));
    if (slash == std::string::npos) return {};
  }
}

Result<std::unique_ptr<WritableFile>> FaultFileSystem::create(const std::string& raw_path) {
  const std::string path = normal_path(raw_path);
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kCreate, path));
  TRY(adopt(path));
  std::unique_ptr<WritableFile> file = TRY(base_.create(path));
  disk_.apply({.kind = FileOp::Kind::kCreate, .handle = ++handles_, .path = path});
  return std::unique_ptr<WritableFile>(std::make_unique<Writable>(*this, std::move(file), handles_, path));
}

Result<std::unique_ptr<ScratchFile>> FaultFileSystem::create_scratch(const std::string& directory) {
  const std::string path = directory + "/scratch";
  std::lock_guard lock(mutex_);
  TRY(admit(FileCall::kCreate, path));
  return std::unique_ptr<ScratchFile>(
      std::make_unique<Scratch>(*this, TRY(base_.create_scratch(directory)), path));
}

Result<std::unique_ptr<ReadableFile>> FaultFileSystem::open(const std::string& path) {
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kOpen, path));
  std::unique_ptr<ReadableFile> file = TRY(base_.open(path));
  return std::unique_ptr<ReadableFile>(std::make_unique<Readable>(*this, std::move(file), path));
}

Result<bool> FaultFileSystem::exists(const std::string& path) {
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kExists, path));
  return base_.exists(path);
}

Result<std::vector<std::string>> FaultFileSystem::list(const std::string& directory) {
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kList, directory));
  return base_.list(directory);
}

Result<void> FaultFileSystem::make_directories(const std::string& raw_directory) {
  const std::string directory = normal_path(raw_directory);
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kMakeDirectories, directory));
  TRY(adopt_directories(directory));
  TRY(base_.make_directories(directory));
  for (size_t slash = directory.find('/', 1);; slash = directory.find('/', slash + 1)) {
    disk_.apply({.kind = FileOp::Kind::kMakeDirectory, .path = directory.substr(0, slash)});
    if (slash == std::string::npos) return {};
  }
}

Result<void> FaultFileSystem::rename(const std::string& raw_from, const std::string& raw_to) {
  const std::string from = normal_path(raw_from), to = normal_path(raw_to);
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kRename, from));
  TRY(adopt_tree(from));
  TRY(adopt(to));
  TRY(base_.rename(from, to));
  disk_.apply({.kind = FileOp::Kind::kRename, .path = from, .to = to});
  return {};
}

Result<void> FaultFileSystem::link(const std::string& raw_from, const std::string& raw_to) {
  const std::string from = normal_path(raw_from), to = normal_path(raw_to);
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kLink, from));
  TRY(adopt(from));
  TRY(base_.link(from, to));
  disk_.apply({.kind = FileOp::Kind::kLink, .path = from, .to = to});
  return {};
}

Result<void> FaultFileSystem::remove(const std::string& raw_path) {
  const std::string path = normal_path(raw_path);
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kRemove, path));
  TRY(adopt(path));
  TRY(base_.remove(path));
  disk_.apply({.kind = FileOp::Kind::kRemove, .path = path});
  return {};
}

Result<void> FaultFileSystem::sync_directory(const std::string& directory) {
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kSyncDirectory, directory));
  TRY(base_.sync_directory(directory));
  if (!syncs_lie_) disk_.apply({.kind = FileOp::Kind::kSyncDirectory, .path = normal_path(directory)});
  return {};
}

Result<std::unique_ptr<FileLock>> FaultFileSystem::lock(const std::string& raw_path) {
  const std::string path = normal_path(raw_path);
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kLock, path));
  TRY(adopt(path));
  std::unique_ptr<FileLock> held = TRY(base_.lock(path));
  if (!disk_.knows(path))  // the lock made the file
    disk_.apply({.kind = FileOp::Kind::kCreate, .handle = ++handles_, .path = path});
  return std::unique_ptr<FileLock>(std::make_unique<Lock>(*this, std::move(held)));
}

/// All files that we know are written anew: the survivors may be others under the same names.
Result<void> FaultFileSystem::power_loss(const PowerLoss& how) {
  std::lock_guard guard(mutex_);
  ++boot_;
  armed_.reset();
  for (std::unique_ptr<FileLock>* held : held_locks_) held->reset();
  held_locks_.clear();

  const DiskImage survivors = disk_.after(how, random_);
  const auto before = disk_.now().names;
  for (auto entry = before.rbegin(); entry != before.rend(); ++entry) {  // children before their parents
    const auto left = survivors.names.find(entry->first);
    const bool stays = left != survivors.names.end() && left->second == DiskImage::kDirectory;
    if (entry->second != DiskImage::kDirectory || !stays) TRY(base_.remove(entry->first));
  }
  TRY(write_image(base_, survivors));
  disk_.restart(survivors);
  return {};
}

}  // namespace kith

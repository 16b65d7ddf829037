#include "base/io/fault_file_system.h"

#include <algorithm>
#include <cerrno>

#include "base/io/path.h"
#include "base/io/posix_file_system.h"

namespace kith {
namespace {

constexpr std::string_view kCallNames[kFileCalls] = {
    "create", "write to",         "sync",   "close",  "open",           "read", "inspect",
    "list",   "create directory", "rename", "remove", "sync directory", "lock"};

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
  Writable(FaultFileSystem& fs, std::unique_ptr<WritableFile> file, std::shared_ptr<Inode> inode,
           std::string path)
      : fs_(fs), file_(std::move(file)), inode_(std::move(inode)), path_(std::move(path)), boot_(fs.boot_) {}

  Result<void> append(std::span<const std::byte> data) override {
    std::lock_guard guard(fs_.mutex_);
    TRY(check_usable("write to"));
    return note(fs_.append(*inode_, *file_, data, path_));
  }

  Result<void> sync() override {
    std::lock_guard guard(fs_.mutex_);
    TRY(check_usable("sync"));
    return note(fs_.sync(*inode_, *file_, path_));
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
  std::shared_ptr<Inode> inode_;
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

Result<void> FaultFileSystem::append(Inode& inode, WritableFile& file, std::span<const std::byte> data,
                                     const std::string& path) {
  Result<void> admitted = admit(FileCall::kAppend, path);
  if (!admitted.ok()) data = data.first(armed_->partial_write ? random_.below(data.size() + 1) : 0);
  if (!data.empty()) TRY(file.append(data));
  inode.current.insert(inode.current.end(), data.begin(), data.end());
  return admitted;
}

Result<void> FaultFileSystem::sync(Inode& inode, WritableFile& file, const std::string& path) {
  TRY(admit(FileCall::kSync, path));
  TRY(file.sync());
  if (syncs_lie_) return {};
  if (!inode.appended_only) inode.durable.clear();
  const auto known = static_cast<std::ptrdiff_t>(inode.durable.size());
  inode.durable.insert(inode.durable.end(), inode.current.begin() + known, inode.current.end());
  inode.appended_only = true;
  return {};
}

Result<std::unique_ptr<WritableFile>> FaultFileSystem::create(const std::string& raw_path) {
  const std::string path = normal_path(raw_path);
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kCreate, path));
  TRY(adopt(path));
  std::unique_ptr<WritableFile> file = TRY(base_.create(path));
  const auto found = current_.find(path);
  std::shared_ptr<Inode> inode;
  if (found !=
      current_.end()) {  // truncated in place: the old bytes survive a power loss until the next sync
    inode = found->second;
    inode->current.clear();
    inode->appended_only = inode->durable.empty();
  } else {
    inode = std::make_shared<Inode>();
    change_names({{{path, inode}}});
  }
  return std::unique_ptr<WritableFile>(std::make_unique<Writable>(*this, std::move(file), inode, path));
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
    const std::string step = directory.substr(0, slash);
    if (!current_.contains(step)) {
      auto inode = std::make_shared<Inode>();
      inode->directory = true;
      change_names({{{step, inode}}});
    }
    if (slash == std::string::npos) return {};
  }
}

Result<void> FaultFileSystem::rename(const std::string& raw_from, const std::string& raw_to) {
  const std::string from = normal_path(raw_from), to = normal_path(raw_to);
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kRename, from));
  TRY(adopt(from));
  TRY(adopt(to));
  TRY(base_.rename(from, to));
  if (from != to) change_names({{{to, current_.at(from)}, {from, nullptr}}});
  return {};
}

Result<void> FaultFileSystem::remove(const std::string& raw_path) {
  const std::string path = normal_path(raw_path);
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kRemove, path));
  TRY(adopt(path));
  TRY(base_.remove(path));
  change_names({{{path, nullptr}}});
  return {};
}

Result<void> FaultFileSystem::sync_directory(const std::string& directory) {
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kSyncDirectory, directory));
  TRY(base_.sync_directory(directory));
  if (!syncs_lie_) make_names_durable(normal_path(directory));
  return {};
}

Result<std::unique_ptr<FileLock>> FaultFileSystem::lock(const std::string& raw_path) {
  const std::string path = normal_path(raw_path);
  std::lock_guard guard(mutex_);
  TRY(admit(FileCall::kLock, path));
  TRY(adopt(path));
  std::unique_ptr<FileLock> held = TRY(base_.lock(path));
  if (!current_.contains(path))
    change_names({{{path, std::make_shared<Inode>()}}});  // the lock made the file
  return std::unique_ptr<FileLock>(std::make_unique<Lock>(*this, std::move(held)));
}

}  // namespace kith

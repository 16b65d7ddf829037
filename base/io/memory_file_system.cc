#include "base/io/memory_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/io/path.h"
#include "base/io/posix_file_system.h"

namespace kith {

struct MemoryFileSystem::Device {
  std::mutex mutex;
  uint64_t total = UINT64_MAX;  // guarded by mutex, as is used
  uint64_t used = 0;

  /// How many of `bytes` there is room for; they are taken.
  size_t take(size_t bytes) {
    std::lock_guard lock(mutex);
    const size_t taken = std::min<uint64_t>(bytes, total - std::min(used, total));
    used += taken;
    return taken;
  }
  void give_back(size_t bytes) {
    std::lock_guard lock(mutex);
    used -= bytes;
  }
};

struct MemoryFileSystem::Content {
  explicit Content(std::shared_ptr<Device> on) : device(std::move(on)) {}
  ~Content() { device->give_back(bytes.size()); }

  Result<void> append(std::span<const std::byte> data, const std::string& path) {
    std::lock_guard lock(mutex);
    const size_t taken = device->take(data.size());
    bytes.insert(bytes.end(), data.begin(), data.begin() + static_cast<ptrdiff_t>(taken));
    if (taken < data.size()) return posix_error(ENOSPC, "write to", path);
    return {};
  }
  void clear() {
    std::lock_guard lock(mutex);
    device->give_back(bytes.size());
    bytes.clear();
  }

  const std::shared_ptr<Device> device;
  std::mutex mutex;
  std::vector<std::byte> bytes;  // guarded by mutex
};

struct MemoryFileSystem::Locks {
  std::mutex mutex;
  std::set<std::string> paths;  // guarded by mutex
};

namespace {

using Content = MemoryFileSystem::Content;
using Locks = MemoryFileSystem::Locks;

class MemoryWritableFile final : public WritableFile {
 public:
  MemoryWritableFile(std::shared_ptr<Content> content, std::string path)
      : content_(std::move(content)), path_(std::move(path)) {}

  Result<void> append(std::span<const std::byte> data) override {
    if (closed_) return failed_precondition("cannot write to '{}': it is closed", path_);
    return content_->append(data, path_);
  }

  Result<void> sync() override {
    if (closed_) return failed_precondition("cannot sync '{}': it is closed", path_);
    return {};
  }

  Result<void> close() override {
    closed_ = true;
    return {};
  }

 private:
  std::shared_ptr<Content> content_;
  std::string path_;
  bool closed_ = false;
};

class MemoryReadableFile final : public ReadableFile {
 public:
  MemoryReadableFile(std::shared_ptr<Content> content, std::string path)
      : content_(std::move(content)), path_(std::move(path)) {
    std::lock_guard lock(content_->mutex);
    size_ = content_->bytes.size();
  }

  uint64_t size() const override { return size_; }

  Result<void> read(uint64_t offset, std::span<std::byte> out) const override {
    std::lock_guard lock(content_->mutex);
    const uint64_t end = std::min<uint64_t>(size_, content_->bytes.size());
    if (offset > end || out.size() > end - offset)
      return corruption("'{}': {} bytes wanted at offset {}, the file ends at {}", path_, out.size(), offset,
                        end);
    if (!out.empty()) std::memcpy(out.data(), content_->bytes.data() + offset, out.size());
    return {};
  }

 private:
  std::shared_ptr<Content> content_;
  std::string path_;
  uint64_t size_ = 0;
};

class MemoryScratchFile final : public ScratchFile {
 public:
  MemoryScratchFile(std::shared_ptr<MemoryFileSystem::Device> device, std::string path)
      : content_(std::move(device)), path_(std::move(path)) {}

  Result<void> append(std::span<const std::byte> data) override { return content_.append(data, path_); }

  Result<void> write_again(uint64_t offset, std::span<const std::byte> data) override {
    std::lock_guard lock(content_.mutex);
    CHECK(offset <= content_.bytes.size() && data.size() <= content_.bytes.size() - offset);
    std::copy(data.begin(), data.end(), content_.bytes.begin() + static_cast<ptrdiff_t>(offset));
    return {};
  }

  Result<void> read(std::span<const FilePart> parts) const override {
    std::lock_guard lock(content_.mutex);
    for (const FilePart& part : parts) {
      const uint64_t end = content_.bytes.size();
      if (part.offset > end || part.out.size() > end - part.offset)
        return corruption("'{}': {} bytes wanted at offset {}, the file ends at {}", path_, part.out.size(),
                          part.offset, end);
      std::copy_n(content_.bytes.begin() + static_cast<ptrdiff_t>(part.offset), part.out.size(),
                  part.out.begin());
    }
    return {};
  }

 private:
  mutable Content content_;
  std::string path_;
};

class MemoryFileLock final : public FileLock {
 public:
  MemoryFileLock(std::shared_ptr<Locks> locks, std::string path)
      : locks_(std::move(locks)), path_(std::move(path)) {}
  ~MemoryFileLock() override {
    std::lock_guard lock(locks_->mutex);
    locks_->paths.erase(path_);
  }

 private:
  std::shared_ptr<Locks> locks_;
  std::string path_;
};

}  // namespace

MemoryFileSystem::MemoryFileSystem()
    : directories_({"/", "."}), device_(std::make_shared<Device>()), locks_(std::make_shared<Locks>()) {}
MemoryFileSystem::~MemoryFileSystem() = default;

Result<void> MemoryFileSystem::check_parent(const std::string& path) const {
  const std::string parent = parent_directory(path);
  if (directories_.contains(parent)) return {};
  return posix_error(files_.contains(parent) ? ENOTDIR : ENOENT, "create", path);
}

Result<std::unique_ptr<WritableFile>> MemoryFileSystem::create(const std::string& raw_path) {
  const std::string path = normal_path(raw_path);
  std::lock_guard lock(mutex_);
  if (directories_.contains(path)) return posix_error(EISDIR, "create", path);
  TRY(check_parent(path));
  std::shared_ptr<Content>& content = files_[path];
  if (content == nullptr) content = std::make_shared<Content>(device_);
  content->clear();
  return std::unique_ptr<WritableFile>(std::make_unique<MemoryWritableFile>(content, path));
}

Result<std::unique_ptr<ScratchFile>> MemoryFileSystem::create_scratch(const std::string& directory) {
  const std::string path = directory + "/scratch";
  std::lock_guard lock(mutex_);
  TRY(check_parent(path));
  return std::unique_ptr<ScratchFile>(std::make_unique<MemoryScratchFile>(device_, path));
}

Result<std::unique_ptr<ReadableFile>> MemoryFileSystem::open(const std::string& raw_path) {
  const std::string path = normal_path(raw_path);
  std::lock_guard lock(mutex_);
  if (directories_.contains(path)) return posix_error(EISDIR, "open", path);
  const auto found = files_.find(path);
  if (found == files_.end()) return posix_error(ENOENT, "open", path);
  return std::unique_ptr<ReadableFile>(std::make_unique<MemoryReadableFile>(found->second, path));
}

Result<bool> MemoryFileSystem::exists(const std::string& raw_path) {
  const std::string path = normal_path(raw_path);
  std::lock_guard lock(mutex_);
  return files_.contains(path) || directories_.contains(path);
}

std::vector<std::string> MemoryFileSystem::names_in(const std::string& directory) const {
  std::vector<std::string> names;
  auto take = [&](const std::string& path) {
    if (path != directory && parent_directory(path) == directory)
      names.push_back(path.substr(path.rfind('/') + 1));
  };
  for (const auto& [path, content] : files_) take(path);
  for (const std::string& path : directories_)
    if (path != "." && path != "/") take(path);
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<std::string>> MemoryFileSystem::list(const std::string& raw_directory) {
  const std::string directory = normal_path(raw_directory);
  std::lock_guard lock(mutex_);
  if (files_.contains(directory)) return posix_error(ENOTDIR, "list", directory);
  if (!directories_.contains(directory)) return posix_error(ENOENT, "list", directory);
  return names_in(directory);
}

Result<void> MemoryFileSystem::make_directories(const std::string& raw_directory) {
  const std::string directory = normal_path(raw_directory);
  std::lock_guard lock(mutex_);
  for (size_t slash = directory.find('/', 1);; slash = directory.find('/', slash + 1)) {
    const std::string step = directory.substr(0, slash);
    if (files_.contains(step)) return posix_error(ENOTDIR, "create directory", step);
    directories_.insert(step);
    if (slash == std::string::npos) return {};
  }
}

Result<void> MemoryFileSystem::rename(const std::string& raw_from, const std::string& raw_to) {
  const std::string from = normal_path(raw_from), to = normal_path(raw_to);
  std::lock_guard lock(mutex_);
  const std::string action = fmt::format("rename '{}' to", from);
  if (directories_.contains(from)) return rename_directory(from, to, action);
  if (directories_.contains(to)) return posix_error(EISDIR, action, to);
  const auto found = files_.find(from);
  if (found == files_.end()) return posix_error(ENOENT, action, to);
  if (!directories_.contains(parent_directory(to))) return posix_error(ENOENT, action, to);
  if (from == to) return {};
  files_[to] = std::move(found->second);
  files_.erase(from);
  return {};
}

Result<void> MemoryFileSystem::rename_directory(const std::string& from, const std::string& to,
                                                const std::string& action) {
  if (files_.contains(to)) return posix_error(ENOTDIR, action, to);
  if (!directories_.contains(parent_directory(to))) return posix_error(ENOENT, action, to);
  if (from == to) return {};
  const std::string below = from + '/';
  if (to.starts_with(below)) return posix_error(EINVAL, action, to);
  if (directories_.contains(to) && !names_in(to).empty()) return posix_error(ENOTEMPTY, action, to);
  std::vector<std::string> directories, files;
  for (const std::string& path : directories_)
    if (path == from || path.starts_with(below)) directories.push_back(path);
  for (const auto& [path, content] : files_)
    if (path.starts_with(below)) files.push_back(path);
  for (const std::string& path : directories) {
    directories_.erase(path);
    directories_.insert(to + path.substr(from.size()));
  }
  for (const std::string& path : files) {
    auto entry = files_.extract(path);
    entry.key() = to + path.substr(from.size());
    files_.insert(std::move(entry));
  }
  return {};
}

Result<void> MemoryFileSystem::link(const std::string& raw_from, const std::string& raw_to) {
  const std::string from = normal_path(raw_from), to = normal_path(raw_to);
  std::lock_guard lock(mutex_);
  const std::string action = fmt::format("link '{}' to", from);
  if (directories_.contains(from)) return posix_error(EPERM, action, to);
  const auto found = files_.find(from);
  if (found == files_.end() || !directories_.contains(parent_directory(to)))
    return posix_error(ENOENT, action, to);
  if (directories_.contains(to) || files_.contains(to)) return posix_error(EEXIST, action, to);
  files_.emplace(to, found->second);
  return {};
}

Result<void> MemoryFileSystem::remove(const std::string& raw_path) {
  const std::string path = normal_path(raw_path);
  std::lock_guard lock(mutex_);
  if (files_.erase(path) > 0) return {};
  if (!directories_.contains(path)) return posix_error(ENOENT, "remove", path);
  if (!names_in(path).empty()) return posix_error(ENOTEMPTY, "remove", path);
  directories_.erase(path);
  return {};
}

Result<void> MemoryFileSystem::sync_directory(const std::string& raw_directory) {
  const std::string directory = normal_path(raw_directory);
  std::lock_guard lock(mutex_);
  if (directories_.contains(directory)) return {};
  return posix_error(files_.contains(directory) ? ENOTDIR : ENOENT, "open directory", directory);
}

Result<DiskSpace> MemoryFileSystem::disk_space(const std::string& raw_directory) {
  const std::string directory = normal_path(raw_directory);
  {
    std::lock_guard lock(mutex_);
    if (!directories_.contains(directory)) return posix_error(ENOENT, "ask the device of", directory);
  }
  std::lock_guard lock(device_->mutex);
  return DiskSpace{device_->total, device_->total - std::min(device_->used, device_->total)};
}

void MemoryFileSystem::set_disk_bytes(uint64_t total) {
  std::lock_guard lock(device_->mutex);
  device_->total = total;
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::lock(const std::string& raw_path) {
  const std::string path = normal_path(raw_path);
  std::lock_guard lock(mutex_);
  if (directories_.contains(path)) return posix_error(EISDIR, "open lock", path);
  TRY(check_parent(path));
  std::shared_ptr<Content>& content = files_[path];
  if (content == nullptr) content = std::make_shared<Content>(device_);
  std::lock_guard locks_lock(locks_->mutex);
  if (!locks_->paths.insert(path).second)
    return failed_precondition("'{}' is locked by another holder: stop it, or use another directory", path);
  return std::unique_ptr<FileLock>(std::make_unique<MemoryFileLock>(locks_, path));
}

}  // namespace kith

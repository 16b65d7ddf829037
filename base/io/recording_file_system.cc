#include "base/io/recording_file_system.h"

#include <algorithm>

#include "base/io/path.h"

namespace kith {

template <typename Call>
auto RecordingFileSystem::record(FileOp op, Call call) {
  std::lock_guard lock(mutex_);
  auto result = call();
  const bool sync = op.kind == FileOp::Kind::kSync || op.kind == FileOp::Kind::kSyncDirectory;
  if (!result.ok() || (sync && syncs_lie_.load())) return result;
  if (op.kind == FileOp::Kind::kCreate) op.handle = ++handles_;
  ops_.push_back(std::move(op));
  position_.store(ops_.size(), std::memory_order_release);
  return result;
}

class RecordingFileSystem::Writable final : public WritableFile {
 public:
  Writable(RecordingFileSystem& fs, std::unique_ptr<WritableFile> file, std::string path, uint64_t handle)
      : fs_(fs), file_(std::move(file)), path_(std::move(path)), handle_(handle) {}

  Result<void> append(std::span<const std::byte> data) override {
    auto appended = record_append(data, [&] { return file_->append(data); });
    if (!appended.ok()) record_what_fitted(data);
    return appended;
  }
  Result<void> sync() override {
    return fs_.record({.kind = FileOp::Kind::kSync, .handle = handle_}, [&] { return file_->sync(); });
  }
  Result<void> close() override { return file_->close(); }

 private:
  template <typename Call>
  Result<void> record_append(std::span<const std::byte> data, Call call) {
    auto appended = fs_.record(
        {.kind = FileOp::Kind::kAppend, .handle = handle_, .bytes = {data.begin(), data.end()}}, call);
    if (appended.ok()) size_ += data.size();
    return appended;
  }
  /// A full disk takes the beginning of what it refuses.
  void record_what_fitted(std::span<const std::byte> data) {
    const auto file = fs_.base_.open(path_);
    if (!file.ok() || (*file)->size() <= size_) return;
    const auto fitted = data.first(std::min<uint64_t>((*file)->size() - size_, data.size()));
    (void)record_append(fitted, [] { return Result<void>(); }).ok();
  }

  RecordingFileSystem& fs_;
  const std::unique_ptr<WritableFile> file_;
  const std::string path_;
  const uint64_t handle_;
  uint64_t size_ = 0;
};

Result<std::unique_ptr<WritableFile>> RecordingFileSystem::create(const std::string& path) {
  uint64_t handle = 0;
  auto file = record({.kind = FileOp::Kind::kCreate, .path = normal_path(path)}, [&] {
    handle = handles_ + 1;
    return base_.create(path);
  });
  if (!file.ok()) return file;
  return std::unique_ptr<WritableFile>(std::make_unique<Writable>(*this, std::move(*file), path, handle));
}

/// One operation for each directory on the way; those that exist change nothing.
Result<void> RecordingFileSystem::make_directories(const std::string& raw_directory) {
  const std::string directory = normal_path(raw_directory);
  for (size_t slash = directory.find('/', 1);; slash = directory.find('/', slash + 1)) {
    const std::string step = directory.substr(0, slash);
    TRY(record({.kind = FileOp::Kind::kMakeDirectory, .path = step},
               [&] { return base_.make_directories(step); }));
    if (slash == std::string::npos) return {};
  }
}

Result<void> RecordingFileSystem::rename(const std::string& from, const std::string& to) {
  return record({.kind = FileOp::Kind::kRename, .path = normal_path(from), .to = normal_path(to)},
                [&] { return base_.rename(from, to); });
}

Result<void> RecordingFileSystem::link(const std::string& from, const std::string& to) {
  return record({.kind = FileOp::Kind::kLink, .path = normal_path(from), .to = normal_path(to)},
                [&] { return base_.link(from, to); });
}

Result<void> RecordingFileSystem::remove(const std::string& path) {
  return record({.kind = FileOp::Kind::kRemove, .path = normal_path(path)},
                [&] { return base_.remove(path); });
}

Result<void> RecordingFileSystem::sync_directory(const std::string& directory) {
  return record({.kind = FileOp::Kind::kSyncDirectory, .path = normal_path(directory)},
                [&] { return base_.sync_directory(directory); });
}

Result<std::unique_ptr<FileLock>> RecordingFileSystem::lock(const std::string& path) {
  if (!TRY(base_.exists(path))) {  // else the lock makes it, unrecorded
    const auto file = TRY(create(path));
    TRY(file->close());
  }
  return base_.lock(path);
}

}  // namespace kith

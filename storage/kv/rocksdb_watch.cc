#include "storage/kv/rocksdb_watch.h"

#include <cstring>

#include "storage/kv/rocksdb_log_reader.h"
#include "storage/kv/rocksdb_table_check.h"

namespace kith {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

/// A log or MANIFEST that is being written. RocksDB appends to a log, and syncs it, from several threads at
/// once.
class WatchedFile {
 public:
  WatchedFile(RocksWatch& watch, RocksWatch::Kind kind, uint64_t number,
              std::unique_ptr<rocksdb::FSWritableFile> file)
      : watch_(watch), kind_(kind), number_(number), file_(std::move(file)) {}

  rocksdb::FSWritableFile& file() { return *file_; }
  void note_append(const rocksdb::Slice& data) {
    std::lock_guard lock(mutex_);
    boundary_.add({data.data(), data.size()});
    appended_ += data.size();
  }
  /// After one that failed all fail: what it was to keep may be gone, and a device says so once.
  IOStatus sync(bool with_metadata, const IOOptions& options, IODebugContext* debug) {
    std::lock_guard syncing(sync_mutex_);
    if (!sync_error_.ok()) return sync_error_;
    const auto [whole, appended] = written();
    IOStatus status = with_metadata ? file_->Fsync(options, debug) : file_->Sync(options, debug);
    if (!status.ok()) return sync_error_ = status;
    {
      std::lock_guard lock(mutex_);
      synced_ = std::max(synced_, appended);
    }
    watch_.note_synced(kind_, {number_, whole});
    return status;
  }
  /// Nothing when RocksDB has closed it: it has no use for it then.
  IOStatus sync_rest() {
    std::lock_guard closing(closing_mutex_);
    if (closed_ || synced()) return IOStatus::OK();
    return sync(false, IOOptions(), nullptr);
  }
  IOStatus close(const IOOptions& options, IODebugContext* debug) {
    std::lock_guard closing(closing_mutex_);
    closed_ = true;
    return file_->Close(options, debug);
  }

 private:
  std::pair<uint64_t, uint64_t> written() const {
    std::lock_guard lock(mutex_);
    return {boundary_.whole(), appended_};
  }
  bool synced() const {
    std::lock_guard lock(mutex_);
    return synced_ == appended_;
  }

  RocksWatch& watch_;
  const RocksWatch::Kind kind_;
  const uint64_t number_;
  const std::unique_ptr<rocksdb::FSWritableFile> file_;
  mutable std::mutex mutex_;
  LogBoundary boundary_;   // guarded by mutex_, as are the next two
  uint64_t appended_ = 0;  // bytes
  uint64_t synced_ = 0;
  std::mutex sync_mutex_;     // held across IO
  IOStatus sync_error_;       // guarded by sync_mutex_
  std::mutex closing_mutex_;  // held across IO
  bool closed_ = false;       // guarded by closing_mutex_
};

namespace {

/// RocksDB's handle.
class Handle final : public rocksdb::FSWritableFileWrapper {
 public:
  explicit Handle(std::shared_ptr<WatchedFile> watched)
      : FSWritableFileWrapper(&watched->file()), watched_(std::move(watched)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return noted(data, FSWritableFileWrapper::Append(data, options, debug));
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& verification, IODebugContext* debug) override {
    return noted(data, FSWritableFileWrapper::Append(data, options, verification, debug));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return watched_->sync(false, options, debug);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return watched_->sync(true, options, debug);
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    return watched_->close(options, debug);
  }

 private:
  IOStatus noted(const rocksdb::Slice& data, IOStatus status) {
    if (status.ok()) watched_->note_append(data);
    return status;
  }

  const std::shared_ptr<WatchedFile> watched_;
};

}  // namespace

IOStatus RocksWatch::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                     std::unique_ptr<rocksdb::FSWritableFile>* result,
                                     IODebugContext* debug) {
  const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
  const std::optional<uint64_t> log = number_of_log(name), manifest = number_of_manifest(name);
  if (!log.has_value() && !manifest.has_value())
    return FileSystemWrapper::NewWritableFile(path, options, result, debug);
  std::lock_guard lock(begin_mutex_);
  if (log.has_value())
    if (IOStatus status = sync_each(logs_); !status.ok()) return status;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  if (IOStatus status = FileSystemWrapper::NewWritableFile(path, options, &file, debug); !status.ok())
    return status;
  const Kind kind = log.has_value() ? Kind::kLog : Kind::kManifest;
  const auto watched =
      std::make_shared<WatchedFile>(*this, kind, log.value_or(manifest.value_or(0)), std::move(file));
  if (kind == Kind::kLog) {
    std::erase_if(logs_, [](const auto& one) { return one.expired(); });
    logs_.push_back(watched);
  }
  *result = std::make_unique<Handle>(watched);
  return IOStatus::OK();
}

IOStatus RocksWatch::NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions& options,
                                         std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                         IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  if (IOStatus status = FileSystemWrapper::NewRandomAccessFile(path, options, &file, debug); !status.ok())
    return status;
  if (path.ends_with(".sst")) {
    uint64_t bytes = 0;
    if (IOStatus status = GetFileSize(path, IOOptions(), &bytes, debug); !status.ok()) return status;
    IOStatus status;
    const auto read = [&](uint64_t offset, std::span<std::byte> out) -> Result<void> {
      rocksdb::Slice got;
      auto* scratch = reinterpret_cast<char*>(out.data());
      status = file->Read(offset, out.size(), IOOptions(), &got, scratch, debug);
      if (!status.ok()) return unavailable("{}", status.ToString());
      if (got.size() != out.size()) return corruption("the file ends at {}", offset + got.size());
      if (got.data() != scratch) std::memcpy(scratch, got.data(), got.size());
      return {};
    };
    if (const Result<void> sound = check_table_end(bytes, read); !sound.ok())
      return status.ok() ? IOStatus::Corruption(path, sound.error().message) : status;
  }
  *result = std::move(file);
  return IOStatus::OK();
}

IOStatus RocksWatch::sync_logs() {
  std::vector<std::weak_ptr<WatchedFile>> logs;
  {
    std::lock_guard lock(begin_mutex_);
    logs = logs_;
  }
  return sync_each(logs);
}

IOStatus RocksWatch::sync_each(const std::vector<std::weak_ptr<WatchedFile>>& logs) {
  for (const auto& one : logs)
    if (const auto log = one.lock(); log != nullptr)
      if (IOStatus status = log->sync_rest(); !status.ok()) return status;
  return IOStatus::OK();
}

void RocksWatch::note_synced(Kind kind, DurableExtent extent) {
  std::lock_guard lock(mark_mutex_);
  DurableExtent& known = kind == Kind::kLog ? mark_.log : mark_.manifest;
  if (extent.number < known.number) return;
  if (kind == Kind::kLog && extent.number > known.number) mark_.log_before = known;
  known = {extent.number, extent.number > known.number ? extent.bytes : std::max(known.bytes, extent.bytes)};
}

DurableMark RocksWatch::mark() const {
  std::lock_guard lock(mark_mutex_);
  DurableMark mark = mark_;
  if (holds_ > 0) mark.manifest = held_manifest_;
  return mark;
}

RocksWatch::Hold::Hold(RocksWatch& watch) : watch_(watch) {
  std::lock_guard lock(watch_.mark_mutex_);
  if (watch_.holds_++ == 0) watch_.held_manifest_ = watch_.mark_.manifest;
}

RocksWatch::Hold::~Hold() {
  std::lock_guard lock(watch_.mark_mutex_);
  --watch_.holds_;
}

}  // namespace kith

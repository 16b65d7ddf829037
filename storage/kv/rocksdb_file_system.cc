#include "storage/kv/rocksdb_file_system.h"

#include <rocksdb/system_clock.h>

#include <algorithm>
#include <cstdio>
#include <mutex>

#include "base/bytes.h"
#include "base/log.h"

namespace kith {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

IOStatus status_of(const Error& error) {
  switch (error.code) {
    case Code::kNotFound:
      return IOStatus::PathNotFound(error.message);
    case Code::kResourceExhausted:
      return IOStatus::NoSpace(error.message);
    default:
      return IOStatus::IOError(error.message);
  }
}

template <typename T>
IOStatus status_of(const Result<T>& result) {
  return result.ok() ? IOStatus::OK() : status_of(result.error());
}

/// A read that RocksDB lets end early: what the file has from `offset` on, at most `count` bytes.
IOStatus read_part(const ReadableFile& file, uint64_t offset, size_t count, rocksdb::Slice* result,
                   char* scratch) {
  const uint64_t left = file.size() - std::min(offset, file.size());
  const auto bytes = std::as_writable_bytes(std::span(scratch, std::min<uint64_t>(count, left)));
  *result = rocksdb::Slice(scratch, bytes.size());
  if (bytes.empty()) return IOStatus::OK();
  return status_of(file.read(offset, bytes));
}

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {}

  IOStatus Read(size_t count, const IOOptions&, rocksdb::Slice* result, char* scratch,
                IODebugContext*) override {
    IOStatus status = read_part(*file_, offset_, count, result, scratch);
    if (status.ok()) offset_ += result->size();
    return status;
  }
  IOStatus Skip(uint64_t count) override {
    offset_ = std::min(offset_ + count, file_->size());
    return IOStatus::OK();
  }

 private:
  const std::unique_ptr<ReadableFile> file_;
  uint64_t offset_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {}

  IOStatus Read(uint64_t offset, size_t count, const IOOptions&, rocksdb::Slice* result, char* scratch,
                IODebugContext*) const override {
    return read_part(*file_, offset, count, result, scratch);
  }

 private:
  const std::unique_ptr<ReadableFile> file_;
};

/// RocksDB syncs a log while another thread appends to it; ours take one call at a time.
class WritableFile final : public rocksdb::FSWritableFile {
 public:
  explicit WritableFile(std::unique_ptr<kith::WritableFile> file) : file_(std::move(file)) {}

  using rocksdb::FSWritableFile::Append;
  IOStatus Append(const rocksdb::Slice& data, const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(mutex_);
    IOStatus status = status_of(file_->append(as_bytes(std::string_view(data.data(), data.size()))));
    if (status.ok()) size_ += data.size();
    return status;
  }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(mutex_);
    return status_of(file_->sync());
  }
  bool IsSyncThreadSafe() const override { return true; }
  IOStatus Close(const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(mutex_);
    return status_of(file_->close());
  }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(mutex_);
    return size_;
  }

 private:
  const std::unique_ptr<kith::WritableFile> file_;
  std::mutex mutex_;
  uint64_t size_ = 0;  // guarded by mutex_
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return status_of(fs_.sync_directory(path_)); }

 private:
  FileSystem& fs_;
  const std::string path_;
};

class Lock final : public rocksdb::FileLock {
 public:
  explicit Lock(std::unique_ptr<kith::FileLock> held) : held_(std::move(held)) {}

 private:
  const std::unique_ptr<kith::FileLock> held_;
};

class Adapter final : public rocksdb::FileSystem {
 public:
  explicit Adapter(kith::FileSystem& fs) : fs_(fs) {}

  const char* Name() const override { return "KithFileSystem"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result, IODebugContext*) override {
    return open_as<SequentialFile>(path, result);
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext*) override {
    return open_as<RandomAccessFile>(path, result);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*) override {
    auto file = fs_.create(path);
    if (!file.ok()) return status_of(file.error());
    *result = std::make_unique<WritableFile>(std::move(*file));
    return IOStatus::OK();
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) override {
    *result = std::make_unique<Directory>(fs_, path);
    return IOStatus::OK();
  }

  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    const auto there = fs_.exists(path);
    if (!there.ok()) return status_of(there.error());
    return *there ? IOStatus::OK() : IOStatus::NotFound(path);
  }
  IOStatus GetChildren(const std::string& directory, const IOOptions&, std::vector<std::string>* result,
                       IODebugContext*) override {
    auto names = fs_.list(directory);
    if (!names.ok())
      return names.error().code == Code::kNotFound ? IOStatus::NotFound(directory) : status_of(names.error());
    *result = std::move(*names);
    return IOStatus::OK();
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* bytes, IODebugContext*) override {
    const auto file = fs_.open(path);
    if (!file.ok()) return status_of(file.error());
    *bytes = (*file)->size();
    return IOStatus::OK();
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is_directory,
                       IODebugContext*) override {
    *is_directory = fs_.list(path).ok();
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result,
                           IODebugContext*) override {
    *result = path;
    return IOStatus::OK();
  }

  IOStatus CreateDir(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
    return CreateDirIfMissing(path, options, debug);
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(fs_.make_directories(path));
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(fs_.remove(path));
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(fs_.remove(path));
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    return status_of(fs_.rename(from, to));
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions&,
                    IODebugContext*) override {
    return status_of(fs_.link(from, to));
  }
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** result,
                    IODebugContext*) override {
    auto held = fs_.lock(path);
    if (!held.ok()) return status_of(held.error());
    *result = new Lock(std::move(*held));  // RocksDB hands it back to UnlockFile
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete lock;
    return IOStatus::OK();
  }

  // Nothing of ours leads to these two. All else that is not here answers NotSupported in the base class.
  IOStatus GetFileModificationTime(const std::string&, const IOOptions&, uint64_t*,
                                   IODebugContext*) override {
    return IOStatus::NotSupported("file times");
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string*, IODebugContext*) override {
    return IOStatus::NotSupported("a directory for tests");
  }

 private:
  template <typename File, typename Base>
  IOStatus open_as(const std::string& path, std::unique_ptr<Base>* result) {
    auto file = fs_.open(path);
    if (!file.ok()) return status_of(file.error());
    *result = std::make_unique<File>(std::move(*file));
    return IOStatus::OK();
  }

  kith::FileSystem& fs_;
};

class RestlessClock final : public rocksdb::SystemClockWrapper {
 public:
  using SystemClockWrapper::SystemClockWrapper;
  const char* Name() const override { return "KithRestlessClock"; }
  void SleepForMicroseconds(int micros) override {
    SystemClockWrapper::SleepForMicroseconds(std::min(micros, 10'000));
  }
};

class RestlessEnv final : public rocksdb::EnvWrapper {
 public:
  explicit RestlessEnv(std::unique_ptr<rocksdb::Env> env) : EnvWrapper(std::move(env)) {
    system_clock_ = std::make_shared<RestlessClock>(system_clock_);
  }
  const char* Name() const override { return "KithRestlessEnv"; }
};

class NullLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

class OurLog final : public rocksdb::Logger {
 public:
  explicit OurLog(std::string directory)
      : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), directory_(std::move(directory)) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    char text[1024];
    std::vsnprintf(text, sizeof text, format, arguments);
    log_warn("the store says", {{"directory", directory_}, {"text", text}});
  }
  void LogHeader(const char*, va_list) override {}  // all its options

 private:
  const std::string directory_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> rocksdb_file_system(FileSystem& fs) {
  if (&fs == &posix_file_system()) return rocksdb::FileSystem::Default();
  return std::make_shared<Adapter>(fs);
}

std::unique_ptr<rocksdb::Env> make_restless_env(const std::shared_ptr<rocksdb::FileSystem>& fs) {
  return std::make_unique<RestlessEnv>(rocksdb::NewCompositeEnv(fs));
}

std::shared_ptr<rocksdb::Logger> make_rocksdb_log(const std::string& directory) {
  return std::make_shared<OurLog>(directory);
}

std::shared_ptr<rocksdb::Logger> make_rocksdb_null_log() {
  return std::make_shared<NullLog>();
}

}  // namespace kith

#include "storage/kv/rocksdb_space.h"

#include "storage/kv/rocksdb_marks.h"
#include "storage/kv/rocksdb_snapshot.h"

namespace kith {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

/// What a file without space said, in the words that RocksDB gets over.
IOStatus named(IOStatus status) {
  if (!is_out_of_space(status) || status.IsNoSpace()) return status;
  return IOStatus::NoSpace(status.ToString());
}

class File final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(RocksSpace& space, std::string path, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), space_(space), path_(std::move(path)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = space_.before_append(path_);
    if (status.ok()) status = FSWritableFileOwnerWrapper::Append(data, options, debug);
    return space_.after_append(path_, std::move(status));
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& verification, IODebugContext* debug) override {
    IOStatus status = space_.before_append(path_);
    if (status.ok()) status = FSWritableFileOwnerWrapper::Append(data, options, verification, debug);
    return space_.after_append(path_, std::move(status));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return space_.after_sync(FSWritableFileOwnerWrapper::Sync(options, debug));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return space_.after_sync(FSWritableFileOwnerWrapper::Fsync(options, debug));
  }
  IOStatus RangeSync(uint64_t offset, uint64_t bytes, const IOOptions& options,
                     IODebugContext* debug) override {
    return space_.after_sync(FSWritableFileOwnerWrapper::RangeSync(offset, bytes, options, debug));
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    return space_.after_sync(FSWritableFileOwnerWrapper::Close(options, debug));
  }

 private:
  RocksSpace& space_;
  const std::string path_;
};

class Directory final : public rocksdb::FSDirectoryWrapper {
 public:
  Directory(RocksSpace& space, std::unique_ptr<rocksdb::FSDirectory> directory)
      : FSDirectoryWrapper(std::move(directory)), space_(space) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return space_.after_sync(FSDirectoryWrapper::Fsync(options, debug));
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& why) override {
    return space_.after_sync(FSDirectoryWrapper::FsyncWithDirOptions(options, debug, why));
  }

 private:
  RocksSpace& space_;
};

std::optional<uint64_t> log_at(const std::string& path) {
  return number_of_log(std::string_view(path).substr(path.rfind('/') + 1));
}

}  // namespace

IOStatus RocksSpace::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                     std::unique_ptr<rocksdb::FSWritableFile>* result,
                                     IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  if (IOStatus status = FileSystemWrapper::NewWritableFile(path, options, &file, debug); !status.ok())
    return named(std::move(status));
  *result = std::make_unique<File>(*this, path, std::move(file));
  return IOStatus::OK();
}

IOStatus RocksSpace::NewDirectory(const std::string& path, const IOOptions& options,
                                  std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSDirectory> directory;
  if (IOStatus status = FileSystemWrapper::NewDirectory(path, options, &directory, debug); !status.ok())
    return status;
  *result = std::make_unique<Directory>(*this, std::move(directory));
  return IOStatus::OK();
}

IOStatus RocksSpace::before_append(const std::string& path) {
  if (!refusing_.load() || !log_at(path).has_value()) return IOStatus::OK();
  return IOStatus::NoSpace("no more is written to this log");
}

IOStatus RocksSpace::after_append(const std::string& path, IOStatus status) {
  if (status.ok() || !is_out_of_space(status)) return status;
  const auto log = log_at(path);
  if (log.has_value()) torn_log_.store(*log);
  return named(std::move(status));
}

IOStatus RocksSpace::after_sync(IOStatus status) {
  if (!status.ok()) lost_bytes_.store(true);
  return status;
}

}  // namespace kith

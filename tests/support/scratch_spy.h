// ScratchSpy: a file system in memory whose scratch files count how often they are asked, and may lose what
// they were given, as a device does that fails after the system took the bytes.
#pragma once

#include <atomic>

#include "base/io/memory_file_system.h"

namespace kith::test {

class ScratchSpy final : public FileSystem {
 public:
  std::atomic<uint64_t> turns = 0;  // calls of read
  std::atomic<bool> loses = false;  // while true reads give zeros

  Result<std::unique_ptr<ScratchFile>> create_scratch(const std::string& directory) override {
    return std::unique_ptr<ScratchFile>(
        std::make_unique<Scratch>(*this, TRY(memory_.create_scratch(directory))));
  }

  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
    return memory_.create(path);
  }
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override { return memory_.open(path); }
  Result<bool> exists(const std::string& path) override { return memory_.exists(path); }
  Result<std::vector<std::string>> list(const std::string& path) override { return memory_.list(path); }
  Result<void> make_directories(const std::string& path) override { return memory_.make_directories(path); }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return memory_.rename(from, to);
  }
  Result<void> link(const std::string& from, const std::string& to) override {
    return memory_.link(from, to);
  }
  Result<void> remove(const std::string& path) override { return memory_.remove(path); }
  Result<void> sync_directory(const std::string& path) override { return memory_.sync_directory(path); }
  Result<DiskSpace> disk_space(const std::string& path) override { return memory_.disk_space(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return memory_.lock(path); }

 private:
  class Scratch final : public ScratchFile {
   public:
    Scratch(ScratchSpy& spy, std::unique_ptr<ScratchFile> file) : spy_(spy), file_(std::move(file)) {}
    Result<void> append(std::span<const std::byte> data) override { return file_->append(data); }
    Result<void> write_again(uint64_t offset, std::span<const std::byte> data) override {
      return file_->write_again(offset, data);
    }
    Result<void> read(std::span<const FilePart> parts) const override {
      ++spy_.turns;
      TRY(file_->read(parts));
      if (spy_.loses)
        for (const FilePart& part : parts) std::fill(part.out.begin(), part.out.end(), std::byte{0});
      return {};
    }

   private:
    ScratchSpy& spy_;
    std::unique_ptr<ScratchFile> file_;
  };

  MemoryFileSystem memory_;
};

}  // namespace kith::test

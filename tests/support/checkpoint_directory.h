// CheckpointDirectory: checkpoints of one index in a directory of any file system, and a reader of the last
// whole one. File `name` of checkpoint g is `directory/g-name`; a file kept stays where it is, and what the
// last checkpoint does not hold is removed.
#pragma once

#include <map>
#include <vector>

#include "base/io/memory_file_system.h"
#include "base/io/path.h"
#include "index/index.h"

namespace kith::test {

/// Name and content of every file of a checkpoint.
using CheckpointFiles = std::map<std::string, std::vector<std::byte>>;

class CheckpointDirectory final : public CheckpointInput {
 public:
  explicit CheckpointDirectory(FileSystem& fs, std::string directory = "checkpoints")
      : fs_(fs), directory_(std::move(directory)) {
    fs_.make_directories(directory_).value();
  }

  /// `write(CheckpointOutput&)` writes one; it becomes the last when that succeeds.
  template <typename Write>
  Result<void> write_with(Write write) {
    Output output(*this);
    const Result<void> written = write(output);
    const Paths& goes = written ? paths_ : output.paths;
    const Paths stays = written ? output.paths : paths_;
    for (const auto& [name, path] : goes) {
      const auto same = stays.find(name);
      if (same == stays.end() || same->second != path) (void)fs_.remove(path);
    }
    paths_ = stays;
    kept_ = output.kept;
    return written;
  }
  Result<void> write(const Index& index) {
    return write_with([&](CheckpointOutput& out) { return index.checkpoint(out); });
  }

  Result<std::unique_ptr<ReadableFile>> open(const std::string& name) const override {
    const auto found = paths_.find(name);
    if (found == paths_.end()) return corruption("{}: the checkpoint has no such file", name);
    return fs_.open(found->second);
  }

  /// Of the last one written: how many of its files are those of the one before.
  size_t kept() const { return kept_; }

  CheckpointFiles files() const {
    CheckpointFiles out;
    for (const auto& [name, path] : paths_) {
      const auto file = fs_.open(path).value();
      out[name].resize(file->size());
      file->read(0, out[name]).value();
    }
    return out;
  }
  /// Makes these the last checkpoint.
  Result<void> put(const CheckpointFiles& files) {
    return write_with([&](CheckpointOutput& out) -> Result<void> {
      for (const auto& [name, bytes] : files) {
        const auto file = TRY(out.create(name));
        TRY(file->append(bytes));
        TRY(file->close());
      }
      return {};
    });
  }

 private:
  using Paths = std::map<std::string, std::string>;  // by name

  struct Output final : CheckpointOutput {
    explicit Output(CheckpointDirectory& directory) : owner(directory), number(++directory.written_) {}
    Result<std::unique_ptr<WritableFile>> create(const std::string& name) override {
      CHECK(!paths.contains(name) && !name.empty() && name.size() <= 30);
      const std::string path = owner.directory_ + "/" + std::to_string(number) + "-" + name;
      paths[name] = path;
      return owner.fs_.create(path);
    }
    bool keep(const std::string& name, uint64_t bytes) override {
      CHECK(!paths.contains(name));
      const auto before = owner.paths_.find(name);
      if (before == owner.paths_.end()) return false;
      const auto file = owner.fs_.open(before->second);
      if (!file || (*file)->size() != bytes) return false;
      paths[name] = before->second;
      ++kept;
      return true;
    }

    CheckpointDirectory& owner;
    uint64_t number;
    Paths paths;
    size_t kept = 0;
  };

  FileSystem& fs_;
  std::string directory_;
  uint64_t written_ = 0;
  Paths paths_;  // of the last checkpoint
  size_t kept_ = 0;
};

/// One checkpoint of `index`, in memory.
inline CheckpointFiles checkpoint_files(const Index& index) {
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  directory.write(index).value();
  return directory.files();
}

}  // namespace kith::test

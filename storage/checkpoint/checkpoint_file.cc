#include "storage/checkpoint/checkpoint_file.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/planted.h"

namespace kith {
namespace {

constexpr std::string_view kMagic = "KITHPART";
constexpr uint32_t kVersion = 1;
constexpr size_t kReadBytes = 1u << 20;

using Head = std::array<std::byte, kCheckpointFileHead>;

Head head_of(CollectionNumber collection, const ManifestFile& file) {
  Head head{};
  std::memcpy(head.data(), kMagic.data(), kMagic.size());
  store_le(head.data() + 8, kVersion);
  store_le(head.data() + 12, collection);
  store_le(head.data() + 16, file.generation);
  std::memcpy(head.data() + 24, file.name.data(), file.name.size());
  store_le(head.data() + 60, crc32c(std::span(head).first(60)));
  return head;
}

class SealedFile final : public WritableFile {
 public:
  SealedFile(std::unique_ptr<WritableFile> file, ManifestFile what, std::function<void(ManifestFile)> done)
      : file_(std::move(file)), what_(std::move(what)), done_(std::move(done)) {}

  Result<void> append(std::span<const std::byte> data) override {
    TRY(file_->append(data));
    what_.crc = crc32c(data, what_.crc);
    what_.bytes += data.size();
    synced_ = false;
    return {};
  }
  Result<void> sync() override {
    if (!planted("part-unsynced")) TRY(file_->sync());
    synced_ = true;
    return {};
  }
  Result<void> close() override {
    CHECK(synced_);
    TRY(file_->close());
    done_(what_);
    return {};
  }

 private:
  const std::unique_ptr<WritableFile> file_;
  ManifestFile what_;
  const std::function<void(ManifestFile)> done_;
  bool synced_ = false;
};

class Content final : public ReadableFile {
 public:
  explicit Content(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {}
  uint64_t size() const override { return file_->size() - kCheckpointFileHead; }
  Result<void> read(uint64_t offset, std::span<std::byte> out) const override {
    return file_->read(offset + kCheckpointFileHead, out);
  }

 private:
  const std::unique_ptr<ReadableFile> file_;
};

}  // namespace

std::string checkpoint_file_name(uint64_t generation, const std::string& name) {
  return fmt::format("{}-{}", generation, name);
}

Result<std::unique_ptr<WritableFile>> create_checkpoint_file(FileSystem& fs, const std::string& directory,
                                                             CollectionNumber collection, ManifestFile file,
                                                             std::function<void(ManifestFile)> done) {
  const Head head = head_of(collection, file);
  file.bytes = 0;
  file.crc = 0;
  std::unique_ptr<WritableFile> inner = TRY(fs.create(directory + '/' + file.file_name()));
  auto sealed = std::make_unique<SealedFile>(std::move(inner), std::move(file), std::move(done));
  TRY(sealed->append(head));
  return {std::move(sealed)};
}

Result<std::unique_ptr<ReadableFile>> open_checkpoint_file(FileSystem& fs, const std::string& directory,
                                                           CollectionNumber collection,
                                                           const ManifestFile& file) {
  const std::string path = directory + '/' + file.file_name();
  std::unique_ptr<ReadableFile> inner = TRY(fs.open(path));
  if (inner->size() != file.bytes && !planted("part-length-unchecked"))
    return corruption("{}: has {} bytes, {} were written", path, inner->size(), file.bytes);
  Head head;
  TRY(inner->read(0, head));
  if (head != head_of(collection, file) && !planted("part-head-unchecked"))
    return corruption("{}: its head is not that of '{}' of collection {}, generation {}", path, file.name,
                      collection, file.generation);
  return {std::make_unique<Content>(std::move(inner))};
}

Result<void> verify_checkpoint_file(FileSystem& fs, const std::string& directory, CollectionNumber collection,
                                    const ManifestFile& file) {
  const std::unique_ptr<ReadableFile> content = TRY(open_checkpoint_file(fs, directory, collection, file));
  uint32_t crc = crc32c(head_of(collection, file));
  std::vector<std::byte> buffer;
  for (uint64_t at = 0; at < content->size(); at += buffer.size()) {
    buffer.resize(std::min<uint64_t>(kReadBytes, content->size() - at));
    TRY(content->read(at, buffer));
    crc = crc32c(buffer, crc);
  }
  if (crc == file.crc) return {};
  return corruption("{}/{}: wrong checksum", directory, file.file_name());
}

}  // namespace kith

// links: kith_storage
// Goal: a file of a checkpoint opens only with the head that its manifest asks for, and verifies only with
// the bytes that were written. Method: edits of a valid file with the head's checksum made right, or raw
// bytes.
#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/io/memory_file_system.h"
#include "storage/checkpoint/checkpoint_file.h"
#include "tests/fuzz/edits.h"

namespace {

using namespace kith;

constexpr CollectionNumber kCollection = 7;

void write(FileSystem& fs, const std::string& path, std::span<const std::byte> bytes) {
  const auto file = fs.create(path).value();
  file->append(bytes).value();
  file->close().value();
}

std::vector<std::byte> read(const ReadableFile& file) {
  std::vector<std::byte> bytes(file.size());
  file.read(0, bytes).value();
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  MemoryFileSystem fs;
  fs.make_directories("c").value();
  ManifestFile entry{"f0-main", 12, 0, 0};
  const auto sealed = create_checkpoint_file(fs, "c", kCollection, entry, [&](ManifestFile done) {
                        entry = std::move(done);
                      }).value();
  const std::string content(40, 'x');
  sealed->append(as_bytes(content)).value();
  sealed->sync().value();
  sealed->close().value();
  const std::vector<std::byte> valid = read(*fs.open("c/12-f0-main").value());
  std::vector<std::byte> bytes = fuzz::edited({data, size}, valid);
  if (bytes.size() >= kCheckpointFileHead) store_le(bytes.data() + 60, crc32c(std::span(bytes).first(60)));
  write(fs, "c/12-f0-main", bytes);

  const auto opened = open_checkpoint_file(fs, "c", kCollection, entry);
  const bool same_head =
      bytes.size() == valid.size() && std::equal(bytes.begin(), bytes.begin() + 64, valid.begin());
  CHECK(opened.ok() == same_head);
  if (opened.ok())
    CHECK((*opened)->size() == content.size());
  else
    CHECK(opened.error().code == Code::kCorruption);
  CHECK(verify_checkpoint_file(fs, "c", kCollection, entry).ok() == (bytes == valid));
  return 0;
}

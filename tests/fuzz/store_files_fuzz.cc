// links: kith_storage
// Goal: whatever stands in the files of the store that are read without RocksDB, its logs with their marks,
// its MANIFEST and its blob files, ends in an answer that keeps to the bytes there are, or an error; and a
// look that may change nothing changes nothing. Method: the input, cut in three, is a log, a MANIFEST and a
// blob file; records in it are given right checksums where it asks for that.
#include <bit>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/io/memory_file_system.h"
#include "storage/kv/rocksdb_blob_scan.h"
#include "storage/kv/rocksdb_file_system.h"
#include "storage/kv/rocksdb_log_reader.h"
#include "storage/kv/rocksdb_marks.h"

namespace {

using namespace kith;

void put(FileSystem& fs, const std::string& path, std::span<const std::byte> bytes) {
  const auto file = fs.create(path).value();
  file->append(bytes).value();
  file->close().value();
}

uint32_t masked(uint32_t crc) {
  return std::rotr(crc, 15) + 0xa282ead8u;
}

/// The heads of log records: u32 checksum, u16 length, u8 type.
void repair_log(std::span<std::byte> bytes) {
  for (size_t at = 0; at + 7 <= bytes.size();) {
    const size_t length = std::min<size_t>(load_le<uint16_t>(bytes.data() + at + 4), bytes.size() - at - 7);
    store_le(bytes.data() + at + 4, static_cast<uint16_t>(length));
    store_le(bytes.data() + at, masked(crc32c(bytes.subspan(at + 6, 1 + length))));
    at += 7 + length;
  }
}

/// Those of a blob file: a head of 30 bytes, then records.
void repair_blobs(std::span<std::byte> bytes) {
  for (size_t at = 30; at + 32 <= bytes.size();) {
    store_le(bytes.data() + at + 24, masked(crc32c(bytes.subspan(at, 24))));
    const auto key = load_le<uint64_t>(bytes.data() + at), value = load_le<uint64_t>(bytes.data() + at + 8);
    if (key > bytes.size() || value > bytes.size() || at + 32 + key + value > bytes.size()) return;
    store_le(bytes.data() + at + 28, masked(crc32c(bytes.subspan(at + 32, key + value))));
    at += 32 + key + value;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const auto input = std::as_bytes(std::span(data + 3, size - 3));
  const size_t first = data[1] * input.size() / 256, second = first + data[2] * (input.size() - first) / 256;
  std::vector<std::byte> log(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(first));
  std::vector<std::byte> manifest(input.begin() + static_cast<std::ptrdiff_t>(first),
                                  input.begin() + static_cast<std::ptrdiff_t>(second));
  std::vector<std::byte> blobs(input.begin() + static_cast<std::ptrdiff_t>(second), input.end());
  if ((data[0] & 1) != 0) repair_log(log);
  if ((data[0] & 2) != 0) repair_log(manifest);
  if ((data[0] & 4) != 0) repair_blobs(blobs);

  MemoryFileSystem fs;
  fs.make_directories("store").value();
  put(fs, "store/000007.log", log);
  put(fs, "store/MANIFEST-000005", manifest);
  put(fs, "store/000009.blob", blobs);
  put(fs, "store/CURRENT", as_bytes(std::string_view("MANIFEST-000005\n")));
  const auto files = rocksdb_file_system(fs);
  const auto extent = read_log(*files, "store/000007.log", [](std::string_view record) {
    (void)mark_of_record(record);
    return true;
  });
  CHECK(extent.ok() && extent->whole <= extent->bytes && extent->bytes == log.size());
  (void)check_durable(*files, "store", TornTail::kLeave).ok();
  CHECK(fs.open("store/MANIFEST-000005").value()->size() == manifest.size());
  (void)check_durable(*files, "store", TornTail::kCut).ok();
  CHECK(fs.open("store/MANIFEST-000005").value()->size() <= manifest.size());
  if (const auto places = scan_blob_files(fs, "store"); places.ok())
    for (const auto& [key, place] : *places)
      CHECK(place.offset <= blobs.size() && place.bytes <= blobs.size() - place.offset);
  return 0;
}

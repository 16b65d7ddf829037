#include "storage/kv/rocksdb_blob_scan.h"

#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace kith {
namespace {

constexpr uint32_t kMagic = 2'395'959;
constexpr uint64_t kFileHead = 30;
constexpr uint64_t kRecordHead = 32;
constexpr uint64_t kKeyBytesMax = 4'096;

/// RocksDB stores checksums so, lest one be computed over bytes that hold another.
uint32_t masked(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

Result<void> scan(FileSystem& fs, const std::string& path, std::map<std::string, BlobPlace>& places) {
  const std::unique_ptr<ReadableFile> file = TRY(fs.open(path));
  std::vector<std::byte> bytes(kFileHead);
  if (file->size() < kFileHead) return {};
  TRY(file->read(0, bytes));
  if (load_le<uint32_t>(bytes.data()) != kMagic || load_le<uint32_t>(bytes.data() + 4) != 1 ||
      bytes[13] != std::byte{0})  // compressed
    return {};
  for (uint64_t at = kFileHead; file->size() - at > kRecordHead;) {
    bytes.resize(kRecordHead);
    TRY(file->read(at, bytes));
    const auto key_bytes = load_le<uint64_t>(bytes.data());
    const auto value_bytes = load_le<uint64_t>(bytes.data() + 8);
    const auto crc = load_le<uint32_t>(bytes.data() + 28);
    if (masked(crc32c(std::span(bytes).first(24))) != load_le<uint32_t>(bytes.data() + 24)) return {};
    const uint64_t left = file->size() - at - kRecordHead;
    if (key_bytes > kKeyBytesMax || key_bytes > left || value_bytes > left - key_bytes) return {};
    bytes.resize(key_bytes + value_bytes);
    TRY(file->read(at + kRecordHead, bytes));
    if (masked(crc32c(bytes)) == crc)
      places[std::string(as_text(std::span(bytes).first(key_bytes)))] = {path, at + kRecordHead + key_bytes,
                                                                         value_bytes};
    at += kRecordHead + bytes.size();
  }
  return {};
}

}  // namespace

Result<std::map<std::string, BlobPlace>> scan_blob_files(FileSystem& fs, const std::string& directory) {
  std::map<std::string, BlobPlace> places;
  for (const std::string& name : TRY(fs.list(directory)))
    if (name.ends_with(".blob")) (void)scan(fs, directory + '/' + name, places).ok();  // what can be read
  return places;
}

}  // namespace kith

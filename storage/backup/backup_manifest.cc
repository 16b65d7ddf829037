#include "storage/backup/backup_manifest.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "storage/checkpoint/manifest.h"

namespace kith {
namespace {

constexpr std::string_view kMagic = "KITHBACK";
constexpr uint32_t kVersion = 1;
constexpr size_t kHead = 36;
constexpr size_t kCollectionBytesMin = 4 + 4 + 1 + 8 + 8;
constexpr size_t kFileBytesMin = 4 + 8 + 4;
constexpr std::string_view kStore = "store/";
constexpr std::string_view kCheckpoints = "checkpoints/";

/// As many decimal digits as a u64 has, without a zero before them.
bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 20 && text[0] != '0' &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// Letters, digits and '-', and single dots between them.
bool is_store_file(std::string_view name) {
  char before = '.';
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (!plain && (c != '.' || before == '.')) return false;
    before = c;
  }
  return name.size() <= 64 && before != '.';
}

bool is_checkpoint_file(std::string_view name) {
  if (name == "MANIFEST") return true;
  const size_t dash = name.find('-');
  return dash != std::string_view::npos && is_number(name.substr(0, dash)) &&
         is_checkpoint_name(name.substr(dash + 1));
}

Result<BackupCollection> parse_collection(ByteReader& in, const std::string& path) {
  BackupCollection collection;
  collection.number = TRY(in.number<CollectionNumber>());
  collection.name = TRY(in.text());
  const auto state = TRY(in.number<uint8_t>());
  if (state > 1) return corruption("{}: collection '{}' has state {}", path, collection.name, state);
  collection.quarantined = state == 1;
  collection.sequence = TRY(in.number<uint64_t>());
  collection.points = TRY(in.number<uint64_t>());
  return collection;
}

Result<BackupFile> parse_file(ByteReader& in, const std::string& path) {
  BackupFile file;
  file.name = TRY(in.text());
  file.bytes = TRY(in.number<uint64_t>());
  file.crc = TRY(in.number<uint32_t>());
  if (!is_backup_file_name(file.name)) return corruption("{}: names '{}'", path, file.name);
  return file;
}

Result<void> parse_lists(ByteReader& in, const std::string& path, BackupManifest& manifest) {
  const auto collections = TRY(in.number<uint32_t>());
  if (collections > in.left() / kCollectionBytesMin)
    return corruption("{}: cannot hold {} collections", path, collections);
  for (uint32_t i = 0; i < collections; ++i) manifest.collections.push_back(TRY(parse_collection(in, path)));
  const auto files = TRY(in.number<uint32_t>());
  if (files > in.left() / kFileBytesMin) return corruption("{}: cannot hold {} files", path, files);
  std::set<std::string_view> names;
  manifest.files.reserve(files);
  for (uint32_t i = 0; i < files; ++i) {
    manifest.files.push_back(TRY(parse_file(in, path)));
    if (!names.insert(manifest.files.back().name).second)
      return corruption("{}: names '{}' twice", path, manifest.files.back().name);
  }
  return in.finish();
}

}  // namespace

uint64_t BackupManifest::bytes() const {
  return std::accumulate(files.begin(), files.end(), uint64_t{0},
                         [](uint64_t sum, const BackupFile& file) { return sum + file.bytes; });
}

bool is_backup_file_name(std::string_view name) {
  if (name.starts_with(kStore)) return is_store_file(name.substr(kStore.size()));
  if (!name.starts_with(kCheckpoints)) return false;
  const std::string_view rest = name.substr(kCheckpoints.size());
  const size_t slash = rest.find('/');
  return slash != std::string_view::npos && is_number(rest.substr(0, slash)) &&
         is_checkpoint_file(rest.substr(slash + 1));
}

std::vector<std::byte> encode_backup(const BackupManifest& manifest) {
  ByteWriter out;
  out.raw(as_bytes(kMagic));
  out.number(kVersion);
  out.number(manifest.format);
  out.number(manifest.number);
  out.number(manifest.time_ms);
  out.number(static_cast<uint32_t>(manifest.collections.size()));
  for (const BackupCollection& collection : manifest.collections) {
    out.number(collection.number);
    out.text(collection.name);
    out.number(static_cast<uint8_t>(collection.quarantined));
    out.number(collection.sequence);
    out.number(collection.points);
  }
  out.number(static_cast<uint32_t>(manifest.files.size()));
  for (const BackupFile& file : manifest.files) {
    out.text(file.name);
    out.number(file.bytes);
    out.number(file.crc);
  }
  out.number(crc32c(out.view()));
  return out.take();
}

Result<BackupManifest> parse_backup(std::span<const std::byte> bytes, const std::string& path) {
  if (bytes.size() < kHead + 2 * sizeof(uint32_t))
    return corruption("{}: has {} bytes, too few for a backup's manifest", path, bytes.size());
  const auto body = bytes.first(bytes.size() - sizeof(uint32_t));
  ByteReader in(body, path);
  if (as_text(TRY(in.raw(kMagic.size()))) != kMagic) return corruption("{}: is no backup's manifest", path);
  const auto version = TRY(in.number<uint32_t>());
  if (crc32c(body) != load_le<uint32_t>(body.data() + body.size()))
    return corruption("{}: wrong checksum", path);
  if (version != kVersion)
    return failed_precondition("{}: has version {}, this version of Kith reads {}", path, version, kVersion);
  BackupManifest manifest;
  manifest.format = TRY(in.number<uint32_t>());
  manifest.number = TRY(in.number<uint64_t>());
  manifest.time_ms = TRY(in.number<int64_t>());
  TRY(parse_lists(in, path, manifest));
  return manifest;
}

}  // namespace kith

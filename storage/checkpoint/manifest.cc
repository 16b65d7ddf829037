#include "storage/checkpoint/manifest.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/planted.h"
#include "storage/checkpoint/checkpoint_file.h"

namespace kith {
namespace {

constexpr std::string_view kMagic = "KITHMANI";
constexpr uint32_t kVersion = 1;
constexpr size_t kHead = 56;
constexpr size_t kFileBytesMin = 4 + 1 + 8 + 8 + 4;

Result<ManifestFile> parse_file(ByteReader& in, const std::string& path, uint64_t generation) {
  ManifestFile file;
  file.name = TRY(in.text());
  file.generation = TRY(in.number<uint64_t>());
  file.bytes = TRY(in.number<uint64_t>());
  file.crc = TRY(in.number<uint32_t>());
  if (!is_checkpoint_name(file.name) || file.generation > generation || file.bytes < kCheckpointFileHead)
    return corruption("{}: entry '{}' of generation {} with {} bytes cannot be", path, file.name,
                      file.generation, file.bytes);
  return file;
}

}  // namespace

bool is_checkpoint_name(std::string_view name) {
  return !name.empty() && name.size() <= kCheckpointNameMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::string ManifestFile::file_name() const {
  return checkpoint_file_name(generation, name);
}

const ManifestFile* Manifest::find(const std::string& name) const {
  const auto found = std::ranges::find(files, name, &ManifestFile::name);
  return found == files.end() ? nullptr : &*found;
}

std::vector<std::byte> encode_manifest(const Manifest& manifest, CollectionNumber collection) {
  ByteWriter out;
  out.raw(as_bytes(kMagic));
  out.number(kVersion);
  out.number(collection);
  out.number(manifest.generation);
  out.number(manifest.mark.sequence);
  out.number(manifest.mark.stamp);
  out.number(manifest.mark.next_row);
  out.number(manifest.mark.points);
  out.number(static_cast<uint32_t>(manifest.files.size()));
  for (const ManifestFile& file : manifest.files) {
    out.text(file.name);
    out.number(file.generation);
    out.number(file.bytes);
    out.number(file.crc);
  }
  out.number(crc32c(out.view()));
  return out.take();
}

Result<Manifest> parse_manifest(std::span<const std::byte> bytes, CollectionNumber collection,
                                const std::string& path) {
  if (bytes.size() < kHead + sizeof(uint32_t))
    return corruption("{}: has {} bytes, a manifest has at least {}", path, bytes.size(), kHead + 4);
  const auto body = bytes.first(bytes.size() - sizeof(uint32_t));
  ByteReader in(body, path);
  if (as_text(TRY(in.raw(kMagic.size()))) != kMagic) return corruption("{}: is no manifest", path);
  const auto version = TRY(in.number<uint32_t>());
  if (version != kVersion)
    return failed_precondition("{}: has version {}, this version of Kith reads {}", path, version, kVersion);
  if (crc32c(body) != load_le<uint32_t>(body.data() + body.size()) && !planted("manifest-crc-unchecked"))
    return corruption("{}: wrong checksum", path);
  const auto whose = TRY(in.number<uint32_t>());
  if (whose != collection && !planted("manifest-of-another"))
    return corruption("{}: belongs to collection {}, not {}", path, whose, collection);
  Manifest manifest;
  manifest.generation = TRY(in.number<uint64_t>());
  manifest.mark.sequence = TRY(in.number<uint64_t>());
  manifest.mark.stamp = TRY(in.number<uint64_t>());
  manifest.mark.next_row = TRY(in.number<Row>());
  manifest.mark.points = TRY(in.number<uint64_t>());
  const auto files = TRY(in.number<uint32_t>());
  if (files > in.left() / kFileBytesMin) return corruption("{}: cannot hold {} entries", path, files);
  for (uint32_t i = 0; i < files; ++i) {
    manifest.files.push_back(TRY(parse_file(in, path, manifest.generation)));
    if (manifest.find(manifest.files.back().name) != &manifest.files.back())
      return corruption("{}: names '{}' twice", path, manifest.files.back().name);
  }
  TRY(in.finish());
  return manifest;
}

}  // namespace kith

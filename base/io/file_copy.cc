#include "base/io/file_copy.h"

#include <algorithm>

#include "base/crc32c.h"

namespace kith {
namespace {

constexpr uint64_t kStep = 1u << 20;

template <typename Use>
Result<uint32_t> read_through(const ReadableFile& file, uint64_t bytes, const Stop& stop,
                              ByteProgress& progress, Use use) {
  uint32_t crc = 0;
  std::vector<std::byte> buffer;
  for (uint64_t at = 0; at < bytes; at += buffer.size()) {
    TRY(stop.check());
    buffer.resize(std::min(kStep, bytes - at));
    TRY(file.read(at, buffer));
    crc = crc32c(buffer, crc);
    TRY(use(buffer));
    progress.done += buffer.size();
  }
  return crc;
}

}  // namespace

Result<uint32_t> copy_file(FileSystem& fs, const std::string& from, uint64_t bytes, const std::string& to,
                           const Stop& stop, ByteProgress& progress) {
  const std::unique_ptr<ReadableFile> in = TRY(fs.open(from));
  const std::unique_ptr<WritableFile> out = TRY(fs.create(to));
  const uint32_t crc = TRY(read_through(*in, bytes, stop, progress,
                                        [&](std::span<const std::byte> part) { return out->append(part); }));
  TRY(out->sync());
  TRY(out->close());
  return crc;
}

Result<uint32_t> checksum_file(FileSystem& fs, const std::string& path, uint64_t bytes, const Stop& stop,
                               ByteProgress& progress) {
  const std::unique_ptr<ReadableFile> file = TRY(fs.open(path));
  if (file->size() != bytes) return corruption("{}: has {} bytes, not {}", path, file->size(), bytes);
  return read_through(*file, bytes, stop, progress,
                      [](std::span<const std::byte>) { return Result<void>(); });
}

}  // namespace kith

#include "storage/kv/rocksdb_table_check.h"

#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace kith {
namespace {

constexpr uint64_t kMagic = 0x88e241b785f4cff7;
constexpr size_t kFooterBytes = 1 + 40 + 4 + 8;
constexpr size_t kTrailerBytes = 1 + 4;
constexpr uint8_t kNoChecksums = 0, kCrc32c = 1;
constexpr uint64_t kBlockBytesMax = 16u << 20;  // RocksDB's own are of a few KB
constexpr std::string_view kProperties = "rocksdb.properties";

using Bytes = std::span<const std::byte>;

struct Place {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

/// Takes a LEB128 number off the front.
Result<uint64_t> varint(Bytes& in) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(in.front());
    in = in.subspan(1);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  return corruption("a number does not end");
}

Result<Place> place(Bytes& in) {
  Place place;
  place.offset = TRY(varint(in));
  place.bytes = TRY(varint(in));
  return place;
}

class TableCheck {
 public:
  TableCheck(uint64_t file_bytes, const std::function<Result<void>(uint64_t, std::span<std::byte>)>& read)
      : blocks_end_(file_bytes - kFooterBytes), read_(read) {}

  Result<void> run() {
    std::vector<std::byte> footer(kFooterBytes);
    TRY(read_(blocks_end_, footer));
    if (load_le<uint64_t>(footer.data() + kFooterBytes - 8) != kMagic) return {};  // RocksDB says so itself
    Bytes places = Bytes(footer).subspan(1, 40);
    const Place at = TRY(place(places));
    const Place data_index = TRY(place(places));
    TRY(inside(at, "metaindex"));
    TRY(inside(data_index, "index"));
    const auto checksums = static_cast<uint8_t>(footer[0]);
    if (checksums == kNoChecksums) return corruption("footer: without checksums");
    if (checksums != kCrc32c) return {};
    const std::vector<std::byte> index = TRY(block(at, "metaindex"));
    const Place properties = TRY(find_properties(index));
    if (properties.bytes > 0) TRY(block(properties, "properties"));
    return {};
  }

 private:
  Result<void> inside(Place at, const char* what) const {
    if (at.offset > blocks_end_ || blocks_end_ - at.offset < kTrailerBytes ||
        at.bytes > blocks_end_ - at.offset - kTrailerBytes)
      return corruption("{} block: {} bytes at {} are not in the file", what, at.bytes, at.offset);
    return {};
  }

  /// Without what follows it, which holds.
  Result<std::vector<std::byte>> block(Place at, const char* what) {
    TRY(inside(at, what));
    if (at.bytes > kBlockBytesMax) return corruption("{} block: {} bytes are too many", what, at.bytes);
    std::vector<std::byte> bytes(at.bytes + kTrailerBytes);
    TRY(read_(at.offset, bytes));
    const uint32_t crc = crc32c(Bytes(bytes).first(at.bytes + 1));
    const uint32_t masked = (crc >> 15 | crc << 17) + 0xa282ead8u;
    if (masked != load_le<uint32_t>(bytes.data() + at.bytes + 1))
      return corruption("{} block of {} bytes at {}: checksum does not match", what, at.bytes, at.offset);
    bytes.resize(at.bytes);
    return bytes;
  }

  /// Entries are: bytes shared with the key before, further bytes of key, bytes of value, these. At the end
  /// stand places to begin reading at, u32 each, and their number.
  static Result<Place> find_properties(Bytes index) {
    if (index.size() < 4) return corruption("metaindex block: too short");
    const uint64_t restarts = load_le<uint32_t>(index.data() + index.size() - 4) & 0x7fffffffu;
    if (4 * restarts + 4 > index.size()) return corruption("metaindex block: {} restarts", restarts);
    index = index.first(index.size() - 4 - 4 * restarts);
    std::string key;
    while (!index.empty()) {
      const uint64_t shared = TRY(varint(index)), own = TRY(varint(index)), value = TRY(varint(index));
      if (shared > key.size() || own > index.size() || value > index.size() - own)
        return corruption("metaindex block: an entry ends beyond it");
      key.resize(shared);
      key += as_text(index.first(own));
      Bytes where = index.subspan(own, value);
      if (key == kProperties) return place(where);
      index = index.subspan(own + value);
    }
    return Place{};
  }

  const uint64_t blocks_end_;
  const std::function<Result<void>(uint64_t, std::span<std::byte>)>& read_;
};

}  // namespace

Result<void> check_table_end(uint64_t file_bytes,
                             const std::function<Result<void>(uint64_t, std::span<std::byte>)>& read) {
  if (file_bytes < kFooterBytes) return {};  // RocksDB says so itself
  return TableCheck(file_bytes, read).run();
}

}  // namespace kith

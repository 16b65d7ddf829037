// links: kith_storage
// Goal: any bytes read as a manifest of checkpoints give one that is written as the same bytes, with names
// that are no paths, or an error. Method: edits of a valid one with its checksum made right, or raw bytes.
#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "storage/checkpoint/manifest.h"
#include "tests/fuzz/edits.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kith;
  const Manifest valid{9, {70, 71, 1'000, 900}, {{"ids", 9, 1'234, 5}, {"f0-main", 3, 64, 6}}};
  std::vector<std::byte> bytes = fuzz::edited({data, size}, encode_manifest(valid, 4));
  if (bytes.size() >= 4) {
    const auto body = std::span(bytes).first(bytes.size() - 4);
    store_le(bytes.data() + body.size(), crc32c(body));
  }
  const Result<Manifest> parsed = parse_manifest(bytes, 4, "fuzzed");
  if (!parsed.ok()) {
    CHECK(parsed.error().code == Code::kCorruption || parsed.error().code == Code::kFailedPrecondition);
    return 0;
  }
  CHECK(encode_manifest(*parsed, 4) == bytes);
  for (const ManifestFile& file : parsed->files) {
    CHECK(file.file_name().find('/') == std::string::npos && file.file_name().find('.') == std::string::npos);
    CHECK(parsed->find(file.name) == &file);
  }
  return 0;
}

// links: kith_storage
// Goal: any bytes read as a backup's manifest give one that is written as the same bytes, with names that
// lead nowhere but below the backup, or an error. Method: edits of a valid one with its checksum made right,
// or raw bytes.
#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "storage/backup/backup_manifest.h"
#include "tests/fuzz/edits.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kith;
  const BackupManifest valid{1,
                             4,
                             1'790'000'000'000,
                             {{1, "books", false, 70, 900}, {2, "gone", true, 0, 0}},
                             {{"store/000012.sst", 1'234, 5}, {"checkpoints/1/MANIFEST", 64, 6}}};
  std::vector<std::byte> bytes = fuzz::edited({data, size}, encode_backup(valid));
  if (bytes.size() >= 4) {
    const auto body = std::span(bytes).first(bytes.size() - 4);
    store_le(bytes.data() + body.size(), crc32c(body));
  }
  const Result<BackupManifest> parsed = parse_backup(bytes, "fuzzed");
  if (!parsed.ok()) {
    CHECK(parsed.error().code == Code::kCorruption || parsed.error().code == Code::kFailedPrecondition);
    return 0;
  }
  CHECK(encode_backup(*parsed) == bytes);
  for (const BackupFile& file : parsed->files)
    CHECK(!file.name.starts_with('/') && file.name.find("..") == std::string::npos);
  return 0;
}

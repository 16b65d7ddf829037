// Goal: a manifest gives back what was written, damage anywhere in it is noticed, and no name in it can lead
// out of the backup. Method: round trip; every byte cut and flipped; hostile names, checked and sealed with a
// right checksum.
#include "storage/backup/backup_manifest.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

BackupManifest some_manifest() {
  BackupManifest manifest;
  manifest.format = 1;
  manifest.number = 7;
  manifest.time_ms = 1'790'000'000'123;
  manifest.collections = {{1, "books", false, 42, 17}, {3, "pho/tos", true, 0, 0}};
  manifest.files = {{"store/000012.sst", 4096, 77},
                    {"store/MANIFEST-000005", 123, 0},
                    {"store/CURRENT", 16, 1},
                    {"checkpoints/1/MANIFEST", 60, 2},
                    {"checkpoints/1/12-f0-main", 1'000'000'000'000, 3}};
  return manifest;
}

TEST(BackupManifest, GivesBackWhatWasWritten) {
  const BackupManifest manifest = some_manifest();
  ASSERT_VALUE(parsed, parse_backup(encode_backup(manifest), "B"));
  EXPECT_EQ(parsed.format, 1u);
  EXPECT_EQ(parsed.number, 7u);
  EXPECT_EQ(parsed.time_ms, manifest.time_ms);
  EXPECT_EQ(parsed.collections, manifest.collections);
  ASSERT_EQ(parsed.files.size(), manifest.files.size());
  for (size_t i = 0; i < parsed.files.size(); ++i) {
    EXPECT_EQ(parsed.files[i].name, manifest.files[i].name);
    EXPECT_EQ(parsed.files[i].bytes, manifest.files[i].bytes);
    EXPECT_EQ(parsed.files[i].crc, manifest.files[i].crc);
  }
  EXPECT_EQ(parsed.bytes(), 4096u + 123 + 16 + 60 + 1'000'000'000'000);
}

TEST(BackupManifest, NoticesDamageAnywhere) {
  const std::vector<std::byte> whole = encode_backup(some_manifest());
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_ERROR(parse_backup(std::span(whole).first(length), "B"), Code::kCorruption, "B");
  for (size_t at = 0; at < whole.size(); ++at) {
    std::vector<std::byte> damaged = whole;
    damaged[at] ^= std::byte{4};
    EXPECT_ERROR(parse_backup(damaged, "B"), Code::kCorruption, "B");
  }
}

/// Sealed with a checksum that is right.
std::vector<std::byte> sealed(std::vector<std::byte> bytes) {
  store_le(bytes.data() + bytes.size() - 4, crc32c(std::span(bytes).first(bytes.size() - 4)));
  return bytes;
}

TEST(BackupManifest, SaysWhichVersionItCannotRead) {
  std::vector<std::byte> other = encode_backup(some_manifest());
  store_le(other.data() + 8, uint32_t{9});
  EXPECT_ERROR(parse_backup(sealed(other), "B"), Code::kFailedPrecondition, "version 9");
}

TEST(BackupManifest, AnyBytesAreAnErrorOrAManifest) {
  Random random(3);
  const std::vector<std::byte> whole = encode_backup(some_manifest());
  size_t accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes = whole;
    for (uint64_t i = 1 + random.below(3); i > 0; --i)
      bytes[12 + random.below(bytes.size() - 16)] = static_cast<std::byte>(random.next());
    const auto parsed = parse_backup(sealed(bytes), "B");
    accepted += parsed.ok();
    if (!parsed.ok()) {
      EXPECT_EQ(parsed.error().code, Code::kCorruption);
      continue;
    }
    for (const BackupFile& file : parsed->files) EXPECT_TRUE(is_backup_file_name(file.name));
  }
  EXPECT_GT(accepted, 1'000u);
  EXPECT_LT(accepted, 19'000u);
}

TEST(BackupManifest, OnlyNamesOfOursAreNames) {
  for (const char* name : {"store/CURRENT", "store/000001.log", "store/OPTIONS-000007",
                           "checkpoints/4294967295/MANIFEST", "checkpoints/1/18446744073709551615-ids"})
    EXPECT_TRUE(is_backup_file_name(name)) << name;
  const std::string nul("store/a\0b", 9);
  for (const std::string& name : std::vector<std::string>{"",
                                                          "store",
                                                          "store/",
                                                          "store/.",
                                                          "store/..",
                                                          "store/.hidden",
                                                          "store/a..b",
                                                          "store/a.",
                                                          "store/a/b",
                                                          "store/../LOCK",
                                                          "store//a",
                                                          "/store/a",
                                                          "/etc/passwd",
                                                          "../store/a",
                                                          "BACKUP",
                                                          "store/a b",
                                                          "store/ü",
                                                          "store/%2e%2e",
                                                          "store/a\\b",
                                                          nul,
                                                          "checkpoints",
                                                          "checkpoints/",
                                                          "checkpoints/1",
                                                          "checkpoints/1/",
                                                          "checkpoints//MANIFEST",
                                                          "checkpoints/../MANIFEST",
                                                          "checkpoints/01/MANIFEST",
                                                          "checkpoints/0/MANIFEST",
                                                          "checkpoints/x/MANIFEST",
                                                          "checkpoints/1/../2",
                                                          "checkpoints/1/12",
                                                          "checkpoints/1/-ids",
                                                          "checkpoints/1/12-",
                                                          "checkpoints/1/12-IDS",
                                                          "checkpoints/1/12-a/b",
                                                          "checkpoints/1/MANIFEST/x",
                                                          "store/" + std::string(65, 'a'),
                                                          "checkpoints/123456789012345678901/MANIFEST"}) {
    EXPECT_FALSE(is_backup_file_name(name)) << name;
    if (name.empty()) continue;
    BackupManifest manifest = some_manifest();
    manifest.files.push_back({name, 1, 1});
    EXPECT_ERROR(parse_backup(encode_backup(manifest), "B"), Code::kCorruption, "names '");
  }
  BackupManifest twice = some_manifest();
  twice.files.push_back(twice.files.front());
  EXPECT_ERROR(parse_backup(encode_backup(twice), "B"), Code::kCorruption, "twice");
}

}  // namespace
}  // namespace kith

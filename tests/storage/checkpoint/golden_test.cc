// Goal: the manifest and the files of a checkpoint, ids and expiries in them, that today's version wrote are
// read by every later one. Method: a directory with known content against tests/golden; read again; another
// version in the manifest is refused.
#include "tests/support/golden.h"

#include <gtest/gtest.h>

#include "base/io/memory_file_system.h"
#include "storage/checkpoint/checkpoint_directory.h"
#include "storage/rows/expiry_map.h"
#include "storage/rows/id_key.h"
#include "storage/rows/id_map.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

constexpr CollectionNumber kCollection = 7;
constexpr Row kRows = 9;

std::string key(Row row) {
  return row % 2 == 0 ? number_id_key(1000u + row) : text_id_key("text-" + std::to_string(row));
}

std::vector<std::byte> ids() {
  IdMap map(1);
  ExpiryMap expiries;
  for (Row row = 0; row < kRows; ++row)
    if (row != 3) map.insert(key(row), row);
  expiries.insert(4, 1'893'456'000'000);
  ByteWriter out;
  map.save(0, kRows, out);
  expiries.save(0, kRows, out);
  const auto bytes = out.view();
  return {bytes.begin(), bytes.end()};
}

test::GoldenFiles files_of(FileSystem& fs) {
  test::GoldenFiles files;
  const std::vector<std::string> names = fs.list("c").value();
  for (const std::string& name : names) {
    const auto file = fs.open("c/" + name).value();
    files[name].resize(file->size());
    file->read(0, files[name]).value();
  }
  return files;
}

TEST(GoldenCheckpoint, IsReadAndWrittenAlike) {
  MemoryFileSystem fs;
  {
    CheckpointDirectory directory(fs, "c", kCollection);
    ASSERT_OK(directory.open());
    ASSERT_VALUE(writer, CheckpointWriter::begin(directory));
    const std::unique_ptr<WritableFile> file = writer->create("ids").value();
    ASSERT_OK(file->append(ids()));
    ASSERT_OK(file->sync());
    ASSERT_OK(file->close());
    ASSERT_OK(writer->commit({12, 0x0123456789abcdef, kRows, 8}));
  }
  const test::GoldenFiles golden =
      test::expect_golden(std::string(KITH_GOLDEN) + "/checkpoint.txt", files_of(fs));

  const auto put = [](FileSystem& into, const test::GoldenFiles& files) {
    into.make_directories("c").value();
    for (const auto& [name, bytes] : files) {
      const auto file = into.create("c/" + name).value();
      file->append(bytes).value();
      file->close().value();
    }
  };
  MemoryFileSystem again;
  put(again, golden);
  CheckpointDirectory directory(again, "c", kCollection);
  ASSERT_OK(directory.open());
  const auto manifest = directory.manifest();
  ASSERT_TRUE(manifest.has_value());
  EXPECT_EQ(manifest->mark.sequence, 12u);
  EXPECT_EQ(manifest->mark.stamp, 0x0123456789abcdefu);
  EXPECT_EQ(manifest->mark.next_row, kRows);
  EXPECT_EQ(manifest->mark.points, 8u);
  ASSERT_VALUE(file, directory.read("ids"));
  std::vector<std::byte> bytes(file->size());
  ASSERT_OK(file->read(0, bytes));
  ByteReader in(bytes, "ids");
  IdMap map(1);
  ExpiryMap expiries;
  ASSERT_OK(map.restore(in));
  ASSERT_OK(expiries.restore(0, kRows, in));
  ASSERT_OK(in.finish());
  ASSERT_OK(map.index());
  for (Row row = 0; row < kRows; ++row) EXPECT_EQ(map.find(key(row)), row == 3 ? kNoRow : row);
  EXPECT_EQ(expiries.expires_at(4), 1'893'456'000'000u);

  test::GoldenFiles later = golden;
  later["MANIFEST"][8] = std::byte{99};
  MemoryFileSystem other;
  put(other, later);
  CheckpointDirectory unknown(other, "c", kCollection);
  EXPECT_FALSE(unknown.open().ok());
  EXPECT_FALSE(unknown.manifest().has_value());
}

}  // namespace
}  // namespace kith

// Goal: the record of a workload gives back the disk as it was after each operation, and what a power loss
// would have left of it then. Method: random operations on a file system whose whole content is kept after
// each; the record is replayed and compared. The rules of loss are told by fault_file_system_test.cc; here
// those that only a replay shows.
#include "base/io/recording_file_system.h"

#include <gtest/gtest.h>

#include <set>

#include "base/bytes.h"
#include "base/io/memory_file_system.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

using Content = std::map<std::string, std::string>;  // of files, by path

Content content_of(FileSystem& fs, const std::string& directory) {
  Content content;
  const std::vector<std::string> names = *fs.list(directory);
  for (const std::string& name : names) {
    const std::string path = (directory == "/" ? "" : directory) + "/" + name;
    if (fs.list(path).ok()) {
      content.merge(content_of(fs, path));
      continue;
    }
    const auto file = *fs.open(path);
    std::vector<std::byte> bytes(file->size());
    EXPECT_OK(file->read(0, bytes));
    content[path] = as_text(bytes);
  }
  return content;
}

Content content_of(const DiskImage& image) {
  MemoryFileSystem fs;
  EXPECT_OK(write_image(fs, image));
  return content_of(fs, "/");
}

/// One random operation that may fail; a few paths and handles meet often.
void operate(FileSystem& fs, Random& random, std::vector<std::unique_ptr<WritableFile>>& files) {
  auto path = [&] {
    return fmt::format("{}/{}", random.below(2) == 0 ? "/d" : "/d/e",
                       static_cast<char>('a' + random.below(4)));
  };
  const uint64_t kind = random.below(20);
  if (kind < 4) {
    if (auto file = fs.create(path()); file.ok()) files.push_back(std::move(*file));
  } else if (kind < 12 && !files.empty()) {
    WritableFile& file = *files[random.below(files.size())];
    const std::string text(random.below(1500), static_cast<char>('a' + random.below(26)));
    (void)(kind < 9 ? file.append(as_bytes(text)) : file.sync()).ok();
  } else if (kind < 14) {
    (void)fs.rename(path(), path()).ok();
  } else if (kind < 16) {
    (void)fs.link(path(), path()).ok();
  } else if (kind < 18) {
    (void)fs.remove(path()).ok();
  } else {
    (void)fs.sync_directory(random.below(2) == 0 ? "/d" : "/d/e").ok();
  }
}

TEST(RecordingFileSystem, TheRecordGivesBackEveryMoment) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    MemoryFileSystem memory;
    RecordingFileSystem fs(memory);
    ASSERT_OK(fs.make_directories("/d/e"));
    std::vector<std::unique_ptr<WritableFile>> files;
    std::map<size_t, Content> seen;
    while (fs.position() < 300) {
      operate(fs, random, files);
      seen[fs.position()] = content_of(memory, "/");
    }
    DiskModel disk;
    for (size_t n = 0; n < fs.ops().size();) {
      disk.apply(fs.ops()[n++]);
      if (!seen.contains(n)) continue;  // in the midst of a call
      ASSERT_EQ(content_of(disk.now()), seen.at(n)) << "after " << n;
    }
  }
}

/// Content of /f after the first n operations and a power loss, once per seed.
std::set<std::string> outcomes(const RecordingFileSystem& fs, size_t n, const PowerLoss& how) {
  DiskModel disk;
  for (size_t i = 0; i < n; ++i) disk.apply(fs.ops()[i]);
  std::set<std::string> found;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Random random(seed);
    const Content content = content_of(disk.after(how, random));
    found.insert(content.contains("/f") ? content.at("/f") : "-");
  }
  return found;
}

TEST(RecordingFileSystem, OnlyWhatWasSyncedBeforeTheMomentIsSure) {
  MemoryFileSystem memory;
  RecordingFileSystem fs(memory);
  ASSERT_VALUE(file, fs.create("/f"));
  ASSERT_OK(file->append(as_bytes("one")));
  ASSERT_OK(file->sync());
  const size_t synced = fs.position();
  ASSERT_OK(fs.sync_directory("/"));
  const size_t named = fs.position();
  ASSERT_OK(file->append(as_bytes(" two")));
  const size_t all = fs.position();
  EXPECT_EQ(outcomes(fs, synced, {}), (std::set<std::string>{"-"}));
  EXPECT_EQ(outcomes(fs, named, {}), (std::set<std::string>{"one"}));
  EXPECT_EQ(outcomes(fs, all, {}), (std::set<std::string>{"one"}));
  using Names = PowerLoss::Names;
  using Bytes = PowerLoss::Bytes;
  EXPECT_EQ(outcomes(fs, synced, {Names::kRandomPrefix, Bytes::kSyncedOnly}),
            (std::set<std::string>{"-", "one"}));
  EXPECT_EQ(outcomes(fs, all, {Names::kSyncedOnly, Bytes::kAll}), (std::set<std::string>{"one two"}));
  EXPECT_EQ(outcomes(fs, all, {Names::kSyncedOnly, Bytes::kTorn}).size(), 9u)
      << "four lengths of the tail, each there or zeroed, or none";
}

TEST(RecordingFileSystem, ReorderedSectorsArriveInAnyOrder) {
  MemoryFileSystem memory;
  RecordingFileSystem fs(memory);
  ASSERT_VALUE(file, fs.create("/f"));
  ASSERT_OK(file->append(as_bytes(std::string(4 * 512, 'x'))));
  size_t last_alone = 0;
  for (const std::string& text :
       outcomes(fs, fs.position(), {PowerLoss::Names::kAll, PowerLoss::Bytes::kReordered}))
    last_alone += text == std::string(3 * 512, '\0') + std::string(512, 'x') ? 1 : 0;
  EXPECT_EQ(last_alone, 1u);
}

TEST(RecordingFileSystem, LyingSyncsLeaveNoTrace) {
  MemoryFileSystem memory;
  RecordingFileSystem fs(memory);
  ASSERT_VALUE(file, fs.create("/f"));
  fs.set_syncs_lie(true);
  ASSERT_OK(file->append(as_bytes("one")));
  ASSERT_OK(file->sync());
  ASSERT_OK(fs.sync_directory("/"));
  EXPECT_EQ(outcomes(fs, fs.position(), {}), (std::set<std::string>{"-"}));
}

}  // namespace
}  // namespace kith

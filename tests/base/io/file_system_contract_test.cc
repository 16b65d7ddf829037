// Goal: every FileSystem keeps the contract of base/io/file_system.h, errors included, so that tests on a
// twin speak for the real one. Method: one suite over the real one, the in-memory twin, and the fault twin
// and the recording one around each.
#include <gtest/gtest.h>

#include <thread>

#include "base/bytes.h"
#include "base/io/fault_file_system.h"
#include "base/io/memory_file_system.h"
#include "base/io/recording_file_system.h"
#include "tests/support/result_matchers.h"
#include "tests/support/temp_dir.h"

namespace kith {
namespace {

/// A file system under test and a directory of it to work in.
struct World {
  test::TempDir temp;
  MemoryFileSystem memory;
  std::unique_ptr<FileSystem> wrapper;
  FileSystem* fs = nullptr;
  std::string directory;

  explicit World(const std::string& name) : directory(temp / "d") {
    FileSystem& inner = name.find("posix") == std::string::npos ? memory : posix_file_system();
    if (name.starts_with("fault")) wrapper = std::make_unique<FaultFileSystem>(inner, 1);
    if (name.starts_with("recording")) wrapper = std::make_unique<RecordingFileSystem>(inner);
    fs = wrapper != nullptr ? wrapper.get() : &inner;
    CHECK(fs->make_directories(directory).ok());
  }
};

class FileSystemContract : public testing::TestWithParam<const char*> {
 protected:
  std::string path(const std::string& name) const { return world_.directory + "/" + name; }
  FileSystem& fs() { return *world_.fs; }

  Result<void> write(const std::string& name, std::string_view text) {
    const auto file = TRY(fs().create(path(name)));
    TRY(file->append(as_bytes(text)));
    return file->close();
  }
  Result<std::string> read(const std::string& name) {
    const auto file = TRY(fs().open(path(name)));
    std::vector<std::byte> bytes(file->size());
    TRY(file->read(0, bytes));
    return std::string(as_text(bytes));
  }

  World world_{GetParam()};
};

TEST_P(FileSystemContract, WhatIsAppendedIsRead) {
  ASSERT_VALUE(file, fs().create(path("a")));
  ASSERT_OK(file->append(as_bytes("kith ")));
  ASSERT_OK(file->append({}));
  ASSERT_OK(file->append(as_bytes("and kin")));
  ASSERT_OK(file->sync());
  ASSERT_OK(file->close());
  ASSERT_OK(file->close());
  EXPECT_ERROR(file->append(as_bytes("x")), Code::kFailedPrecondition, "closed");
  EXPECT_ERROR(file->sync(), Code::kFailedPrecondition, "closed");
  ASSERT_VALUE(text, read("a"));
  EXPECT_EQ(text, "kith and kin");
  ASSERT_OK(write("a", "shorter"));
  ASSERT_VALUE(again, read("a"));
  EXPECT_EQ(again, "shorter");
}

TEST_P(FileSystemContract, ReadsStayInsideTheFile) {
  ASSERT_OK(write("a", "0123456789"));
  ASSERT_VALUE(file, fs().open(path("a")));
  EXPECT_EQ(file->size(), 10u);
  std::byte out[4];
  ASSERT_OK(file->read(6, out));
  EXPECT_EQ(as_text(out), "6789");
  ASSERT_OK(file->read(10, std::span(out).first(0)));
  EXPECT_ERROR(file->read(7, out), Code::kCorruption, "4 bytes wanted at offset 7, the file ends at 10");
  EXPECT_ERROR(file->read(UINT64_MAX, out), Code::kCorruption, path("a"));
}

TEST_P(FileSystemContract, AnOpenFileOutlivesItsName) {
  ASSERT_OK(write("a", "old"));
  ASSERT_VALUE(old, fs().open(path("a")));
  ASSERT_OK(write("b", "new"));
  ASSERT_OK(fs().rename(path("b"), path("a")));
  std::byte out[3];
  ASSERT_OK(old->read(0, out));
  EXPECT_EQ(as_text(out), "old");
  ASSERT_VALUE(text, read("a"));
  EXPECT_EQ(text, "new");
  ASSERT_OK(fs().remove(path("a")));
  ASSERT_OK(old->read(0, out));
  EXPECT_EQ(as_text(out), "old");
}

TEST_P(FileSystemContract, NamesComeAndGo) {
  ASSERT_OK(write("b", ""));
  ASSERT_OK(write("a", ""));
  ASSERT_OK(fs().make_directories(path("sub/deep")));
  ASSERT_OK(fs().make_directories(path("sub/deep")));
  ASSERT_VALUE(names, fs().list(world_.directory));
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "sub"}));
  ASSERT_VALUE(inner, fs().list(path("sub")));
  EXPECT_EQ(inner, (std::vector<std::string>{"deep"}));
  ASSERT_OK(fs().sync_directory(world_.directory));

  ASSERT_OK(fs().rename(path("a"), path("sub/c")));
  ASSERT_VALUE(a, fs().exists(path("a")));
  ASSERT_VALUE(c, fs().exists(path("sub/c")));
  ASSERT_VALUE(below_file, fs().exists(path("b/x")));
  EXPECT_FALSE(a);
  EXPECT_TRUE(c);
  EXPECT_FALSE(below_file);
  EXPECT_ERROR(fs().remove(path("sub")), Code::kFailedPrecondition, path("sub"));
  ASSERT_OK(fs().remove(path("sub/c")));
  ASSERT_OK(fs().remove(path("sub/deep")));
  ASSERT_OK(fs().remove(path("sub")));
  ASSERT_VALUE(left, fs().list(world_.directory));
  EXPECT_EQ(left, (std::vector<std::string>{"b"}));
}

TEST_P(FileSystemContract, ALinkIsASecondNameOfOneFile) {
  ASSERT_VALUE(file, fs().create(path("a")));
  ASSERT_OK(file->append(as_bytes("one ")));
  ASSERT_OK(fs().link(path("a"), path("b")));
  ASSERT_OK(file->append(as_bytes("file")));
  ASSERT_OK(file->close());
  ASSERT_VALUE(text, read("b"));
  EXPECT_EQ(text, "one file");
  ASSERT_OK(fs().remove(path("a")));
  ASSERT_VALUE(left, read("b"));
  EXPECT_EQ(left, "one file");
  ASSERT_OK(write("other", "x"));
  EXPECT_ERROR(fs().link(path("other"), path("b")), Code::kAlreadyExists, path("b"));
  EXPECT_ERROR(fs().link(path("none"), path("c")), Code::kNotFound, path("none"));
  EXPECT_ERROR(fs().link(path("b"), path("none/c")), Code::kNotFound, path("none/c"));
  EXPECT_ERROR(fs().link(world_.directory, path("c")), Code::kFailedPrecondition, world_.directory);
}

TEST_P(FileSystemContract, ADirectoryMovesWithAllThatIsInIt) {
  ASSERT_OK(fs().make_directories(path("old/deep")));
  ASSERT_OK(fs().make_directories(path("old-not")));
  ASSERT_OK(write("old/a", "a"));
  ASSERT_OK(write("old/deep/b", "b"));
  ASSERT_VALUE(open, fs().open(path("old/a")));
  ASSERT_OK(fs().rename(path("old"), path("new")));
  ASSERT_VALUE(b, read("new/deep/b"));
  EXPECT_EQ(b, "b");
  ASSERT_OK(fs().make_directories(path("empty")));
  ASSERT_OK(fs().rename(path("new"), path("empty")));
  ASSERT_VALUE(names, fs().list(world_.directory));
  EXPECT_EQ(names, (std::vector<std::string>{"empty", "old-not"}));
  ASSERT_VALUE(inside, fs().list(path("empty")));
  EXPECT_EQ(inside, (std::vector<std::string>{"a", "deep"}));
  std::byte byte{};
  ASSERT_OK(open->read(0, {&byte, 1}));
  EXPECT_EQ(byte, std::byte{'a'});

  ASSERT_OK(write("file", "x"));
  EXPECT_ERROR(fs().rename(path("old-not"), path("file")), Code::kFailedPrecondition, path("file"));
  EXPECT_ERROR(fs().rename(path("file"), path("old-not")), Code::kFailedPrecondition, path("old-not"));
  EXPECT_ERROR(fs().rename(path("old-not"), path("empty")), Code::kFailedPrecondition, path("empty"));
  EXPECT_ERROR(fs().rename(path("empty"), path("empty/deep/x")), Code::kInvalidArgument, path("empty"));
  EXPECT_ERROR(fs().rename(path("empty"), path("none/x")), Code::kNotFound, path("none/x"));
}

TEST_P(FileSystemContract, ErrorsHaveTheirCodeAndNameThePath) {
  ASSERT_OK(write("file", "x"));
  EXPECT_ERROR(fs().open(path("none")), Code::kNotFound, path("none"));
  EXPECT_ERROR(fs().open(world_.directory), Code::kFailedPrecondition, world_.directory);
  EXPECT_ERROR(fs().create(path("none/x")), Code::kNotFound, path("none/x"));
  EXPECT_ERROR(fs().create(path("file/x")), Code::kFailedPrecondition, path("file/x"));
  EXPECT_ERROR(fs().create(world_.directory), Code::kFailedPrecondition, world_.directory);
  EXPECT_ERROR(fs().list(path("none")), Code::kNotFound, path("none"));
  EXPECT_ERROR(fs().list(path("file")), Code::kFailedPrecondition, path("file"));
  EXPECT_ERROR(fs().make_directories(path("file/x")), Code::kFailedPrecondition, path("file"));
  EXPECT_ERROR(fs().rename(path("none"), path("y")), Code::kNotFound, path("none"));
  EXPECT_ERROR(fs().rename(path("file"), path("none/y")), Code::kNotFound, path("none/y"));
  EXPECT_ERROR(fs().remove(path("none")), Code::kNotFound, path("none"));
  EXPECT_ERROR(fs().sync_directory(path("none")), Code::kNotFound, path("none"));
  EXPECT_ERROR(fs().sync_directory(path("file")), Code::kFailedPrecondition, path("file"));
  EXPECT_ERROR(fs().lock(path("none/lock")), Code::kNotFound, path("none/lock"));
  ASSERT_VALUE(text, read("file"));
  EXPECT_EQ(text, "x");
}

TEST_P(FileSystemContract, ALockHasOneHolder) {
  ASSERT_VALUE(lock, fs().lock(path("LOCK")));
  EXPECT_ERROR(fs().lock(path("LOCK")), Code::kFailedPrecondition, path("LOCK"));
  lock.reset();
  EXPECT_OK(fs().lock(path("LOCK")));
  EXPECT_OK(fs().lock(path("LOCK")));
}

TEST_P(FileSystemContract, AtomicWriteReplacesTheWhole) {
  ASSERT_OK(write_file_atomically(fs(), path("m"), as_bytes("first, longer")));
  ASSERT_OK(write_file_atomically(fs(), path("m"), as_bytes("second")));
  ASSERT_VALUE(text, read("m"));
  EXPECT_EQ(text, "second");
  ASSERT_VALUE(names, fs().list(world_.directory));
  EXPECT_EQ(names, (std::vector<std::string>{"m"})) << "no temporary file is left";
  EXPECT_ERROR(write_file_atomically(fs(), path("none/m"), as_bytes("x")), Code::kNotFound, path("none/m"));
}

TEST_P(FileSystemContract, ThreadsReadOneFileAndWriteTheirOwn) {
  ASSERT_OK(write("shared", "0123456789"));
  ASSERT_VALUE(shared, fs().open(path("shared")));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        std::byte out[5];
        EXPECT_OK(shared->read(static_cast<uint64_t>(t), out));
        EXPECT_EQ(static_cast<char>(out[0]), static_cast<char>('0' + t));
        const std::string name = fmt::format("own{}", t);
        EXPECT_OK(write(name, fmt::format("{}", i)));
        const Result<std::string> back = read(name);
        EXPECT_OK(back);
        EXPECT_EQ(back.ok() ? *back : "", fmt::format("{}", i));
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_P(FileSystemContract, AScratchFileIsReadInPartsAndHasNoName) {
  ASSERT_VALUE(file, fs().create_scratch(world_.directory));
  ASSERT_VALUE(other, fs().create_scratch(world_.directory));
  ASSERT_OK(other->append(as_bytes("not mine")));
  std::string text;
  for (int i = 0; i < 3000; ++i) {
    const std::string line = fmt::format("line {:7}\n", i);
    ASSERT_OK(file->append(as_bytes(line)));
    text += line;
  }
  ASSERT_VALUE(names, fs().list(world_.directory));
  EXPECT_TRUE(names.empty()) << names.front();
  const std::pair<size_t, size_t> places[] = {
      {text.size() - 5, 5}, {0, 13}, {4090, 100}, {7, 0}, {0, text.size()}};
  std::vector<std::vector<std::byte>> buffers;
  std::vector<FilePart> parts;
  for (const auto& [offset, bytes] : places) buffers.emplace_back(bytes);
  for (size_t i = 0; i < buffers.size(); ++i) parts.push_back({places[i].first, buffers[i]});
  ASSERT_OK(file->read(parts));
  ASSERT_OK(file->read({}));
  for (size_t i = 0; i < buffers.size(); ++i)
    EXPECT_EQ(as_text(buffers[i]), text.substr(places[i].first, places[i].second)) << i;
  const std::string anew = "other bytes, over a border of pages";
  text.replace(4080, anew.size(), anew);
  ASSERT_OK(file->write_again(4080, as_bytes(anew)));
  ASSERT_OK(file->append(as_bytes("and more")));
  text += "and more";
  std::vector<std::byte> all(text.size());
  const FilePart whole{0, all};
  ASSERT_OK(file->read({&whole, 1}));
  EXPECT_EQ(as_text(all), text);
  std::byte beyond[6];
  const FilePart part{text.size() - 5, beyond};
  EXPECT_ERROR(file->read({&part, 1}), Code::kCorruption, "scratch");
  EXPECT_ERROR(fs().create_scratch(path("none")), Code::kNotFound, path("none"));
}

TEST_P(FileSystemContract, TheDeviceTellsItsSpace) {
  ASSERT_VALUE(space, fs().disk_space(world_.directory));
  EXPECT_GT(space.free, 0u);
  EXPECT_LE(space.free, space.total);
  EXPECT_ERROR(fs().disk_space(path("nowhere")), Code::kNotFound, "nowhere");
}

INSTANTIATE_TEST_SUITE_P(All, FileSystemContract,
                         testing::Values("posix", "memory", "fault_memory", "fault_posix", "recording_memory",
                                         "recording_posix"),
                         [](const auto& test) { return std::string(test.param); });

TEST(MemoryFileSystem, HoldsWhatItsDeviceHolds) {
  MemoryFileSystem fs;
  fs.set_disk_bytes(10);
  ASSERT_VALUE(file, fs.create("/a"));
  ASSERT_OK(file->append(as_bytes("1234567")));
  EXPECT_ERROR(file->append(as_bytes("12345")), Code::kResourceExhausted, "/a");
  ASSERT_VALUE(back, fs.open("/a"));
  EXPECT_EQ(back->size(), 10u) << "what fitted stays";
  EXPECT_EQ(fs.disk_space("/")->free, 0u);
  ASSERT_OK(fs.remove("/a"));
  EXPECT_EQ(fs.disk_space("/")->free, 0u) << "an open file outlives its name";
  file.reset();
  back.reset();
  EXPECT_EQ(fs.disk_space("/")->free, 10u);
  {
    ASSERT_VALUE(again, fs.create("/b"));
    ASSERT_OK(again->append(as_bytes("1234567890")));
  }
  fs.set_disk_bytes(5);
  EXPECT_EQ(fs.disk_space("/")->free, 0u) << "less than is used";
  ASSERT_OK(fs.create("/b"));  // empty now
  EXPECT_EQ(fs.disk_space("/")->free, 5u);
}

}  // namespace
}  // namespace kith

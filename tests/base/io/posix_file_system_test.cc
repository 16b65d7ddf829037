// Goal: what only the real file system can show: modes, locks between processes, limits of the machine.
// Method: real files, a child process, a file size limit that makes writes short and then fail.
#include "base/io/posix_file_system.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/bytes.h"
#include "tests/support/result_matchers.h"
#include "tests/support/temp_dir.h"

namespace kith {
namespace {

TEST(PosixFileSystem, NobodyElseMayReadWhatItMakes) {
  test::TempDir temp;
  FileSystem& fs = posix_file_system();
  ASSERT_OK(fs.make_directories(temp / "a/b"));
  ASSERT_OK(fs.create(temp / "a/b/file"));
  struct stat info;
  ASSERT_EQ(::stat((temp / "a/b/file").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat((temp / "a/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST(PosixFileSystem, ALockHoldsAgainstOtherProcessesAndNamesItsHolder) {
  test::TempDir temp;
  const std::string path = temp / "LOCK";
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto lock = posix_file_system().lock(path);
    const char said = lock.ok() ? 'y' : 'n';
    (void)!::write(ready[1], &said, 1);
    ::pause();
    ::_exit(0);
  }
  char said = 0;
  ASSERT_EQ(::read(ready[0], &said, 1), 1);
  EXPECT_EQ(said, 'y');
  EXPECT_ERROR(posix_file_system().lock(path), Code::kFailedPrecondition, fmt::format("process {}", child));
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_OK(posix_file_system().lock(path)) << "a killed holder's lock is free";
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(PosixFileSystem, AFullDiskIsAnErrorAndTheFileIsAbandoned) {
  test::TempDir temp;
  const std::string path = temp / "file";
  ASSERT_VALUE(file, posix_file_system().create(path));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{10'000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::vector<std::byte> data(16'384, std::byte{7});
  const Result<void> written = file->append(data);  // the kernel takes 10,000 bytes, then says EFBIG
  const Result<void> more = file->append(as_bytes("x"));
  const Result<void> synced = file->sync();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_ERROR(written, Code::kResourceExhausted, path);
  EXPECT_ERROR(more, Code::kFailedPrecondition, "abandon it");
  EXPECT_ERROR(synced, Code::kFailedPrecondition, "abandon it");
  EXPECT_OK(file->close());
  struct stat info;
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 10'000);
}

TEST(PosixFileSystem, APipeOrAFileThatShrinksDoesNotHangOrCrash) {
  test::TempDir temp;
  ASSERT_EQ(::mkfifo((temp / "pipe").c_str(), 0600), 0);
  EXPECT_ERROR(posix_file_system().open(temp / "pipe"), Code::kFailedPrecondition, "not a regular file");
  ASSERT_OK(write_file_atomically(posix_file_system(), temp / "file", as_bytes("0123456789")));
  ASSERT_VALUE(file, posix_file_system().open(temp / "file"));
  ASSERT_EQ(::truncate((temp / "file").c_str(), 4), 0);
  std::byte out[8];
  EXPECT_ERROR(file->read(0, out), Code::kCorruption, "cut to 4 bytes");
}

TEST(PosixError, EveryKindOfErrnoHasItsCode) {
  EXPECT_EQ(posix_error(ENOSPC, "x", "p").code, Code::kResourceExhausted);
  EXPECT_EQ(posix_error(EMFILE, "x", "p").code, Code::kResourceExhausted);
  EXPECT_EQ(posix_error(EACCES, "x", "p").code, Code::kFailedPrecondition);
  EXPECT_EQ(posix_error(EIO, "x", "p").code, Code::kUnavailable);
  EXPECT_EQ(posix_error(EEXIST, "x", "p").code, Code::kAlreadyExists);
  EXPECT_EQ(posix_error(ENAMETOOLONG, "x", "p").code, Code::kInvalidArgument);
  EXPECT_EQ(posix_error(EIO, "read", "/a/b").message, "cannot read '/a/b': Input/output error");
}

}  // namespace
}  // namespace kith

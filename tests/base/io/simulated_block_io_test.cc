// Goal: the simulated disk misbehaves exactly as asked, and a kernel that forbids io_uring gets the pool of
// threads. Method: each fault alone on known bytes, power loss over many seeds; a child process under a
// seccomp filter.
#include "base/io/simulated_block_io.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "base/io/posix_block_file.h"
#include "tests/support/result_matchers.h"
#include "tests/support/temp_dir.h"

namespace kith {
namespace {

constexpr BlockOpen kNew{.write = true, .create = true};
constexpr size_t kPage = 4096;

struct Disk {
  SimulatedBlockIo io;
  std::unique_ptr<BlockFile> file;

  explicit Disk(uint64_t seed) : io(seed) { reopen(); }
  void reopen() { file = io.open("f", kNew).value(); }

  Result<void> run(BlockOp op, uint64_t offset, std::span<std::byte> buffer) {
    const auto queue = TRY(io.queue({}));
    const BlockRequest request{op, file.get(), offset, buffer, 0};
    TRY(queue->submit({&request, 1}));
    return queue->wait(1)[0].result;
  }
  Result<void> write(uint64_t offset, size_t length, char c) {
    std::vector<std::byte> bytes(length, static_cast<std::byte>(c));
    return run(BlockOp::kWrite, offset, bytes);
  }
  Result<std::string> read(uint64_t offset, size_t length) {
    std::string text(length, '?');
    TRY(run(BlockOp::kRead, offset, std::as_writable_bytes(std::span(text))));
    return text;
  }
};

TEST(SimulatedBlockIo, FailsTheNthRequestOnceOrForEver) {
  Disk disk(1);
  ASSERT_OK(disk.write(0, kPage, 'a'));
  disk.io.arm({.kind = BlockFaultKind::kIoError, .op = BlockOp::kRead, .nth = 2});
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(disk.read(0, 10).ok(), i != 2) << i;
  EXPECT_EQ(disk.io.fired(), 1u);
  disk.io.arm({.kind = BlockFaultKind::kDiskFull, .op = BlockOp::kWrite, .nth = 2, .forever = true});
  EXPECT_OK(disk.write(0, 10, 'b'));
  for (int i = 0; i < 3; ++i) EXPECT_ERROR(disk.write(0, 10, 'c'), Code::kResourceExhausted, "No space left");
  EXPECT_OK(disk.read(0, 10));
  disk.io.disarm();
  EXPECT_OK(disk.write(0, 10, 'd'));
}

TEST(SimulatedBlockIo, TornWritesLeaveSomeSectors) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Disk disk(seed);
    ASSERT_OK(disk.write(0, kPage, 'o'));
    disk.io.arm({.kind = BlockFaultKind::kTorn, .op = BlockOp::kWrite});
    EXPECT_ERROR(disk.write(0, kPage, 'n'), Code::kUnavailable, "'f'");
    ASSERT_VALUE(text, disk.read(0, kPage));
    for (size_t s = 0; s < kPage; s += 512)
      EXPECT_EQ(text.substr(s, 512), std::string(512, text[s])) << "seed " << seed << " sector " << s / 512;
    outcomes.insert(text);
  }
  EXPECT_GT(outcomes.size(), 20u);
}

TEST(SimulatedBlockIo, SilentFaultsReportSuccess) {
  Disk disk(3);
  ASSERT_OK(disk.write(0, 4 * kPage, 'o'));
  disk.io.arm({.kind = BlockFaultKind::kLost});
  ASSERT_OK(disk.write(0, kPage, 'n'));
  ASSERT_VALUE(lost, disk.read(0, 4 * kPage));
  EXPECT_EQ(lost, std::string(4 * kPage, 'o'));

  disk.io.arm({.kind = BlockFaultKind::kMisdirected});
  ASSERT_OK(disk.write(0, kPage, 'n'));
  ASSERT_VALUE(misdirected, disk.read(0, 4 * kPage));
  EXPECT_EQ(misdirected.substr(0, kPage), std::string(kPage, 'o'));
  EXPECT_EQ(std::count(misdirected.begin(), misdirected.end(), 'n'), std::ptrdiff_t{kPage});

  disk.io.arm({.kind = BlockFaultKind::kBitFlip});
  ASSERT_OK(disk.write(0, 4 * kPage, 'o'));
  EXPECT_EQ(disk.io.fired(), 2u) << "a bit flip concerns reads only";
  ASSERT_VALUE(flipped, disk.read(0, 4 * kPage));
  EXPECT_EQ(std::count(flipped.begin(), flipped.end(), 'o'), std::ptrdiff_t{4 * kPage - 1});
  EXPECT_EQ(disk.io.fired(), 3u);
}

TEST(SimulatedBlockIo, PowerLossKeepsWhatWasSynced) {
  Disk disk(4);
  ASSERT_OK(disk.write(0, 2 * kPage, 's'));
  ASSERT_OK(disk.file->sync());
  ASSERT_OK(disk.write(kPage, 3 * kPage, 'u'));
  disk.io.power_loss(false);
  EXPECT_ERROR(disk.read(0, 1), Code::kUnavailable, "power was lost");
  EXPECT_ERROR(disk.file->sync(), Code::kUnavailable, "power was lost");
  disk.reopen();
  ASSERT_VALUE(size, disk.file->size());
  EXPECT_EQ(size, 2 * kPage);
  ASSERT_VALUE(text, disk.read(0, 2 * kPage));
  EXPECT_EQ(text, std::string(2 * kPage, 's'));
}

TEST(SimulatedBlockIo, TornPowerLossMixesOldAndNewSectors) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Disk disk(seed);
    ASSERT_OK(disk.write(0, kPage, 's'));
    ASSERT_OK(disk.file->sync());
    ASSERT_OK(disk.write(1024, 2048, 'u'));
    disk.io.power_loss(true);
    disk.reopen();
    ASSERT_VALUE(text, disk.read(0, kPage));
    EXPECT_EQ(text.substr(0, 1024), std::string(1024, 's')) << "seed " << seed;
    EXPECT_EQ(text.substr(3072), std::string(1024, 's')) << "seed " << seed;
    for (size_t s = 1024; s < 3072; s += 512)
      EXPECT_EQ(text.substr(s, 512), std::string(512, text[s])) << "seed " << seed << " sector " << s / 512;
    outcomes.insert(text);
  }
  EXPECT_GT(outcomes.size(), 10u) << "of 16 possible ones";
}

TEST(SimulatedBlockIo, FilesNeverSyncedAndLyingSyncsAreLost) {
  Disk disk(5);
  ASSERT_OK(disk.write(0, kPage, 'x'));
  disk.io.set_syncs_lie(true);
  ASSERT_OK(disk.file->sync());
  disk.io.power_loss(false);
  EXPECT_ERROR(disk.io.open("f", {}), Code::kNotFound, "'f'");
}

TEST(SimulatedBlockIo, RequestsInFlightFailWithThePower) {
  Disk disk(6);
  ASSERT_OK(disk.write(0, kPage, 'x'));
  ASSERT_OK(disk.file->sync());
  ASSERT_VALUE(queue, disk.io.queue({}));
  std::vector<std::byte> bytes(kPage, std::byte{'y'});
  const BlockRequest request{BlockOp::kWrite, disk.file.get(), 0, bytes, 1};
  ASSERT_OK(queue->submit({&request, 1}));
  disk.io.power_loss(false);
  EXPECT_ERROR(queue->wait(1)[0].result, Code::kUnavailable, "power was lost");
  const auto before = std::move(disk.file);
  disk.reopen();
  ASSERT_VALUE(text, disk.read(0, kPage));
  EXPECT_EQ(text, std::string(kPage, 'x'));
}

TEST(SimulatedBlockIo, EqualSeedsMisbehaveEqually) {
  auto run = [](uint64_t seed) {
    Disk disk(seed);
    CHECK(disk.write(0, 8 * kPage, 's').ok() && disk.file->sync().ok() && disk.write(0, 8 * kPage, 'u').ok());
    disk.io.power_loss(true);
    disk.reopen();
    return disk.read(0, 8 * kPage).value();
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST(NoteTransfer, ContinuesShortAndInterruptedTransfersButNotForEver) {
  test::TempDir temp;
  ASSERT_VALUE(file, PosixBlockFile::open(temp / "f", kNew));
  ASSERT_EQ(::truncate((temp / "f").c_str(), 100), 0);
  std::vector<std::byte> buffer(10);
  const BlockRequest read{BlockOp::kRead, file.get(), 0, buffer, 0};
  size_t done = 0;
  uint32_t retries = 0;
  auto note = [&](int64_t moved) { return note_transfer(read, moved, done, retries); };
  for (const int64_t moved : {int64_t{4}, int64_t{-EINTR}, int64_t{-EAGAIN}, int64_t{5}}) {
    ASSERT_VALUE(progress, note(moved));
    EXPECT_EQ(progress, BlockProgress::kContinue) << moved;
  }
  EXPECT_EQ(done, 9u);
  ASSERT_VALUE(last, note(1));
  EXPECT_EQ(last, BlockProgress::kDone);
  EXPECT_ERROR(note(-EIO), Code::kUnavailable, "Input/output error");
  Result<BlockProgress> stubborn = BlockProgress::kContinue;
  for (int i = 0; i < 2'000 && stubborn.ok(); ++i) stubborn = note(-EAGAIN);
  EXPECT_ERROR(stubborn, Code::kUnavailable, temp / "f");
}

#if defined(__x86_64__)
/// From here on this process gets EPERM from io_uring_setup, as in a container.
void forbid_io_uring() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{std::size(program), program};
  CHECK(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

TEST(MakeBlockIo, FallsBackToThreadsWhereIoUringIsForbiddenAndSaysSoOnce) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        forbid_io_uring();
        const auto first = make_block_io();
        const auto second = make_block_io();
        ::_exit(std::string(first->name()) == "pread" && std::string(second->name()) == "pread" ? 0 : 1);
      },
      testing::ExitedWithCode(0), "^[^\n]*pool of threads reason=\"the kernel refuses io_uring[^\n]*\n$");
}
#endif

}  // namespace
}  // namespace kith

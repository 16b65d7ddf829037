// Goal: a wait ends when its caller has had enough, though the device has not answered, and no buffer is
// touched after its completion. Method: reads that cannot complete: of an empty pipe through a real ring, and
// of a simulated disk with a latency of a minute; stopped by deadline, by another thread, by the queue's end.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "base/io/posix_block_file.h"
#include "base/io/simulated_block_io.h"
#include "base/io/uring_block_io.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A file whose reads hang until `answer` is called, and the engine that reads it.
struct HangingDevice {
  std::unique_ptr<BlockIo> io;
  std::unique_ptr<BlockFile> file;
  FileDescriptor writing_end;

  static Result<HangingDevice> pipe() {
    HangingDevice device;
    device.io = TRY(UringBlockIo::create());
    int ends[2];
    CHECK(::pipe(ends) == 0);
    device.file = std::make_unique<PosixBlockFile>(FileDescriptor(ends[0]), "pipe", BlockOpen{});
    device.writing_end = FileDescriptor(ends[1]);
    return device;
  }

  static HangingDevice simulated() {
    HangingDevice device;
    device.io =
        std::make_unique<SimulatedBlockIo>(1, BlockLatency{milliseconds(60'000), milliseconds(60'000)});
    device.file = device.io->open("f", {.write = true, .create = true}).value();
    return device;
  }
};

class BlockIoCancel : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "simulated") {
      device_ = HangingDevice::simulated();
      return;
    }
    Result<HangingDevice> device = HangingDevice::pipe();
    if (!device.ok()) GTEST_SKIP() << device.error().message;
    device_ = std::move(device).value();
  }

  /// `count` reads in flight into `buffers`.
  std::unique_ptr<BlockQueue> reading(size_t count) {
    buffers_.assign(count * 64, std::byte{0});
    auto queue = device_.io->queue({.depth = static_cast<uint32_t>(count)}).value();
    std::vector<BlockRequest> reads;
    for (size_t i = 0; i < count; ++i)
      reads.push_back({BlockOp::kRead, device_.file.get(), 0, std::span(buffers_).subspan(i * 64, 64), i});
    EXPECT_OK(queue->submit(reads));
    EXPECT_TRUE(queue->wait(0).empty());
    EXPECT_EQ(queue->in_flight(), count);
    return queue;
  }

  std::vector<std::byte> buffers_;
  HangingDevice device_;
};

TEST_P(BlockIoCancel, AtTheDeadlineAllComesBack) {
  for (const size_t count : {1, 3, 64, 1000}) {
    const auto queue = reading(count);
    Stop stop;
    stop.deadline = steady_clock::now() + milliseconds(10);
    const auto done = queue->wait(1, stop);
    EXPECT_GE(steady_clock::now(), stop.deadline);
    EXPECT_LT(steady_clock::now(), stop.deadline + std::chrono::seconds(20));
    std::map<uint64_t, int> seen;
    for (const BlockCompletion& completion : done) {
      ++seen[completion.tag];
      EXPECT_ERROR(completion.result, Code::kDeadlineExceeded, "deadline");
    }
    EXPECT_EQ(seen.size(), count);
    EXPECT_EQ(queue->in_flight(), 0u);
  }
}

TEST_P(BlockIoCancel, AnotherThreadMayCancel) {
  const auto queue = reading(8);
  std::atomic<bool> gone{false};
  std::thread canceller([&] {
    std::this_thread::sleep_for(milliseconds(20));
    gone = true;
  });
  Stop stop;
  stop.context = &gone;
  stop.cancelled = [](const void* context) { return static_cast<const std::atomic<bool>*>(context)->load(); };
  const auto done = queue->wait(8, stop);
  canceller.join();
  ASSERT_EQ(done.size(), 8u);
  for (const BlockCompletion& completion : done)
    EXPECT_ERROR(completion.result, Code::kCancelled, "cancelled");
}

TEST_P(BlockIoCancel, TheEndOfAQueueDoesNotWaitForTheDevice) {
  const auto before = steady_clock::now();
  reading(16).reset();
  EXPECT_LT(steady_clock::now() - before, std::chrono::seconds(20));
  if (device_.writing_end.is_open()) {  // nobody reads any more: what comes now must not land in our buffers
    const std::string late(64 * 16, 'x');
    ASSERT_EQ(::write(device_.writing_end.get(), late.data(), late.size()),
              static_cast<ssize_t>(late.size()));
    EXPECT_EQ(std::count(buffers_.begin(), buffers_.end(), static_cast<std::byte>('x')), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(All, BlockIoCancel, testing::Values("io_uring", "simulated"),
                         [](const testing::TestParamInfo<const char*>& test) {
                           return std::string(test.param);
                         });

}  // namespace
}  // namespace kith

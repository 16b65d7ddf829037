// Goal: every BlockIo keeps the contract of base/io/block_io.h: whole transfers or errors, all completions,
// stops, bounds. Method: one suite over the ring, the pool of threads and the simulated disk (with latency);
// skips the ring where the kernel refuses it.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <map>
#include <set>
#include <thread>

#include "base/aligned_buffer.h"
#include "base/io/block_io.h"
#include "base/io/pread_block_io.h"
#include "base/io/simulated_block_io.h"
#include "base/io/uring_block_io.h"
#include "base/random.h"
#include "tests/support/result_matchers.h"
#include "tests/support/temp_dir.h"

namespace kith {
namespace {

using std::chrono::milliseconds;

constexpr BlockOpen kNew{.write = true, .create = true};
constexpr size_t kPage = 4096;

class BlockIoContract : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string name = GetParam();
    if (name == "io_uring") {
      Result<std::unique_ptr<BlockIo>> ring = UringBlockIo::create();
      if (!ring.ok()) GTEST_SKIP() << ring.error().message;
      io_ = std::move(ring).value();
    } else if (name == "pread") {
      io_ = std::make_unique<PreadBlockIo>(4);
    } else {
      io_ =
          std::make_unique<SimulatedBlockIo>(1, BlockLatency{std::chrono::microseconds(0), milliseconds(1)});
    }
    EXPECT_EQ(io_->name(), name);
  }

  std::string path(const std::string& name) const { return temp_ / name; }

  /// One request, waited for.
  Result<void> run(BlockOp op, BlockFile& file, uint64_t offset, std::span<std::byte> buffer) {
    const auto queue = TRY(io_->queue({.depth = 1}));
    const BlockRequest request{op, &file, offset, buffer, 77};
    TRY(queue->submit({&request, 1}));
    const auto done = queue->wait(1);
    CHECK(done.size() == 1 && done[0].tag == 77 && queue->in_flight() == 0);
    return done[0].result;
  }

  test::TempDir temp_;
  std::unique_ptr<BlockIo> io_;
};

std::vector<std::byte> pattern(size_t size, uint64_t seed) {
  Random random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random.next());
  return bytes;
}

TEST_P(BlockIoContract, WrittenBytesAreReadAndSurviveReopening) {
  auto bytes = pattern(300'001, 1);
  {
    ASSERT_VALUE(file, io_->open(path("f"), kNew));
    ASSERT_OK(run(BlockOp::kWrite, *file, 5, bytes));
    ASSERT_OK(file->sync());
    ASSERT_VALUE(size, file->size());
    EXPECT_EQ(size, 300'006u);
  }
  ASSERT_VALUE(file, io_->open(path("f"), {}));
  std::vector<std::byte> back(bytes.size());
  ASSERT_OK(run(BlockOp::kRead, *file, 5, back));
  EXPECT_EQ(back, bytes);
  ASSERT_OK(run(BlockOp::kRead, *file, 0, std::span(back).first(5)));
  EXPECT_EQ(back[0], std::byte{0}) << "the gap reads as zeros";
}

TEST_P(BlockIoContract, AFullQueueOfRequestsAllComplete) {
  const uint64_t seed = 2;
  constexpr size_t kPages = 256;
  ASSERT_VALUE(pages, AlignedBuffer::allocate(kPages * kPage));
  ASSERT_VALUE(file, io_->open(path("f"), {.write = true, .create = true, .direct = true}));
  BlockFile* files[] = {file.get()};
  ASSERT_VALUE(queue, io_->queue({.depth = 64, .registered = pages.span(), .files = files}));
  Random random(seed);
  for (std::byte& b : pages.span()) b = static_cast<std::byte>(random.next());
  const std::vector<std::byte> expected(pages.span().begin(), pages.span().end());

  auto run_all = [&](BlockOp op) {
    std::set<uint64_t> tags;
    size_t next = 0;
    while (tags.size() < kPages) {
      std::vector<BlockRequest> batch;
      while (next < kPages && queue->in_flight() + batch.size() < 64) {
        batch.push_back({op, file.get(), next * kPage, pages.span().subspan(next * kPage, kPage), next});
        ++next;
      }
      ASSERT_OK(queue->submit(batch));
      for (const BlockCompletion& done : queue->wait(1)) {
        EXPECT_OK(done.result);
        EXPECT_TRUE(tags.insert(done.tag).second) << "completed twice: " << done.tag;
      }
    }
    EXPECT_EQ(queue->in_flight(), 0u);
  };
  run_all(BlockOp::kWrite);
  std::ranges::fill(pages.span(), std::byte{0});
  run_all(BlockOp::kRead);
  EXPECT_TRUE(std::ranges::equal(pages.span(), expected)) << "seed " << seed;
}

TEST_P(BlockIoContract, UnregisteredMemoryAndFilesWorkBesideRegisteredOnes) {
  ASSERT_VALUE(pages, AlignedBuffer::allocate(2 * kPage));
  ASSERT_VALUE(first, io_->open(path("a"), kNew));
  ASSERT_VALUE(second, io_->open(path("b"), kNew));
  BlockFile* files[] = {first.get()};
  ASSERT_VALUE(queue, io_->queue({.depth = 8, .registered = pages.span().first(kPage), .files = files}));
  auto outside = pattern(kPage, 3);
  std::ranges::fill(pages.span(), std::byte{1});
  const BlockRequest writes[] = {{BlockOp::kWrite, first.get(), 0, pages.span().first(kPage), 1},
                                 {BlockOp::kWrite, second.get(), 0, pages.span().first(kPage), 2},
                                 {BlockOp::kWrite, first.get(), kPage, outside, 3},
                                 {BlockOp::kWrite, second.get(), kPage, pages.span(), 4}};  // half registered
  ASSERT_OK(queue->submit(writes));
  size_t done = 0;
  while (done < 4)
    for (const BlockCompletion& completion : queue->wait(1)) {
      ++done;
      EXPECT_OK(completion.result);
    }
  std::vector<std::byte> back(2 * kPage);
  ASSERT_OK(run(BlockOp::kRead, *first, 0, back));
  EXPECT_TRUE(std::equal(outside.begin(), outside.end(), back.begin() + kPage));
  EXPECT_EQ(back[0], std::byte{1});
  ASSERT_VALUE(size, second->size());
  EXPECT_EQ(size, 3 * kPage);
}

TEST_P(BlockIoContract, ReadsBeyondTheEndAreCorruption) {
  auto bytes = pattern(kPage + 100, 4);
  ASSERT_VALUE(file, io_->open(path("f"), kNew));
  ASSERT_OK(run(BlockOp::kWrite, *file, 0, bytes));
  std::vector<std::byte> out(kPage);
  EXPECT_ERROR(run(BlockOp::kRead, *file, kPage, out), Code::kCorruption, "the file ends at 4196");
  EXPECT_ERROR(run(BlockOp::kRead, *file, 1 << 20, out), Code::kCorruption, path("f"));
  ASSERT_OK(run(BlockOp::kRead, *file, kPage, std::span(out).first(100)));
  ASSERT_VALUE(direct, io_->open(path("f"), {.direct = true}));
  ASSERT_VALUE(page, AlignedBuffer::allocate(2 * kPage));
  ASSERT_OK(run(BlockOp::kRead, *direct, 0, page.span().first(kPage)));
  EXPECT_ERROR(run(BlockOp::kRead, *direct, 0, page.span()), Code::kCorruption, "the file ends at 4196");
}

TEST_P(BlockIoContract, BadRequestsAreRefusedWhole) {
  ASSERT_VALUE(pages, AlignedBuffer::allocate(4 * kPage));
  ASSERT_VALUE(made, io_->open(path("f"), kNew));
  ASSERT_VALUE(file, io_->open(path("f"), {}));
  ASSERT_VALUE(direct, io_->open(path("f"), {.write = true, .direct = true}));
  const auto page = pages.span().first(kPage);
  const BlockRequest good{BlockOp::kWrite, made.get(), 0, page, 0};
  const std::pair<BlockRequest, const char*> bad[] = {
      {{BlockOp::kWrite, file.get(), 0, page, 0}, "opened to read"},
      {{BlockOp::kRead, nullptr, 0, page, 5}, "block request 5 names no file"},
      {{BlockOp::kRead, file.get(), 0, page.first(0), 0}, "a request of 0 bytes"},
      {{BlockOp::kRead, file.get(), UINT64_MAX, page, 0}, "beyond any file"},
      {{BlockOp::kRead, direct.get(), 1, page, 0}, "multiples of 4096"},
      {{BlockOp::kRead, direct.get(), 0, page.first(512), 0}, "multiples of 4096"},
      {{BlockOp::kRead, direct.get(), 0, pages.span().subspan(64, kPage), 0}, "multiples of 4096"},
  };
  ASSERT_VALUE(queue, io_->queue({.depth = 2}));
  for (const auto& [request, part] : bad) {
    const BlockRequest batch[] = {good, request};
    EXPECT_ERROR(queue->submit(batch), Code::kInvalidArgument, part);
    EXPECT_EQ(queue->in_flight(), 0u) << "none of a bad batch is taken";
  }
  ASSERT_VALUE(size, made->size());
  EXPECT_EQ(size, 0u);
  const BlockRequest three[] = {good, good, good};
  EXPECT_ERROR(queue->submit(three), Code::kResourceExhausted, "depth 2: 0 in flight, 3 more do not fit");
  EXPECT_ERROR(io_->queue({.depth = 0}), Code::kInvalidArgument, "depth 0");
  EXPECT_ERROR(io_->queue({.depth = 5000}), Code::kInvalidArgument, "depth 5000");
  EXPECT_TRUE(queue->wait(10).empty()) << "nothing in flight: returns at once";
  EXPECT_ERROR(io_->open(path("none"), {}), Code::kNotFound, path("none"));
}

TEST_P(BlockIoContract, APassedDeadlineHandsEverythingBack) {
  ASSERT_VALUE(file, io_->open(path("f"), kNew));
  auto bytes = pattern(64 * kPage, 5);
  ASSERT_OK(run(BlockOp::kWrite, *file, 0, bytes));
  ASSERT_VALUE(queue, io_->queue({.depth = 64}));
  if (auto* simulated = dynamic_cast<SimulatedBlockIo*>(io_.get()))
    simulated->set_latency({milliseconds(200), milliseconds(60'000)});
  std::vector<std::byte> out(64 * kPage);
  std::vector<BlockRequest> reads;
  for (size_t i = 0; i < 64; ++i)
    reads.push_back({BlockOp::kRead, file.get(), i * kPage, std::span(out).subspan(i * kPage, kPage), i});
  ASSERT_OK(queue->submit(reads));
  Stop stop;
  stop.deadline = std::chrono::steady_clock::now();
  const auto begin = std::chrono::steady_clock::now();
  std::map<uint64_t, int> seen;
  for (const BlockCompletion& done : queue->wait(64, stop)) {
    ++seen[done.tag];
    EXPECT_TRUE(done.result.ok() || test::is_error(done.result, Code::kDeadlineExceeded, "deadline"));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_EQ(seen.size(), 64u);
  EXPECT_EQ(queue->in_flight(), 0u);
  if (auto* simulated = dynamic_cast<SimulatedBlockIo*>(io_.get())) simulated->set_latency({});
  ASSERT_OK(queue->submit(std::span(reads).first(8))) << "the queue works on";
  size_t completed = 0;
  while (completed < 8)
    for (const BlockCompletion& done : queue->wait(1)) {
      ++completed;
      EXPECT_OK(done.result);
    }
}

TEST_P(BlockIoContract, AQueueMayGoAwayWithRequestsInFlight) {
  ASSERT_VALUE(file, io_->open(path("f"), kNew));
  auto bytes = pattern(128 * kPage, 7);
  ASSERT_OK(run(BlockOp::kWrite, *file, 0, bytes));
  for (int round = 0; round < 20; ++round) {
    std::vector<std::byte> out(128 * kPage);  // freed right after the queue: ASan sees a late write
    ASSERT_VALUE(queue, io_->queue({.depth = 128}));
    std::vector<BlockRequest> reads;
    for (size_t i = 0; i < 128; ++i)
      reads.push_back({BlockOp::kRead, file.get(), i * kPage, std::span(out).subspan(i * kPage, kPage), i});
    ASSERT_OK(queue->submit(reads));
    if (round % 2 == 0) (void)queue->wait(1);
    queue.reset();
  }
}

TEST_P(BlockIoContract, ThreadsWithQueuesOfTheirOwn) {
  ASSERT_VALUE(file, io_->open(path("f"), kNew));
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const auto queue = io_->queue({.depth = 16});
      ASSERT_OK(queue);
      auto bytes = pattern(16 * kPage, t);
      const auto expected = bytes;
      for (const BlockOp op : {BlockOp::kWrite, BlockOp::kRead}) {
        if (op == BlockOp::kRead) std::ranges::fill(bytes, std::byte{0});
        std::vector<BlockRequest> requests;
        for (size_t i = 0; i < 16; ++i)
          requests.push_back(
              {op, file.get(), (t * 16 + i) * kPage, std::span(bytes).subspan(i * kPage, kPage), i});
        ASSERT_OK((*queue)->submit(requests));
        const auto done = (*queue)->wait(16);
        ASSERT_EQ(done.size(), 16u);
        for (const BlockCompletion& completion : done) EXPECT_OK(completion.result);
      }
      EXPECT_EQ(bytes, expected) << "thread " << t;
    });
  for (std::thread& thread : threads) thread.join();
}

class RealBlockIo : public BlockIoContract {};

TEST_P(RealBlockIo, AShortWriteIsContinuedThenAFullDiskIsAnError) {
  ASSERT_VALUE(file, io_->open(path("f"), kNew));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{10'000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  auto bytes = pattern(16'384, 8);
  const Result<void> written =
      run(BlockOp::kWrite, *file, 0, bytes);  // the kernel takes 10,000 bytes, then says EFBIG
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_ERROR(written, Code::kResourceExhausted, path("f"));
  ASSERT_OK(run(BlockOp::kWrite, *file, 0, bytes));
}

std::string engine_name(const testing::TestParamInfo<const char*>& test) {
  return test.param;
}
INSTANTIATE_TEST_SUITE_P(All, BlockIoContract, testing::Values("io_uring", "pread", "simulated"),
                         engine_name);
INSTANTIATE_TEST_SUITE_P(All, RealBlockIo, testing::Values("io_uring", "pread"), engine_name);

}  // namespace
}  // namespace kith

// Goal: while codes are trained anew and come in, no search meets a mix of them, and whatever is saved has
// codes of one kind. Method: rows drift under searches for rows that stay and for some that leave, and under
// checkpoints, each of which is opened; in the end each code is compared with its vector. Run under TSan.
#include <atomic>
#include <thread>

#include "tests/index/graph/retrain_support.h"

namespace kith::test {
namespace {

#ifdef KITH_SANITIZED
constexpr size_t kStages = 7;
#else
constexpr size_t kStages = 20;
#endif
constexpr uint32_t kDim = 24;
constexpr size_t kStep = 1000, kWindow = 4500, kAnchors = 500;  // the first of all, which stay

class RetrainConcurrency : public testing::TestWithParam<const char*> {
 protected:
  void run();
  void search(uint64_t seed);
  void save();

  const Vectors vectors_ = drifting_vectors(kStages * kStep, kDim, kStep, 2, test_seed(91));
  MemoryFileSystem fs_;
  ThreadPool pool_{2};
  IndexSpec spec_;
  std::unique_ptr<Index> index_;
  std::atomic<size_t> begin_{kAnchors}, end_{0};  // of the window
  std::atomic<size_t> gone_{kAnchors};            // rows up to here are removed
  std::atomic<bool> done_{false};
  std::atomic<size_t> asked_{0}, found_{0}, wrong_{0}, saved_{0};
};

/// For rows that are there all the time: each is the nearest to its own vector.
void RetrainConcurrency::search(uint64_t seed) {
  Random random(seed);
  while (!done_) {
    const size_t gone = gone_, begin = begin_, end = end_;
    if (end < kWindow) continue;
    const size_t row = random.below(3) == 0 ? random.below(kAnchors) : begin + random.below(end - begin);
    SearchRequest request = request_of(vectors_, row, 5);
    request.effort = 60;
    const auto answer = index_->search(request);
    if (!answer || answer->neighbors.size() != 5) {
      ++wrong_;
      ++asked_;
      continue;
    }
    for (const Neighbor& neighbor : answer->neighbors) {
      const double exact = l2(vectors_.row(row), vectors_.row(neighbor.row), kDim);
      wrong_ += std::abs(neighbor.distance - exact) > 1e-4 * exact + 1e-3;
      wrong_ += neighbor.row >= kAnchors && neighbor.row < gone;
    }
    if (row >= kAnchors && row < begin_) continue;  // it has left meanwhile
    ++asked_;
    found_ += answer->neighbors[0].row == row;
  }
}

void RetrainConcurrency::save() {
  while (!done_) {
    MemoryFileSystem files;
    CheckpointDirectory directory(files);
    EXPECT_OK(directory.write(*index_));
    const auto opened = find_index_kind(spec_.kind).value()->open(directory, {.fs = &fs_, .directory = "."});
    ASSERT_OK(opened);
    if (graph_of(**opened).codes() == nullptr) continue;
    expect_codes_of_vectors(**opened);
    ++saved_;
  }
}

void RetrainConcurrency::run() {
  spec_ = spec_of("vamana", Metric::kL2, kDim, {{"codes", "rabitq4"}, {"memory", GetParam()}}, &pool_);
  spec_.fs = &fs_;
  spec_.directory = ".";
  ASSERT_VALUE(created, create_index(spec_));
  index_ = std::move(created);
  std::thread one([&] { search(1); }), two([&] { search(2); }), saver([&] { save(); });
  for (size_t end = 100; end <= vectors_.rows; end += 100) {
    EXPECT_OK(add_part(*index_, vectors_, end - 100, 100));
    end_ = end;
    // None is left behind.
    while (std::min(asked_ * 10, saved_ * 2 * kStep) + kWindow < end) std::this_thread::yield();
    for (size_t row = begin_; row + kWindow < end; ++row) {
      begin_ = row + 1;
      EXPECT_OK(index_->remove(static_cast<Row>(row)));
      gone_ = row + 1;
    }
  }
  done_ = true;
  one.join();
  two.join();
  saver.join();
}

TEST_P(RetrainConcurrency, NoSearchMeetsAMix) {
  run();
  settle(*index_, spec_);
  std::printf("%s: %zu of %zu found, %zu checkpoints, codes trained %u times\n", GetParam(), found_.load(),
              asked_.load(), saved_.load(), index_->stats().code_version);
  EXPECT_EQ(wrong_, 0u);
  EXPECT_GT(asked_, 100u);
  EXPECT_GE(static_cast<double>(found_), 0.98 * static_cast<double>(asked_));
  EXPECT_GE(index_->stats().code_version, 2u);
  EXPECT_GT(saved_, 0u);
  expect_codes_of_vectors(*index_);
  ASSERT_VALUE(audit, audit_graph(*index_));
  EXPECT_EQ(audit.unreachable, 0u);
}

INSTANTIATE_TEST_SUITE_P(Memory, RetrainConcurrency, testing::Values("vectors", "codes"),
                         [](const auto& each) { return std::string(each.param); });

/// Two ask for turns one after the other, while readers come and go.
TEST(GraceConcurrency, TurnsOfSeveral) {
  GracePeriod grace;
  EXPECT_TRUE(grace.over(grace.begin_turn()));
  auto first = std::make_unique<GracePeriod::Reader>(grace);
  const uint64_t one = grace.begin_turn();
  auto second = std::make_unique<GracePeriod::Reader>(grace);
  const uint64_t two = grace.begin_turn();  // waits for the second reader as well, so it is another
  EXPECT_FALSE(grace.over(one));
  EXPECT_FALSE(grace.over(two));
  first.reset();
  EXPECT_TRUE(grace.over(one));
  EXPECT_FALSE(grace.over(two));
  const auto third = std::make_unique<GracePeriod::Reader>(grace);
  EXPECT_TRUE(grace.over(one));
  second.reset();
  EXPECT_TRUE(grace.over(two)) << "the third came after it began";
  EXPECT_TRUE(grace.over(one));
}

}  // namespace
}  // namespace kith::test

// Goal: rows with labels leave the graph as others do, and each label's rows stay as well reached as in a
// graph that never had those: all of them, from a start that is there, at a fresh build's recall; counts are
// of live rows. Method: churn beside an exact index and fresh builds; whole labels, starts, chains of equal
// vectors, checkpoints; threads, under TSan in CI; deletes=keep beside it.
#include <atomic>
#include <thread>

#include "tests/index/graph/label_delete_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 24;
constexpr Label kLabels = kBesideLabels;

class LabelDeletes : public testing::TestWithParam<const char*> {
 protected:
  IndexOptions options() const { return {{"labels", GetParam()}}; }

  const uint64_t seed_ = test_seed(91);
  testing::ScopedTrace trace_{__FILE__, __LINE__, "KITH_SEED=" + std::to_string(seed_)};
  Random random_{seed_};
};

/// Six times over: a quarter of the rows leaves, as many come.
TEST_P(LabelDeletes, LeaveEachLabelAsGoodAsInAFreshGraph) {
  constexpr size_t kRows = 2400, kStep = 600, kCycles = 6;
  const auto [vectors, queries] =
      rows_and_queries(clustered_vectors(kRows + kCycles * kStep + 300, kDim, 6, seed_), 300);
  Beside beside(options(), vectors, zipf_labels(vectors.rows, kLabels, random_));
  beside.add(kRows);
  beside.settle();
  for (size_t cycle = 0; cycle < kCycles; ++cycle) {
    SCOPED_TRACE(testing::Message() << "cycle " << cycle);
    beside.remove_some(kStep, random_);
    beside.add(kStep);
    beside.settle();
    beside.expect_whole(random_);
  }
  EXPECT_LE(dynamic_cast<const GraphIndex&>(beside.index()).rows().size(), kRows + 2 * kStep)
      << "nodes are used again";
  const Beside fresh = beside.fresh(options());
  const double forced = forced_edges(beside.index()),
               forced_fresh = forced_edges(const_cast<Beside&>(fresh).index());
  std::printf("%s: edges that stay a node %.2f, fresh %.2f\n", GetParam(), forced, forced_fresh);
  EXPECT_LE(forced, 1.35 * forced_fresh);
  for (const Label label : {1u, 3u, 6u, kLabels}) {
    const LabelRecall churned = beside.recall(label, FilterPlan::kLabels, queries, 10);
    const LabelRecall expected = fresh.recall(label, FilterPlan::kLabels, queries, 10);
    std::printf("%s, label %u: recall %.3f at %.0f distances, fresh %.3f at %.0f\n", GetParam(), label,
                churned.recall, churned.distances, expected.recall, expected.distances);
    EXPECT_GE(churned.recall, expected.recall - 0.015) << "label " << label;
    if (!fresh.fused()) {
      EXPECT_EQ(churned.as_asked, queries.rows) << "label " << label;
    }
  }
}

/// All rows of a label, until none is there; then its rows come back.
TEST_P(LabelDeletes, TakeWholeLabelsWhichComeBack) {
  constexpr size_t kRows = 2000;
  const Vectors vectors = clustered_vectors(2 * kRows, kDim, 8, seed_);
  Beside beside(options(), vectors, zipf_labels(vectors.rows, kLabels, random_));
  beside.add(kRows);
  beside.settle();
  for (const Label label : {Label{kLabels}, 3u, 1u}) {
    beside.remove_all_with(label);
    beside.expect_whole(random_);  // marked as removed alone, some
    beside.settle();
    EXPECT_EQ(table_of(beside.index()).start(label), kNoNode);
    beside.expect_whole(random_);
  }
  beside.add(kRows / 2);
  beside.expect_whole(random_);
  beside.remove_some(beside.live().size(), random_);
  beside.settle();
  beside.expect_whole(random_);
  beside.add(kRows / 2);
  beside.settle();
  beside.expect_whole(random_);
}

/// Equal vectors with labels of their own: a node is walked by those of its chain.
TEST_P(LabelDeletes, KeepEqualVectorsFoundByTheirLabels) {
  constexpr size_t kRows = 1200, kCycles = 12, kStep = 200;
  Vectors vectors = clustered_vectors(kRows + kCycles * kStep, kDim, 8, seed_);
  for (size_t row = 300; row < vectors.rows; ++row)  // most are one of thirty
    if (row % 3 != 0)
      std::copy_n(vectors.row(row % 30), kDim, vectors.data.begin() + static_cast<ptrdiff_t>(kDim * row));
  std::vector<LabelSet> labels = zipf_labels(vectors.rows, kLabels, random_);
  for (size_t row = 0; row < labels.size(); ++row)
    if (row % 30 == 7 && row % 3 != 0)  // more labels together than a set has: walked by every label
      labels[row].push_back(static_cast<Label>(1000 + row));
  Beside beside(options(), vectors, labels);
  beside.add(kRows);
  beside.settle();
  for (size_t cycle = 0; cycle < kCycles; ++cycle) {
    SCOPED_TRACE(testing::Message() << "cycle " << cycle);
    if (cycle == 5) beside.remove_all_with(4);
    beside.remove_some(kStep, random_);
    beside.add(kStep);
    if (cycle % 2 == 0) beside.settle();
    beside.expect_whole(random_);
    if (cycle % 3 == 1) beside.reopen();
    beside.expect_whole(random_);
  }
  for (Row row = 0; row < beside.end(); ++row) {
    if (labels[row].empty() || labels[row].back() < 1000) continue;
    const LabelQuery query = any_of({labels[row].back()});
    expect_kept(beside.index(), beside.flat(), asking(query, FilterPlan::kLabels, vectors[row]),
                beside.matching(query));
  }
}

/// Some have left, some wait to when the checkpoint is taken; nodes are those of other rows by then.
TEST_P(LabelDeletes, ComeBackFromACheckpoint) {
  constexpr size_t kRows = 2000, kStep = 300;
  const Vectors vectors = clustered_vectors(kRows + 6 * kStep, kDim, 8, seed_);
  Beside beside(options(), vectors, zipf_labels(vectors.rows, kLabels, random_));
  beside.add(kRows);
  for (int cycle = 0; cycle < 6; ++cycle) {
    beside.remove_some(kStep, random_);
    if (cycle % 2 == 0) beside.settle();
    beside.add(kStep);
    beside.remove_some(50, random_);
    beside.reopen();
    beside.expect_whole(random_);
    beside.settle();
    beside.expect_whole(random_);
  }
}

/// What stays in the graph for ever is not returned, and counted no more.
TEST_P(LabelDeletes, KeepThemWhereAsked) {
  const Vectors vectors = clustered_vectors(2000, kDim, 8, seed_);
  IndexOptions keep = options();
  keep.emplace_back("deletes", "keep");
  Beside beside(keep, vectors, zipf_labels(vectors.rows, kLabels, random_));
  beside.add(1800);
  beside.settle();
  beside.remove_some(900, random_);
  beside.remove_all_with(3);
  beside.settle();
  beside.expect_whole(random_);
  for (Node node = 0; node < 1800; ++node) ASSERT_FALSE(graph_of(beside.index()).leaving(node));
  beside.reopen();
  beside.add(200);
  beside.settle();
  EXPECT_EQ(dynamic_cast<const GraphIndex&>(beside.index()).rows().size(), 2000u) << "no node is used again";
  beside.expect_whole(random_);
}

/// The other ways to compare with hold the trees of labels, too.
TEST_P(LabelDeletes, HoldLabelsWhateverTakesTheirPlace) {
  for (const char* deletes : {"consolidate", "drop"}) {
    SCOPED_TRACE(deletes);
    const Vectors vectors = clustered_vectors(2000, kDim, 8, seed_);
    IndexOptions other = options();
    other.emplace_back("deletes", deletes);
    Beside beside(other, vectors, zipf_labels(vectors.rows, kLabels, random_));
    beside.add(1500);
    beside.settle();
    beside.remove_some(700, random_);
    beside.settle();
    beside.add(500);
    beside.settle();
    beside.expect_whole(random_);
  }
}

/// Rows that nobody removes are found by their labels all the time, while others come and go.
TEST_P(LabelDeletes, MissNothingMeanwhile) {
  constexpr size_t kRows = 3000, kAtATime = 800, kStep = 100;
  Vectors vectors = clustered_vectors(kRows, kDim, 10, seed_);
  for (size_t i = 0; i < 100; ++i)  // equal vectors with other labels
    std::copy_n(vectors.row(20 * i), kDim,
                vectors.data.begin() + static_cast<ptrdiff_t>(kDim * (20 * i + 7)));
  const std::vector<LabelSet> labels = zipf_labels(kRows, 6, random_);
  ThreadPool pool(2);
  Beside beside(options(), vectors, labels, &pool);
  beside.add(kAtATime);
  beside.settle();
  Index& index = beside.index();
  std::atomic<bool> done{false};
  std::atomic<size_t> missed{0}, gone{0}, wrong{0};
  std::vector<std::atomic<bool>> removed(kRows);
  const auto search = [&](uint64_t seed) {
    Random random(seed);
    while (!done) {
      const size_t row = 4 * random.below(kAtATime / 4);  // these stay
      if (labels[row].empty()) continue;
      std::vector<bool> before(kRows);
      for (size_t i = 0; i < kRows; ++i) before[i] = removed[i].load();
      const LabelQuery query = any_of({labels[row][random.below(labels[row].size())]});
      const FilterPlan plan = random.below(3) == 0 ? FilterPlan::kAuto : FilterPlan::kLabels;
      const auto answer = index.search(asking(query, plan, vectors[row], 3, 40));
      missed += !answer || answer->neighbors.empty() || answer->neighbors[0].distance != 0;
      for (size_t i = 0; answer && i < answer->neighbors.size(); ++i) {
        gone += before[answer->neighbors[i].row];
        wrong += !matches(labels[answer->neighbors[i].row], query);
      }
    }
  };
  std::thread one(search, 1), two(search, 2);
  std::thread saver([&] {
    while (!done) {
      MemoryFileSystem fs;
      CheckpointDirectory directory(fs);
      if (!directory.write(index).ok()) ADD_FAILURE();
      const auto opened = find_index_kind("vamana").value()->open(directory, {});
      ASSERT_OK(opened);
      for (Label label = 1; label <= 6 && !beside.fused(); ++label)
        EXPECT_EQ(unreached_by(**opened, label), 0u) << "label " << label;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  for (size_t end = kAtATime; end + 2 * kStep <= kRows; end += kStep) {
    beside.add(kStep);
    for (size_t row = end - kAtATime; row < end - kAtATime + kStep; ++row) {
      if (row % 4 == 0) continue;
      beside.remove(static_cast<Row>(row));
      removed[row] = true;
    }
    if (end % 600 == 0) beside.settle();
  }
  beside.settle();
  done = true;
  one.join();
  two.join();
  saver.join();
  EXPECT_EQ(missed, 0u);
  EXPECT_EQ(gone, 0u);
  EXPECT_EQ(wrong, 0u);
  beside.settle();
  beside.add(kStep);  // nobody stands on a node by now
  beside.settle();
  beside.expect_whole(random_, 6);
  EXPECT_LT(dynamic_cast<const GraphIndex&>(index).rows().size(), kRows) << "none was used again";
}

INSTANTIATE_TEST_SUITE_P(Labels, LabelDeletes, ::testing::Values("filtered", "stitched", "fused"));

class LabelStarts : public testing::TestWithParam<const char*> {};

/// Of each label in turn, until few rows are left.
TEST_P(LabelStarts, MoveToRowsThatStay) {
  const uint64_t seed = test_seed(92);
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  const Vectors vectors = clustered_vectors(1000, kDim, 5, seed);
  Beside beside({{"labels", GetParam()}}, vectors, zipf_labels(1000, kLabels, random));
  beside.add(1000);
  beside.settle();
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round);
    for (Label label = 1; label <= kLabels; ++label) {
      const Node start = table_of(beside.index()).start(label);
      if (start == kNoNode) continue;
      const Row row = dynamic_cast<const GraphIndex&>(beside.index()).rows().row(start);
      if (beside.live().contains(row)) beside.remove(row);
    }
    beside.settle();
    for (Label label = 1; label <= kLabels; ++label) {
      EXPECT_EQ(unreached_by(beside.index(), label), 0u) << "label " << label;
      EXPECT_EQ(table_of(beside.index()).loose(label), 0u) << "label " << label;
    }
    ASSERT_EQ(audit_graph(beside.index())->unreachable, 0u);
    if (round % 10 == 0) beside.expect_whole(random);
  }
  beside.expect_whole(random);
}
INSTANTIATE_TEST_SUITE_P(Labels, LabelStarts, ::testing::Values("filtered", "stitched"));

/// A node that begins a label for an equal vector that has left does so until it is opened by who knows of no
/// such vector.
TEST(LabelChains, ThatHeldATreeAreMendedAfterOpening) {
  Vectors vectors = normal_vectors(400, kDim, 5);
  std::copy_n(vectors.row(5), kDim, vectors.data.begin() + 300 * kDim);
  std::vector<LabelSet> labels(400, LabelSet{1});
  std::fill(labels.begin() + 300, labels.end(), LabelSet{7});
  Beside beside({{"labels", "filtered"}}, vectors, labels);
  for (const size_t count : {300, 1, 99}) {
    beside.add(count);
    beside.settle();
  }
  ASSERT_EQ(table_of(beside.index()).start(7), 5u);
  beside.remove(300);
  beside.settle();
  EXPECT_EQ(table_of(beside.index()).start(7), 5u) << "it is walked by the label still";
  EXPECT_EQ(unreached_by(beside.index(), 7), 0u);
  beside.reopen();
  const Node start = table_of(beside.index()).start(7);
  ASSERT_NE(start, kNoNode);
  EXPECT_EQ(labels[start], LabelSet{7});
  EXPECT_EQ(unreached_by(beside.index(), 7), 0u);
  Random random(5);
  beside.expect_whole(random);
}

/// A row with the universal label is found by each, whoever leaves.
TEST(UniversalLabel, IsHeldTogetherToo) {
  const uint64_t seed = test_seed(93);
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  constexpr Label kUniversal = 100;
  Random random(seed);
  const Vectors vectors = clustered_vectors(2400, kDim, 8, seed);
  std::vector<LabelSet> labels;
  for (Row row = 0; row < 2400; ++row) labels.push_back({row % 10 == 0 ? kUniversal : row % 3 + 1});
  Beside beside({{"labels", "filtered"}, {"universal_label", "100"}}, vectors, labels);
  beside.add(1200);
  for (int cycle = 0; cycle < 4; ++cycle) {
    beside.remove_some(300, random);
    beside.add(300);
    beside.settle();
    for (const Label label : {1u, 2u, 3u, kUniversal}) {
      SCOPED_TRACE(testing::Message() << "cycle " << cycle << ", label " << label);
      EXPECT_EQ(unreached_by(beside.index(), label), 0u);
      for (const FilterPlan plan : {FilterPlan::kLabels, FilterPlan::kScan})
        expect_kept(beside.index(), beside.flat(),
                    asking(any_of({label}), plan, vectors[random.below(1200)], 700, 40),
                    beside.matching(any_of({label, kUniversal})));
    }
  }
}

/// The same calls give the same files, whatever the threads.
TEST(LabelDeletesInBatches, DoNotDependOnThreads) {
  const uint64_t seed = test_seed(94);
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  const Vectors vectors = clustered_vectors(1500, kDim, 8, seed);
  Random random(seed);
  const std::vector<LabelSet> labels = zipf_labels(1500, kLabels, random);
  CheckpointFiles first;
  for (const size_t threads : {0, 1, 3}) {
    ThreadPool pool(std::max<size_t>(threads, 1));
    Beside beside({{"labels", "filtered"}, {"deterministic", "true"}}, vectors, labels,
                  threads == 0 ? nullptr : &pool);
    Random choose(seed);
    beside.add(1200);
    beside.remove_some(600, choose);
    beside.add(300);
    beside.remove_some(300, choose);
    beside.expect_whole(choose);
    const auto files = checkpoint_files(beside.index());
    if (threads == 0) first = files;
    EXPECT_EQ(files, first) << threads << " threads";
  }
}

}  // namespace
}  // namespace kith::test

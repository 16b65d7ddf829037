// Goal: rows with labels come, go, are searched by label and saved at once without a race, and none is lost
// to a label, in memory or in what was saved. Method: threads on one index with a pool, run under TSan in CI;
// rows are found by their own vector and label as soon as they were added; each label's reachability at the
// end and in every checkpoint that was opened. With labels=nested the same of equal vectors.
#include <atomic>
#include <thread>

#include "tests/index/graph/nested_support.h"

namespace kith::test {
namespace {

constexpr size_t kRows = 2400, kStep = 40;
constexpr uint32_t kDim = 12;

TEST(LabelConcurrency, NoRowIsLostToALabel) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  Vectors vectors = clustered_vectors(kRows, kDim, 10, seed);
  for (size_t i = 0; i < 60; ++i)  // equal vectors with other labels, linked at about the same time
    std::copy_n(vectors.row(40 * i), kDim,
                vectors.data.begin() + static_cast<ptrdiff_t>(kDim * (40 * i + 7)));
  const std::vector<LabelSet> labels = zipf_labels(kRows, 8, random);
  const IndexKind* kind = find_index_kind("vamana").value();
  const IndexOptions options = {{"labels", "filtered"}, {"degree", "32"}, {"ef_construction", "60"}};
  ThreadPool pool(2);
  ASSERT_VALUE(index, create_index(spec_of("vamana", Metric::kL2, kDim, options, &pool)));
  std::atomic<size_t> added{0};
  std::atomic<bool> failed{false};
  const auto search = [&](uint64_t mine) {
    Random choose(mine);
    while (added < kRows && !failed) {
      const size_t limit = added;
      if (limit == 0) continue;
      const size_t i = choose.below(limit);
      if (labels[i].empty()) continue;
      const LabelQuery query = any_of({labels[i][choose.below(labels[i].size())]});
      auto answer = index->search(asking(query, FilterPlan::kLabels, vectors[i], 5, 40));
      const auto found = [&] { return !answer->neighbors.empty() && answer->neighbors[0].distance == 0; };
      if (answer && !found())  // near and missed, or out of reach?
        answer = index->search(asking(query, FilterPlan::kLabels, vectors[i], 5, 400));
      if (!answer) failed = true;
      for (size_t n = 0; answer && n < answer->neighbors.size(); ++n)
        if (!matches(labels[answer->neighbors[n].row], query)) failed = true;
      // A removed row may be missing; every other one is its own nearest.
      if (i % kStep != 0 && answer && !found()) failed = true;
    }
  };
  std::thread one(search, 1), two(search, 2);
  std::thread saver([&] {
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs);
    while (added < kRows && !failed) {
      EXPECT_OK(directory.write(*index));
      const auto opened = kind->open(directory, {});
      ASSERT_OK(opened);
      for (Label label = 1; label <= 8; ++label)
        EXPECT_EQ(unreached_by(**opened, label), 0u) << "label " << label << " after " << added << " rows";
    }
  });
  for (size_t i = 0; i < kRows; i += kStep) {
    EXPECT_OK(add_labeled(*index, vectors, labels, i, kStep));
    EXPECT_OK(index->remove(static_cast<Row>(i)));
    added = i + kStep;
  }
  one.join();
  two.join();
  saver.join();
  EXPECT_FALSE(failed) << "after " << added << " rows";
  ASSERT_OK(kind->settle(*index, Stop{}));
  for (Label label = 1; label <= 8; ++label) EXPECT_EQ(unreached_by(*index, label), 0u) << "label " << label;
  EXPECT_EQ(audit_graph(*index)->unreachable, 0u);
}

/// Each pair of rows of one vector and one set comes to two linkers at about the same time: only one of them
/// has lists, and whoever asks for the set has to meet that one first in the chain.
TEST(LabelConcurrency, NoEqualVectorIsLostToItsSet) {
  constexpr size_t kVectors = 200, kPairs = 5;
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  const LabelSet sets[kPairs] = {{2}, {1, 2}, {1, 3}, {2, 3}, {3}};
  Vectors vectors = clustered_vectors(kVectors, kDim, 10, seed);
  std::vector<LabelSet> labels(kVectors, LabelSet{1});
  for (size_t i = 0; i < kVectors * kPairs * 2; ++i) {
    const std::vector<float> twin(vectors.row(i / (2 * kPairs)), vectors.row(i / (2 * kPairs)) + kDim);
    vectors.data.insert(vectors.data.end(), twin.begin(), twin.end());
    labels.push_back(sets[i / 2 % kPairs]);
  }
  vectors.rows = labels.size();
  ThreadPool pool(3);
  const IndexOptions options = {{"labels", "nested"}, {"ef_construction", "40"}};
  const IndexKind* kind = find_index_kind("vamana").value();
  ASSERT_VALUE(index, create_index(spec_of("vamana", Metric::kL2, kDim, options, &pool)));
  ASSERT_OK(add_labeled(*index, vectors, labels, 0, kVectors));
  ASSERT_OK(kind->settle(*index, Stop{}));
  ASSERT_OK(add_labeled(*index, vectors, labels, kVectors, labels.size() - kVectors));
  ASSERT_OK(kind->settle(*index, Stop{}));
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write(*index));
  ASSERT_VALUE(opened, kind->open(directory, {}));
  for (const Index* each : {index.get(), opened.get()}) {
    for (const LabelSet& set : sets) expect_lists_lead_right(*each, labels, {LabelMatch::kEqual, set});
    for (const Label label : {1u, 2u, 3u}) expect_lists_lead_right(*each, labels, any_of({label}));
  }
}

}  // namespace
}  // namespace kith::test

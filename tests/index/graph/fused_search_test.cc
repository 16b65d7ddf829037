// Goal: with labels=fused every plan answers any question about labels with live rows that match and never
// short, among rows that are removed, equal or not linked yet; and so does the index that was saved and
// opened, whole or in the middle of linking; no bytes of a checkpoint make opening it crash. Method: random
// sets and queries against a plain model over the flat kind; edited files with right checksums.
#include <atomic>
#include <future>
#include <thread>

#include "index/graph/graph_codec.h"
#include "index/vamana/vamana_kind.h"
#include "tests/fuzz/checkpoint_mutator.h"
#include "tests/index/graph/label_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 12;
constexpr size_t kLinked = 1200, kWaiting = 200, kRows = kLinked + kWaiting;
constexpr Label kUniversal = 60;

IndexSpec fused_spec(ThreadPool* pool = nullptr, IndexOptions more = {}) {
  more.insert(more.end(), {{"labels", "fused"}, {"degree", "32"}, {"ef_construction", "60"}});
  return spec_of("vamana", Metric::kL2, kDim, std::move(more), pool);
}

class FusedSearch : public testing::Test {
 protected:
  void expect_answers(const Index& index, const Index& flat, size_t rows, int rounds) {
    RowSet even;
    for (Row row = 0; row < rows; row += 2) even.add(row);
    for (int round = 0; round < rounds; ++round) {
      for (const LabelQuery& query : some_queries(random_)) {
        RowSet matching = rows_matching(labels_, query);
        matching.intersect(RowSet::range(0, rows));
        RowSet both = matching;
        both.intersect(even);
        for (const FilterPlan plan : kAllPlans) {
          SCOPED_TRACE(testing::Message()
                       << "plan " << filter_plan_name(plan) << ", match " << static_cast<int>(query.match)
                       << ", " << query.labels.size() << " labels");
          const uint32_t k = round == 1 ? 4'000'000'000u : 10;
          SearchRequest request = asking(query, plan, vectors_[random_.below(rows)], k, 40);
          expect_kept(index, flat, request, matching);
          request.allowed = &even;
          expect_kept(index, flat, request, both);
        }
      }
    }
  }

  const uint64_t seed_ = test_seed();
  testing::ScopedTrace trace_{__FILE__, __LINE__, "KITH_SEED=" + std::to_string(seed_)};
  Random random_{seed_};
  Vectors vectors_ = [this] {
    Vectors vectors = clustered_vectors(kRows, kDim, 9, seed_);
    for (size_t i = 0; i < 60; ++i)  // equal vectors with other labels, of linked rows and waiting ones
      std::copy_n(vectors.row(3 * i), kDim,
                  vectors.data.begin() + static_cast<ptrdiff_t>(kDim * (23 * i + 11)));
    return vectors;
  }();
  std::vector<LabelSet> labels_ = zipf_labels(kRows, 12, random_);
  std::unique_ptr<Index> flat_ = build(spec_of("flat", Metric::kL2, kDim), vectors_);
};

/// The last rows wait, for the only thread that would link them is busy.
TEST_F(FusedSearch, EveryPlanAnswersWithRowsThatMatchAndNeverShort) {
  ThreadPool pool(1);
  ASSERT_VALUE(index, create_index(fused_spec(&pool)));
  ASSERT_OK(add_labeled(*index, vectors_, labels_, 0, kLinked));
  ASSERT_OK(find_index_kind("vamana").value()->settle(*index, Stop{}));
  std::promise<void> done;  // goes before the index, which waits for its linkers
  pool.submit([wait = done.get_future().share()] { wait.wait(); });
  ASSERT_OK(add_labeled(*index, vectors_, labels_, kLinked, kWaiting));
  for (Row row = 0; row < kRows; row += 7) {
    ASSERT_OK(index->remove(row));
    ASSERT_OK(flat_->remove(row));
  }
  expect_answers(*index, *flat_, kRows, 2);
  EXPECT_GT(index->stats().pending, 0u);
  done.set_value();
}

TEST_F(FusedSearch, AnEmptyIndexAnswersNothing) {
  ASSERT_VALUE(index, create_index(fused_spec()));
  const auto ask_all = [&] {
    for (const LabelQuery& query : some_queries(random_)) {
      for (const FilterPlan plan : kAllPlans) {
        ASSERT_VALUE(answer, index->search(asking(query, plan, vectors_[0])));
        EXPECT_TRUE(answer.neighbors.empty());
      }
    }
  };
  ask_all();
  ASSERT_OK(add_labeled(*index, vectors_, labels_, 0, 1));
  ASSERT_OK(index->remove(0));
  ask_all();
}

/// Five rows are near nobody else's attributes: a walk for them would go through everything. Counted for what
/// they are, they are scanned.
TEST_F(FusedSearch, FewRowsAreScanned) {
  for (size_t row = 0; row < kRows; ++row) labels_[row] = {1 + static_cast<Label>(row % 3), 10, 20};
  for (size_t i = 0; i < 5; ++i) labels_[200 * i] = {1, 10, 21};
  const auto index = build_labeled(fused_spec(), vectors_, labels_);
  for (const LabelMatch match : {LabelMatch::kAll, LabelMatch::kEqual}) {
    const LabelQuery query{match, {1, 10, 21}};
    ASSERT_VALUE(answer, index->search(asking(query, FilterPlan::kAuto, vectors_[1])));
    EXPECT_EQ(answer.plan, FilterPlan::kScan);
    EXPECT_EQ(answer.neighbors.size(), 5u);
    EXPECT_EQ(answer.stats.full_distances, 5u);
  }
}

TEST_F(FusedSearch, RowsWithTheUniversalLabelMatchAnything) {
  for (size_t row = 0; row < kRows; ++row)
    labels_[row] = {row % 10 == 0 ? kUniversal : static_cast<Label>(row / 9 % 3 + 1)};
  const auto index = build_labeled(fused_spec(nullptr, {{"universal_label", "60"}}), vectors_, labels_);
  for (const Label label : {1u, 2u, 3u}) {
    const RowSet matching = rows_matching(labels_, any_of({label, kUniversal}));
    for (const LabelMatch match : {LabelMatch::kAny, LabelMatch::kAll}) {
      const LabelQuery query{match, {label}};
      const LabelRecall found = measure_labels(*index, *flat_, matching, query, FilterPlan::kLabels,
                                               rows_of(vectors_, RowSet::range(0, 20)), 32);
      EXPECT_GE(found.recall, 0.9) << "label " << label;
      EXPECT_GE(found.as_asked, 10u) << "where a walk would cost more, they are scanned";
    }
  }
}

TEST_F(FusedSearch, TheSameGraphWhateverTheThreads) {
  ThreadPool pool(3);
  const IndexOptions options = {{"deterministic", "true"}};
  const auto alone = build_labeled(fused_spec(nullptr, options), vectors_, labels_);
  const auto together = build_labeled(fused_spec(&pool, options), vectors_, labels_);
  EXPECT_EQ(checkpoint_files(*alone), checkpoint_files(*together));
}

TEST_F(FusedSearch, OpensToTheSameFilesAndAnswers) {
  const auto index = build_labeled(fused_spec(), vectors_, labels_);
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write(*index));
  ASSERT_VALUE(opened, find_index_kind("vamana").value()->open(directory, {}));
  EXPECT_EQ(checkpoint_files(*opened), directory.files());
  for (size_t i = 0; i < 20; ++i) {
    const LabelQuery query{LabelMatch::kAll, {1}};
    const SearchRequest request = asking(query, FilterPlan::kLabels, vectors_[61 * i], 10, 12);
    ASSERT_VALUE(before, index->search(request));
    ASSERT_VALUE(after, opened->search(request));
    ASSERT_EQ(before.neighbors.size(), after.neighbors.size());
    EXPECT_EQ(before.stats.full_distances, after.stats.full_distances) << "the same walk";
    for (size_t n = 0; n < before.neighbors.size(); ++n)
      EXPECT_EQ(before.neighbors[n].row, after.neighbors[n].row);
  }
  expect_answers(*opened, *flat_, kRows, 1);
  ASSERT_OK(find_index_kind("vamana").value()->add_labeled(
      *opened, std::vector<Row>{5000}, part(vectors_, 0, 1), std::vector<LabelSet>{{3, 500}}));
  const LabelQuery fresh = any_of({500});
  ASSERT_VALUE(answer, opened->search(asking(fresh, FilterPlan::kLabels, vectors_[1])));
  ASSERT_EQ(answer.neighbors.size(), 1u);
  EXPECT_EQ(answer.neighbors[0].row, 5000u);
}

/// A race for TSan; answers are right whatever is linked, and a row that stays is its own nearest.
TEST_F(FusedSearch, RowsComeAndGoWhileTheyAreSearchedAndSaved) {
  constexpr size_t kStep = 40;
  const IndexKind* kind = find_index_kind("vamana").value();
  ThreadPool pool(2);
  ASSERT_VALUE(index, create_index(fused_spec(&pool)));
  std::atomic<size_t> added{0}, wrong{0}, missed{0}, asked{0};
  const auto search = [&](uint64_t mine) {
    Random choose(mine);
    while (added < kRows) {
      const size_t limit = added;
      if (limit == 0) continue;
      const size_t i = choose.below(limit);
      if (labels_[i].empty()) continue;
      const LabelQuery query{choose.below(2) == 0 ? LabelMatch::kAll : LabelMatch::kAny, labels_[i]};
      const auto answer = index->search(asking(query, FilterPlan::kLabels, vectors_[i], 5, 40));
      wrong += !answer.ok();
      for (size_t n = 0; answer && n < answer->neighbors.size(); ++n)
        wrong += !matches(labels_[answer->neighbors[n].row], query);
      if (i % kStep == 0 || !answer) continue;
      ++asked;
      missed += answer->neighbors.empty() || answer->neighbors[0].distance != 0;
    }
  };
  std::thread one(search, 1), two(search, 2), saver([&] {
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs);
    while (added < kRows) {
      EXPECT_OK(directory.write(*index));
      const auto opened = kind->open(directory, {});
      ASSERT_OK(opened);
      EXPECT_EQ(audit_graph(**opened)->unreachable, 0u) << "after " << added << " rows";
    }
  });
  for (size_t i = 0; i < kRows; i += kStep) {
    EXPECT_OK(add_labeled(*index, vectors_, labels_, i, kStep));
    EXPECT_OK(index->remove(static_cast<Row>(i)));
    added = i + kStep;
  }
  one.join();
  two.join();
  saver.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_LE(missed * 50, asked) << "one in fifty at most";
  ASSERT_OK(kind->settle(*index, Stop{}));
  EXPECT_EQ(audit_graph(*index)->unreachable, 0u);
}

/// Edges to nodes that were being linked are left out.
TEST_F(FusedSearch, SavedInTheMiddleOfLinkingItHangsTogetherAgain) {
  const auto index = build_labeled(fused_spec(), vectors_, labels_);
  auto& graph = const_cast<GraphStore&>(dynamic_cast<const GraphIndex&>(*index).graph());
  for (Node node = 0; node < kRows; node += 4) graph.base().assign(node, {});
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  const RowTable& rows = dynamic_cast<const GraphIndex&>(*index).rows();
  ASSERT_OK(directory.write_with([&](CheckpointOutput& out) {  // the last row came while it was written
    return write_graph(out, kVamanaGraph, fused_spec(), kRows - 1, rows, graph);
  }));
  ASSERT_VALUE(opened, find_index_kind("vamana").value()->open(directory, {}));
  ASSERT_OK(flat_->remove(kRows - 1));
  expect_answers(*opened, *flat_, kRows - 1, 1);
  EXPECT_EQ(audit_graph(*opened)->unreachable, 0u);
}

TEST_F(FusedSearch, NoBytesMakeOpeningItCrash) {
  for (int round = 0; round < 300; ++round) {
    std::vector<uint8_t> input{1};
    for (size_t i = 0; i < 3 * (1 + random_.below(4)); ++i)
      input.push_back(static_cast<uint8_t>(random_.below(256)));
    fuzz::open_mutated(fuzz::kFused, input);
  }
}

/// A file that ends early, or of which a bit is another one, is refused with the file's name.
TEST_F(FusedSearch, TornAndFlippedFilesAreRefused) {
  const CheckpointFiles whole = fuzz::coded_checkpoint("fused");
  const auto expect_refused = [&](const CheckpointFiles& files, size_t at) {
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs);
    ASSERT_OK(directory.put(files));
    const auto opened = find_index_kind("vamana").value()->open(directory, {});
    ASSERT_FALSE(opened.ok()) << "byte " << at;
    EXPECT_EQ(opened.error().code, Code::kCorruption) << "byte " << at << ": " << opened.error().message;
  };
  const size_t size = whole.at(std::string(kMainFile)).size();
  for (size_t at = random_.below(7); at < size; at += 7) {
    CheckpointFiles flipped = whole, torn = whole;
    flipped[std::string(kMainFile)][at] ^= std::byte{1} << (at % 8);
    torn[std::string(kMainFile)].resize(at);
    expect_refused(flipped, at);
    expect_refused(torn, at);
  }
}

}  // namespace
}  // namespace kith::test

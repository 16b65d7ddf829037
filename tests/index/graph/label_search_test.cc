// Goal: a search for labels answers with live rows that carry them and never with fewer than there are,
// whatever the plan, among rows that are removed, equal or not linked yet; and so does the index that was
// saved and opened. Method: random sets and queries against a plain model over the flat kind; equal vectors
// with labels of their own; checkpoints of a graph at rest and in the middle of linking.
#include <future>

#include "base/io/memory_file_system.h"
#include "index/graph/graph_codec.h"
#include "index/vamana/vamana_kind.h"
#include "tests/fuzz/checkpoint_mutator.h"
#include "tests/index/graph/label_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 12;

IndexSpec labeled_spec(ThreadPool* pool = nullptr, IndexOptions more = {}) {
  more.emplace_back("labels", "filtered");
  more.emplace_back("degree", "32");
  return spec_of("vamana", Metric::kL2, kDim, std::move(more), pool);
}

/// Rows 0..1,199 are linked, of which each seventh was removed; the last 200 wait, for the only thread that
/// would link them is busy.
TEST(LabelSearch, EveryPlanAnswersWithRowsThatMatchAndNeverShort) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  constexpr size_t kLinked = 1200, kWaiting = 200;
  Vectors vectors = clustered_vectors(kLinked + kWaiting, kDim, 9, seed);
  for (size_t i = 0; i < 60; ++i)  // equal vectors with other labels, of linked rows and waiting ones
    std::copy_n(vectors.row(3 * i), kDim,
                vectors.data.begin() + static_cast<ptrdiff_t>(kDim * (23 * i + 11)));
  const std::vector<LabelSet> labels = zipf_labels(vectors.rows, 12, random);
  ThreadPool pool(1);
  const auto flat = build(spec_of("flat", Metric::kL2, kDim), vectors);
  ASSERT_VALUE(index, create_index(labeled_spec(&pool)));
  ASSERT_OK(add_labeled(*index, vectors, labels, 0, kLinked));
  ASSERT_OK(find_index_kind("vamana").value()->settle(*index, Stop{}));
  std::promise<void> done;  // goes before the index, which waits for its linkers
  pool.submit([wait = done.get_future().share()] { wait.wait(); });
  ASSERT_OK(add_labeled(*index, vectors, labels, kLinked, kWaiting));
  for (Row row = 0; row < kLinked + kWaiting; row += 7) {
    ASSERT_OK(index->remove(row));
    ASSERT_OK(flat->remove(row));
  }
  RowSet even;
  for (Row row = 0; row < vectors.rows; row += 2) even.add(row);
  for (int round = 0; round < 4; ++round) {
    for (const LabelQuery& query : some_queries(random)) {
      const RowSet matching = rows_matching(labels, query);
      RowSet both = matching;
      both.intersect(even);
      for (const FilterPlan plan : kAllPlans) {
        SCOPED_TRACE(testing::Message()
                     << "plan " << filter_plan_name(plan) << ", match " << static_cast<int>(query.match)
                     << ", " << query.labels.size() << " labels");
        SearchRequest request =
            asking(query, plan, vectors[random.below(vectors.rows)], round == 3 ? 4'000'000'000u : 10, 40);
        expect_kept(*index, *flat, request, matching);
        request.allowed = &even;
        expect_kept(*index, *flat, request, both);
      }
    }
  }
  EXPECT_GT(index->stats().pending, 0u);
  done.set_value();
}

TEST(LabelSearch, ALabelThatNoRowHasIsAnsweredAtOnce) {
  const Vectors vectors = normal_vectors(2000, kDim, 7);
  const auto index = build_labeled(labeled_spec(), vectors, std::vector<LabelSet>(2000, LabelSet{3}));
  const LabelQuery absent = any_of({4});
  for (const FilterPlan plan : {FilterPlan::kAuto, FilterPlan::kLabels}) {
    ASSERT_VALUE(answer, index->search(asking(absent, plan, vectors[0])));
    EXPECT_TRUE(answer.neighbors.empty());
    EXPECT_EQ(answer.stats.full_distances + answer.stats.code_distances + answer.stats.hops, 0u);
    EXPECT_EQ(answer.stats.predicate_evaluations, 0u);
  }
}

TEST(LabelSearch, AnEmptyIndexAnswersNothing) {
  const Vectors vectors = normal_vectors(1, kDim, 7);
  ASSERT_VALUE(index, create_index(labeled_spec()));
  const auto ask_all = [&] {
    for (const LabelMatch match : {LabelMatch::kAny, LabelMatch::kAll, LabelMatch::kEqual}) {
      for (const LabelSet& labels : {LabelSet{}, LabelSet{1}}) {
        const LabelQuery query{match, labels};
        for (const FilterPlan plan : kAllPlans) {
          ASSERT_VALUE(answer, index->search(asking(query, plan, vectors[0])));
          EXPECT_TRUE(answer.neighbors.empty());
        }
      }
    }
  };
  ask_all();
  ASSERT_OK(add_labeled(*index, vectors, {{1}}, 0, 1));
  ASSERT_OK(index->remove(0));
  ask_all();
}

/// A row with the universal label is found by each, and leads from one to the other.
TEST(LabelSearch, RowsWithTheUniversalLabelMatchAnything) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  constexpr Label kUniversal = 100;
  constexpr size_t kQueries = 150;
  const Vectors vectors = clustered_vectors(3000, kDim, 30, seed);
  std::vector<LabelSet> labels;
  for (Row row = 0; row < 3000; ++row) labels.push_back({row % 10 == 0 ? kUniversal : row % 3 + 1});
  const auto index = build_labeled(labeled_spec(nullptr, {{"universal_label", "100"}}), vectors, labels);
  const auto flat = build(spec_of("flat", Metric::kL2, kDim), vectors);
  for (const Label label : {1u, 2u, 3u}) {
    const RowSet matching = rows_matching(labels, any_of({label, kUniversal}));
    const LabelRecall found = measure_labels(*index, *flat, matching, any_of({label}), FilterPlan::kLabels,
                                             normal_vectors(kQueries, kDim, seed + 1));
    EXPECT_GE(found.recall, 0.95) << "label " << label;
    EXPECT_EQ(found.as_asked, kQueries);
    EXPECT_EQ(unreached_by(*index, label), 0u);
  }
  const LabelQuery all{LabelMatch::kAll, {1, 2}};  // universal rows alone
  expect_kept(*index, *flat, asking(all, FilterPlan::kAuto, vectors[5], 3000),
              rows_matching(labels, any_of({kUniversal})));
  const LabelQuery equal{LabelMatch::kEqual, {1}};
  expect_kept(*index, *flat, asking(equal, FilterPlan::kAuto, vectors[5], 3000),
              rows_matching(labels, equal));
}

/// A chain of equal vectors carries more labels than a set may: its node is walked by each of them.
TEST(LabelSearch, EqualVectorsAreFoundByTheLabelsOfEach) {
  constexpr size_t kEqual = 200;
  Vectors vectors = normal_vectors(1000, kDim, 11);
  std::vector<LabelSet> labels(1000, LabelSet{5000});
  for (size_t i = 0; i < kEqual; ++i) {
    std::copy_n(vectors.row(0), kDim, vectors.data.begin() + static_cast<ptrdiff_t>(kDim * (4 * i)));
    labels[4 * i] = {static_cast<Label>(i), static_cast<Label>(1000 + i % 7)};
  }
  const auto index = build_labeled(labeled_spec(), vectors, labels);
  for (size_t i = 0; i < kEqual; ++i) {
    for (const FilterPlan plan : {FilterPlan::kAuto, FilterPlan::kLabels}) {
      const LabelQuery query = any_of({static_cast<Label>(i)});
      ASSERT_VALUE(answer, index->search(asking(query, plan, vectors[0])));
      ASSERT_EQ(answer.neighbors.size(), 1u) << "label " << i;
      EXPECT_EQ(answer.neighbors[0].row, 4 * i);
    }
  }
  EXPECT_EQ(unreached_by(*index, 1003), 0u);
  EXPECT_EQ(unreached_by(*index, 5000), 0u);
}

/// Removed rows lead on: starts of labels, and most others.
TEST(LabelSearch, RemovedRowsLeaveNoLabelUnreached) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  constexpr size_t kRows = 4000;
  auto [vectors, queries] = rows_and_queries(clustered_vectors(kRows + 40, kDim, 20, seed), 40);
  std::vector<LabelSet> labels = zipf_labels(kRows, 8, random);
  const auto index = build_labeled(labeled_spec(), vectors, labels);
  const auto flat = build(spec_of("flat", Metric::kL2, kDim), vectors);
  const auto& table = *dynamic_cast<const GraphIndex&>(*index).graph().labels();
  RowSet live = RowSet::range(0, kRows);
  const auto remove = [&](Row row) {
    ASSERT_OK(index->remove(row));
    ASSERT_OK(flat->remove(row));
    live.remove(row);
  };
  for (Label label = 1; label <= 8; ++label) remove(table.start(label));
  for (Row row = 0; row < kRows; ++row)
    if (row % 5 < 3) remove(row);
  for (Label label = 1; label <= 8; ++label) {
    EXPECT_EQ(unreached_by(*index, label), 0u);
    RowSet matching = rows_matching(labels, any_of({label}));
    matching.intersect(live);
    const LabelRecall found =
        measure_labels(*index, *flat, matching, any_of({label}), FilterPlan::kLabels, queries);
    EXPECT_GE(found.recall, 0.95) << "label " << label;
  }
}

TEST(LabelSearch, LinkingInBatchesDoesNotDependOnThreads) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  Vectors vectors = clustered_vectors(1500, kDim, 12, seed);
  for (size_t i = 0; i < 50; ++i)
    std::copy_n(vectors.row(i), kDim, vectors.data.begin() + static_cast<ptrdiff_t>(kDim * (20 * i + 400)));
  const std::vector<LabelSet> labels = zipf_labels(vectors.rows, 6, random);
  ThreadPool pool(3);
  const IndexOptions options = {{"deterministic", "true"}};
  const auto alone = build_labeled(labeled_spec(nullptr, options), vectors, labels);
  const auto together = build_labeled(labeled_spec(&pool, options), vectors, labels);
  EXPECT_EQ(checkpoint_files(*alone), checkpoint_files(*together));
  for (Label label = 1; label <= 6; ++label) EXPECT_EQ(unreached_by(*alone, label), 0u);
}

TEST(LabelSearch, RefusesWhatIsNoSetOfLabels) {
  const Vectors vectors = normal_vectors(2, kDim, 3);
  const std::vector<Row> rows = {0, 1};
  const IndexKind* kind = find_index_kind("vamana").value();
  ASSERT_VALUE(index, create_index(labeled_spec()));
  ASSERT_VALUE(plain, create_index(spec_of("vamana", Metric::kL2, kDim)));
  const auto add = [&](Index& to, const std::vector<LabelSet>& labels) {
    return kind->add_labeled(to, rows, vectors.block(), labels);
  };
  LabelSet many(kRowLabelsMax + 1);
  std::iota(many.begin(), many.end(), 0u);
  EXPECT_ERROR(add(*index, {{1}, {3, 2}}), Code::kInvalidArgument, "row 1: label 3 stands before label 2");
  EXPECT_ERROR(add(*index, {{1, 1}, {}}), Code::kInvalidArgument, "each once");
  EXPECT_ERROR(add(*index, {many, {}}), Code::kInvalidArgument, "65 labels");
  EXPECT_ERROR(add(*index, {{kNoLabel}, {}}), Code::kInvalidArgument, "is no label");
  EXPECT_ERROR(add(*index, {{1}}), Code::kInvalidArgument, "2 rows");
  EXPECT_ERROR(add(*plain, {{1}, {2}}), Code::kInvalidArgument, "labels=filtered");
  EXPECT_EQ(index->stats().rows, 0u) << "refused rows are not there";
  const LabelQuery query = any_of({2, 1});
  EXPECT_ERROR(index->search(asking(query, FilterPlan::kAuto, vectors[0])), Code::kInvalidArgument,
               "ascending");
  const LabelQuery good = any_of({1});
  for (const char* other : {"vamana", "hnsw", "flat"}) {
    ASSERT_VALUE(without, create_index(spec_of(other, Metric::kL2, kDim)));
    EXPECT_ERROR(without->search(asking(good, FilterPlan::kAuto, vectors[0])), Code::kInvalidArgument,
                 "labels");
  }
  EXPECT_ERROR(create_index(spec_of("vamana", Metric::kL2, kDim, {{"labels", "all"}})),
               Code::kInvalidArgument, "none of");
}

class LabelCheckpoint : public testing::Test {
 protected:
  /// Every label's answers are those of the plain model, and its nodes are all reached.
  void expect_whole(const Index& index, const Index& flat, size_t rows) {
    for (Label label = 1; label <= 8; ++label) {
      EXPECT_EQ(unreached_by(index, label), 0u) << "label " << label;
      const LabelQuery query = any_of({label});
      RowSet matching = rows_matching(labels_, query);
      matching.intersect(RowSet::range(0, rows));
      for (size_t i = 0; i < 10; ++i)
        expect_kept(index, flat, asking(query, FilterPlan::kLabels, vectors_[97 * i]), matching);
    }
  }

  const uint64_t seed_ = test_seed();
  testing::ScopedTrace trace_{__FILE__, __LINE__, "KITH_SEED=" + std::to_string(seed_)};
  Random random_{seed_};
  Vectors vectors_ = [this] {
    Vectors vectors = clustered_vectors(2000, kDim, 12, seed_);
    for (size_t i = 0; i < 50; ++i)
      std::copy_n(vectors.row(i), kDim, vectors.data.begin() + static_cast<ptrdiff_t>(kDim * (20 * i + 400)));
    return vectors;
  }();
  std::vector<LabelSet> labels_ = zipf_labels(2000, 8, random_);
};

TEST_F(LabelCheckpoint, HoldsLabelsAndOpensToTheSameFiles) {
  const auto index = build_labeled(labeled_spec(), vectors_, labels_);
  const auto flat = build(spec_of("flat", Metric::kL2, kDim), vectors_);
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write(*index));
  ASSERT_VALUE(opened, find_index_kind("vamana").value()->open(directory, {}));
  expect_whole(*opened, *flat, 2000);
  EXPECT_EQ(checkpoint_files(*opened), directory.files());
  ASSERT_OK(find_index_kind("vamana").value()->add_labeled(
      *opened, std::vector<Row>{5000}, part(vectors_, 0, 1), std::vector<LabelSet>{{3, 500}}));
  const LabelQuery fresh = any_of({500});
  ASSERT_VALUE(answer, opened->search(asking(fresh, FilterPlan::kLabels, vectors_[1])));
  ASSERT_EQ(answer.neighbors.size(), 1u);
  EXPECT_EQ(answer.neighbors[0].row, 5000u);
}

/// Edges to nodes that were being linked are left out; some were all that led to others with a label.
TEST_F(LabelCheckpoint, SavedInTheMiddleOfLinkingItHangsTogetherAgain) {
  const auto index = build_labeled(labeled_spec(), vectors_, labels_);
  const auto flat = build(spec_of("flat", Metric::kL2, kDim), vectors_);
  auto& graph = const_cast<GraphStore&>(dynamic_cast<const GraphIndex&>(*index).graph());
  size_t lost = 0;
  std::vector<Node> ids(graph.base().capacity());
  for (Node node = 0; node < 2000; ++node) {  // each fourth list without what it leads to by labels alone
    if (node % 4 != 0) continue;
    ids.resize(graph.base().capacity());
    ids.resize(graph.base().read(node, ids.data()));
    lost += std::erase_if(
        ids, [&](Node other) { return graph.labels()->has(graph.labels()->walk_set(other), 7); });
    graph.base().assign(node, ids);
  }
  ASSERT_GT(lost, 0u);
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  const RowTable& rows = dynamic_cast<const GraphIndex&>(*index).rows();
  ASSERT_OK(directory.write_with([&](CheckpointOutput& out) {  // the last row came while it was written
    return write_graph(out, kVamanaGraph, labeled_spec(), 1999, rows, graph);
  }));
  ASSERT_VALUE(opened, find_index_kind("vamana").value()->open(directory, {}));
  ASSERT_OK(flat->remove(1999));
  expect_whole(*opened, *flat, 1999);
}

/// The mutator's second checkpoint has labels; its checksums are made right after each edit.
TEST_F(LabelCheckpoint, NoBytesMakeOpeningItCrash) {
  for (int round = 0; round < 400; ++round) {
    std::vector<uint8_t> input{1};
    for (size_t i = 0; i < 3 * (1 + random_.below(4)); ++i)
      input.push_back(static_cast<uint8_t>(random_.below(256)));
    fuzz::open_mutated(fuzz::kCoded, input);
  }
}

}  // namespace
}  // namespace kith::test

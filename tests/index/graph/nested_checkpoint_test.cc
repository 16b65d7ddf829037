// Goal: a graph with labels=nested that was saved opens to the same one, at rest and in the middle of
// linking, on codes too; no bytes make it crash, nor follow an edge to rows that do not match; and threads
// that link, search and save at once lose no row. Method: as for other labels: the same files after opening,
// reachability against the plain model, lists cut, and edited files whose checksums are made right again.
#include <atomic>
#include <thread>

#include "index/graph/graph_codec.h"
#include "index/graph/nested_codec.h"
#include "index/vamana/vamana_kind.h"
#include "tests/fuzz/checkpoint_mutator.h"
#include "tests/index/graph/nested_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 16;

/// Rows with lists that their group's start does not reach along edges that stay, but for loose ones.
size_t rows_outside_trees(const GraphStore& graph, Node nodes) {
  NodeBits linked(nodes), reached(nodes);
  for (Node node = 0; node < nodes; ++node)
    if (graph.linked(node)) linked.set(node);
  std::vector<std::pair<Node, Node>> equals;
  graph.for_each_equal(
      [&](Node representative, Node member) { equals.emplace_back(representative, member); });
  const MarkedLists& inside = graph.nested()->inside;
  std::vector<Node> ids(inside.capacity()), stack;
  size_t loose = 0, missed = 0;
  for (const LabelGroups::Group& group : graph.nested()->groups.all()) {
    loose += group.loose;
    stack.push_back(group.entries.front());
    reached.set(stack.back());
  }
  while (!stack.empty()) {
    const ListMarks marks = inside.marks(stack.back());
    const uint32_t degree = inside.lists().read(stack.back(), ids.data());
    stack.pop_back();
    for (uint32_t i = 0; i < degree; ++i) {
      if (!marks.forced(i) || reached.has(ids[i])) continue;
      reached.set(ids[i]);
      stack.push_back(ids[i]);
    }
  }
  const NodeBits with_lists = nested_nodes(linked, equals, *graph.labels());
  for (Node node = 0; node < nodes; ++node) missed += with_lists.has(node) && !reached.has(node);
  return missed - std::min(missed, loose);
}

class NestedCheckpoint : public testing::Test {
 protected:
  static constexpr size_t kRows = 1500;

  static IndexSpec spec(ThreadPool* pool = nullptr, IndexOptions more = {}) {
    more.emplace_back("labels", "nested");
    more.emplace_back("groups_max", "30");
    more.emplace_back("ef_construction", "60");
    return spec_of("vamana", Metric::kL2, kDim, std::move(more), pool);
  }

  void expect_same_answers(const Index& index, const Index& other) {
    for (size_t i = 0; i < 20; ++i) {
      const LabelQuery query =
          query_from(labels_[7 * i], i % 2 == 0 ? LabelMatch::kAny : LabelMatch::kAll, random_);
      ASSERT_VALUE(mine, index.search(asking(query, FilterPlan::kLabels, rows_[i])));
      ASSERT_VALUE(theirs, other.search(asking(query, FilterPlan::kLabels, rows_[i])));
      ASSERT_EQ(mine.neighbors.size(), theirs.neighbors.size());
      for (size_t n = 0; n < mine.neighbors.size(); ++n)  // which of equal vectors, and rounding, are open
        EXPECT_FLOAT_EQ(mine.neighbors[n].distance, theirs.neighbors[n].distance);
    }
  }

  /// The content of a section of main.
  static std::byte* section_of(CheckpointFiles& files, const char (&tag)[5]) {
    std::vector<std::byte>& main = files[kMainFile];
    const std::byte* const entry = fuzz::find_section(main, section_tag(tag));
    return entry == nullptr ? nullptr : main.data() + load_le<uint64_t>(entry + 8);
  }

  const uint64_t seed_ = test_seed();
  testing::ScopedTrace trace_{__FILE__, __LINE__, "KITH_SEED=" + std::to_string(seed_)};
  Random random_{seed_};
  Vectors rows_ = [this] {
    Vectors rows = clustered_vectors(kRows, kDim, 10, seed_);
    for (size_t i = 0; i < 50; ++i)  // equal vectors with other labels, and with the same
      std::copy_n(rows.row(i % 25), kDim, rows.data.begin() + static_cast<ptrdiff_t>(kDim * (20 * i + 400)));
    return rows;
  }();
  std::vector<LabelSet> labels_ = zipf_labels(kRows, 8, random_);
  const IndexKind* kind_ = find_index_kind("vamana").value();
};

TEST_F(NestedCheckpoint, OpensToTheSameFilesAndGrows) {
  const auto index = create_index(spec()).value();
  ASSERT_OK(add_labeled(*index, rows_, labels_, 0, kRows - 200));
  EXPECT_GT(graph_of(*index).nested()->groups.merged().size(), 0u);
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write(*index));
  ASSERT_VALUE(opened, kind_->open(directory, {}));
  EXPECT_EQ(checkpoint_files(*opened), directory.files());
  expect_same_answers(*opened, *index);
  ASSERT_OK(add_labeled(*opened, rows_, labels_, kRows - 200, 200));
  expect_all_lists_lead_right(*opened, labels_, random_, false);
}

TEST_F(NestedCheckpoint, OpensOnCodesToo) {
  Vectors rows = clustered_vectors(4500, kDim, 10, seed_);
  labels_ = zipf_labels(rows.rows, 6, random_);
  const auto index = build_labeled(spec(nullptr, {{"codes", "rabitq4"}}), rows, labels_);
  ASSERT_NE(graph_of(*index).codes(), nullptr);
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write(*index));
  ASSERT_VALUE(opened, kind_->open(directory, {}));
  EXPECT_EQ(checkpoint_files(*opened), directory.files());
  expect_all_lists_lead_right(*opened, labels_, random_, false);
  const auto flat = build(spec_of("flat", Metric::kL2, kDim), rows);
  const Vectors queries = clustered_vectors(30, kDim, 10, seed_);
  const RowSet live = RowSet::range(0, 4500);
  EXPECT_GE(measure_nested(*opened, *flat, labels_, live, LabelMatch::kAll, queries, random_).recall, 0.95);
}

/// Edges to the last rows are left out; some were the only ones into their group, or within it.
TEST_F(NestedCheckpoint, SavedInTheMiddleOfLinkingNoGroupIsLost) {
  const auto index = build_labeled(spec(), rows_, labels_);
  auto& graph = const_cast<GraphStore&>(graph_of(*index));
  for (Node node = 0; node < kRows; node += 3) graph.nested()->clear(node);
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  constexpr Node kSaved = kRows - 100;
  ASSERT_OK(directory.write_with([&](CheckpointOutput& out) {
    return write_graph(out, kVamanaGraph, spec(), kSaved, dynamic_cast<const GraphIndex&>(*index).rows(),
                       graph);
  }));
  ASSERT_VALUE(opened, kind_->open(directory, {}));
  labels_.resize(kSaved);
  expect_all_lists_lead_right(*opened, labels_, random_, false);
  EXPECT_EQ(rows_outside_trees(graph_of(*opened), kSaved), 0u) << "pruning may cut these off";
}

/// A group whose start is newer than the snapshot is not in it, nor that rows of other sets are merged into
/// it: what was an edge inside the group is none to the reader.
TEST_F(NestedCheckpoint, SavedBeforeTheStartOfItsGroupARowStands) {
  labels_[0] = {1, 2};
  labels_[1] = {1, 3};
  labels_[2] = {1};
  const auto index = create_index(spec()).value();
  ASSERT_OK(add_labeled(*index, rows_, labels_, 0, 3));
  auto& graph = const_cast<GraphStore&>(graph_of(*index));
  for (const Node node : {0u, 1u}) {  // as if linked into the group while its start was being linked
    graph.labels()->walk_as(node, graph.labels()->set_of(2));
    graph.nested()->clear(node);
    graph.nested()->inside.lists().assign(node, std::vector<Node>{1 - node});
  }
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write_with([&](CheckpointOutput& out) {
    return write_graph(out, kVamanaGraph, spec(), 2, dynamic_cast<const GraphIndex&>(*index).rows(), graph);
  }));
  ASSERT_VALUE(opened, kind_->open(directory, {}));
  labels_.resize(2);
  expect_all_lists_lead_right(*opened, labels_, random_);
}

/// A file may say anything, but not lead a walk to rows that do not match.
TEST_F(NestedCheckpoint, NoBytesMakeOpeningItCrashOrLeadAstray) {
  const auto index = create_index(spec(nullptr, {{"degree", "4"}})).value();
  ASSERT_OK(add_labeled(*index, rows_, labels_, 0, 60));
  const CheckpointFiles good = checkpoint_files(*index);
  size_t opened_count = 0;
  for (int round = 0; round < 600; ++round) {
    CheckpointFiles files = good;
    for (uint64_t edits = 1 + random_.below(4); edits > 0; --edits)
      fuzz::edit(files, random_.below(1u << 16), static_cast<std::byte>(random_.below(256)));
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs);
    ASSERT_OK(directory.put(fuzz::repaired(files)));
    const auto opened = kind_->open(directory, {});
    if (!opened) continue;
    ++opened_count;
    const GraphStore& graph = graph_of(**opened);
    if (graph.nested() == nullptr) continue;  // the edit was one of the options
    for (const LabelMatch match : {LabelMatch::kAny, LabelMatch::kAll, LabelMatch::kEqual}) {
      const LabelQuery query{match, {1, 2}};
      const LabelFilter filter(*graph.labels(), query, graph.nested());
      const bool same_shape = (*opened)->stats().rows_end == 60 && graph.space().dim == kDim;
      const std::vector<Node> measured =
          same_shape ? nodes_measured(**opened, query, rows_[0], 40) : std::vector<Node>();
      for (const Node node : measured) EXPECT_TRUE(filter.matches(node));
      (void)(*opened)->search(asking(query, FilterPlan::kLabels, rows_[0])).ok();
    }
    (void)kind_
        ->add_labeled(**opened, std::vector<Row>{100'000}, part(rows_, 0, 1), std::vector<LabelSet>{{1, 3}})
        .ok();
  }
  EXPECT_GT(opened_count, 60u) << "edits were nearly all refused at once";
}

/// Wherever a file ends or one of its bits is another, opening says so.
TEST_F(NestedCheckpoint, TornAndFlippedFilesAreCorrupt) {
  const auto index = create_index(spec()).value();
  ASSERT_OK(add_labeled(*index, rows_, labels_, 0, 300));
  const CheckpointFiles good = checkpoint_files(*index);
  const auto nested =
      std::ranges::find_if(good, [](const auto& file) { return file.first.starts_with("nested-"); });
  ASSERT_NE(nested, good.end());
  const auto opens = [&](const std::string& name, const std::vector<std::byte>& bytes) {
    CheckpointFiles files = good;
    files[name] = bytes;
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs);
    EXPECT_OK(directory.put(files));
    return kind_->open(directory, {});
  };
  for (const std::string& name : {nested->first, std::string(kMainFile)})
    for (int round = 0; round < 60; ++round) {
      std::vector<std::byte> bytes = good.at(name);
      const size_t at = random_.below(bytes.size());
      bytes[at] ^= std::byte{1} << random_.below(8);
      EXPECT_FALSE(opens(name, bytes).ok()) << name << " with a bit of byte " << at << " flipped";
      bytes = good.at(name);
      bytes.resize(at);
      const auto torn = opens(name, bytes);
      ASSERT_FALSE(torn.ok()) << name << " cut at " << at;
      EXPECT_EQ(torn.error().code, Code::kCorruption);
    }
}

/// An edge inside to a row of another group, with all checksums right.
TEST_F(NestedCheckpoint, AnEdgeThatLabelsForbidIsCorrupt) {
  labels_[0] = labels_[1] = labels_[2] = {1};  // the first has neighbours inside its group
  const auto index = create_index(spec()).value();
  ASSERT_OK(add_labeled(*index, rows_, labels_, 0, 300));
  const GraphStore& graph = graph_of(*index);
  Node other = 1;
  while (graph.labels()->walk_set(other) == graph.labels()->walk_set(0)) ++other;
  CheckpointFiles files = checkpoint_files(*index);
  std::vector<std::byte>& data =
      std::ranges::find_if(files, [](const auto& file) { return file.first.starts_with("nested-"); })->second;
  std::byte* const entry = fuzz::find_section(data, kExtentData);
  ASSERT_NE(entry, nullptr);
  std::byte* const bits = data.data() + load_le<uint64_t>(entry + 8);
  const auto first = load_le<uint32_t>(bits);  // 6 bits of the count, 10 of the first neighbour
  ASSERT_GT(first & 63, 0u);
  store_le(bits, (first & ~(0x3ffu << 6)) | 2 * other << 6);
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.put(fuzz::repaired(files)));
  EXPECT_ERROR(kind_->open(directory, {}), Code::kCorruption, "cannot be");
}

/// Linkers leave no more than kStay, and rely on it.
TEST_F(NestedCheckpoint, MoreEdgesThatStayThanMayBeAreCorrupt) {
  std::fill_n(labels_.begin(), 40, LabelSet{1});
  const auto index = create_index(spec()).value();
  ASSERT_OK(add_labeled(*index, rows_, labels_, 0, 40));
  MarkedLists& inside = const_cast<GraphStore&>(graph_of(*index)).nested()->inside;
  for (const uint32_t stay : {NestedStore::kStay, NestedStore::kStay + 1}) {
    std::vector<Node> ids(stay);
    std::iota(ids.begin(), ids.end(), 1);
    inside.clear(0);
    ListMarks marks = inside.marks(0);
    for (uint32_t i = 0; i < stay; ++i) marks.set_forced(i, true);
    inside.lists().assign(0, ids);
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs);
    ASSERT_OK(directory.write(*index));
    const auto opened = kind_->open(directory, {});
    ASSERT_EQ(opened.ok(), stay == NestedStore::kStay);
    if (!opened) {
      EXPECT_ERROR(opened, Code::kCorruption, "edges that stay");
    }
  }
}

/// From which groups edges lead into one is said in ascending order, so each once.
TEST_F(NestedCheckpoint, WaysThatDoNotAscendAreCorrupt) {
  const auto index = create_index(spec()).value();
  ASSERT_OK(add_labeled(*index, rows_, labels_, 0, 300));
  CheckpointFiles files = checkpoint_files(*index);
  std::byte* at = section_of(files, "LNAV");
  ASSERT_NE(at, nullptr);
  uint32_t groups = load_le<uint32_t>(at);
  for (at += 4; groups > 0 && load_le<uint32_t>(at + 12) < 2; --groups)
    at += 16 + 4 * load_le<uint32_t>(at + 12);
  ASSERT_GT(groups, 0u) << "no group has two below";
  store_le(at + 20, load_le<uint32_t>(at + 16));
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.put(fuzz::repaired(files)));
  EXPECT_ERROR(kind_->open(directory, {}), Code::kCorruption, "do not ascend");
}

TEST_F(NestedCheckpoint, SetsThatComeTwiceAreCorrupt) {
  labels_[0] = {1};
  labels_[1] = {2};
  const auto index = create_index(spec()).value();
  ASSERT_OK(add_labeled(*index, rows_, labels_, 0, 20));
  CheckpointFiles files = checkpoint_files(*index);
  std::byte* const sets = section_of(files, "LSET");
  ASSERT_NE(sets, nullptr);
  store_le(sets + 16, uint32_t{1});  // after their number come 1, {1} and 1, {2}
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.put(fuzz::repaired(files)));
  EXPECT_ERROR(kind_->open(directory, {}), Code::kCorruption, "there already");
}

/// Lists that lead nowhere are no reason to lose rows, whatever else the file says.
TEST_F(NestedCheckpoint, OneThatSaysItIsWholeAndIsNotIsMadeWhole) {
  const auto index = build_labeled(spec(), rows_, labels_);
  auto& graph = const_cast<GraphStore&>(graph_of(*index));
  for (Node node = 0; node < kRows; node += 3) graph.nested()->clear(node);
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write(*index));
  ASSERT_VALUE(opened, kind_->open(directory, {}));
  expect_all_lists_lead_right(*opened, labels_, random_, false);
  EXPECT_EQ(rows_outside_trees(graph_of(*opened), kRows), 0u);
}

TEST_F(NestedCheckpoint, ThreadsThatLinkSearchAndSaveAtOnceLoseNoRow) {
  constexpr size_t kStep = 50;
  ThreadPool pool(3);
  ASSERT_VALUE(index, create_index(spec(&pool)));
  std::atomic<size_t> added{0};
  std::atomic<bool> failed{false};
  const auto search = [&](uint64_t mine) {
    Random choose(mine);
    while (added < kRows && !failed) {
      if (added == 0) continue;
      const size_t i = choose.below(added);
      const LabelMatch match = choose.below(2) == 0 ? LabelMatch::kAll : LabelMatch::kAny;
      const LabelQuery query = query_from(labels_[i], match, choose);
      const auto answer = index->search(asking(query, FilterPlan::kLabels, rows_[i], 5, 40));
      if (!answer) failed = true;
      for (size_t n = 0; answer && n < answer->neighbors.size(); ++n)
        if (!matches(labels_[answer->neighbors[n].row], query)) failed = true;
    }
  };
  std::thread one(search, 1), two(search, 2);
  std::thread saver([&] {
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs);
    Random choose(3);
    while (added < kRows && !failed) {
      EXPECT_OK(directory.write(*index));
      const auto opened = kind_->open(directory, {});
      ASSERT_OK(opened);
      const size_t rows = (*opened)->stats().rows_end;
      if (rows > 0)
        expect_all_lists_lead_right(
            **opened, {labels_.begin(), labels_.begin() + static_cast<ptrdiff_t>(rows)}, choose, false);
    }
  });
  for (size_t i = 0; i < kRows; i += kStep) {
    EXPECT_OK(add_labeled(*index, rows_, labels_, i, kStep));
    added = i + kStep;
  }
  one.join();
  two.join();
  saver.join();
  EXPECT_FALSE(failed) << "after " << added << " rows";
  ASSERT_OK(kind_->settle(*index, Stop{}));
  expect_all_lists_lead_right(*index, labels_, random_, false);
  EXPECT_EQ(audit_graph(*index)->unreachable, 0u);
}

}  // namespace
}  // namespace kith::test

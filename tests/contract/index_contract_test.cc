// Goal: every registered kind keeps the contract of index/index.h for every metric and element type it
// accepts. Method: one set of tests, run over kind x metric x type, against distances computed naively in
// double.
#include "tests/contract/index_contract.h"

#include "base/io/memory_file_system.h"

namespace kith {
namespace {

TEST_P(IndexContract, FindsTheNearest) {
  const auto index = filled();
  EXPECT_EQ(index->stats().rows, kRows);
  EXPECT_EQ(index->stats().pending, 0u);
  EXPECT_GE(index->memory().vector_bytes, kRows * vector_bytes(GetParam().type, kDim));
  for (const uint32_t k : {1u, 10u, 100u}) expect_good(*index, k, everything());
}

TEST_P(IndexContract, ReturnsAllRowsWhenAskedForMore) {
  const auto index = filled();
  expect_good(*index, kRows, everything());
  expect_good(*index, 4'000'000'000u, everything());
}

TEST_P(IndexContract, EmptyIndexAnswersNothing) {
  ASSERT_VALUE(index, create_index(spec()));
  SearchRequest request;
  request.query = query(0);
  const auto answer = index->search(request);
  ASSERT_OK(answer);
  EXPECT_TRUE(answer->neighbors.empty());
  EXPECT_OK(index->add({}, block(0, 0)));
  EXPECT_OK(index->remove(7));
}

TEST_P(IndexContract, NeverReturnsRemovedRows) {
  const auto index = filled();
  std::set<size_t> left = everything();
  for (size_t i = 0; i < kRows; ++i) {
    if (i % 7 == 0) continue;
    ASSERT_OK(index->remove(rows_[i]));
    ASSERT_OK(index->remove(rows_[i]));      // again: ignored
    ASSERT_OK(index->remove(rows_[i] + 1));  // unknown: ignored
    left.erase(i);
    if (i % 100 == 99) expect_good(*index, 10, left);
  }
  EXPECT_EQ(index->stats().rows, left.size());
  EXPECT_EQ(index->stats().removed, kRows - left.size());
  expect_good(*index, 10, left);
  expect_good(*index, kRows, left);
}

TEST_P(IndexContract, KeepsToAllowedRows) {
  const auto index = filled();
  for (const size_t step : {2u, 10u, 100u, 699u}) {
    RowSet allowed;
    std::set<size_t> among;
    allowed.add(1);          // never added
    allowed.add(4'000'000);  // nor that
    for (size_t i = 0; i < kRows; i += step) {
      allowed.add(rows_[i]);
      among.insert(i);
    }
    ASSERT_OK(index->remove(rows_[0]));
    among.erase(0);
    for (size_t plan = 0; plan < kFilterPlans; ++plan)
      expect_good(*index, 10, among, &allowed, static_cast<FilterPlan>(plan));
    expect_good(*index, kRows, among, &allowed);
  }
  RowSet nothing;
  SearchRequest request;
  request.query = query(0);
  request.allowed = &nothing;
  const auto answer = index->search(request);
  ASSERT_OK(answer);
  EXPECT_TRUE(answer->neighbors.empty());
}

TEST_P(IndexContract, RangeSearchFindsWhatIsWithinTheRadius) {
  if (GetParam().kind->range_search == nullptr) GTEST_SKIP() << "the kind has no range search";
  const auto index = filled();
  size_t found = 0, wanted = 0;
  for (size_t i = 0; i < kQueries; ++i) {
    const std::vector<double> exact = truth(i, everything());
    RangeRequest request;
    request.query = query(i);
    request.effort = 60;
    request.radius = static_cast<float>((exact[40] + exact[41]) / 2);
    const double radius = request.radius;
    const auto answer = GetParam().kind->range_search(*index, request);
    ASSERT_OK(answer);
    for (const Neighbor& neighbor : answer->neighbors) EXPECT_LE(neighbor.distance, request.radius);
    EXPECT_TRUE(std::is_sorted(answer->neighbors.begin(), answer->neighbors.end()));
    found += answer->neighbors.size();
    wanted +=
        static_cast<size_t>(std::count_if(exact.begin(), exact.end(), [&](double d) { return d <= radius; }));
    request.rows_max = 5;
    const auto few = GetParam().kind->range_search(*index, request);
    ASSERT_OK(few);
    check(i, *few, 5, everything());
    request.radius = static_cast<float>(exact[0] - std::abs(exact[0]) * 0.5 - 1);
    const auto none = GetParam().kind->range_search(*index, request);
    ASSERT_OK(none);
    EXPECT_TRUE(none->neighbors.empty());
  }
  EXPECT_NEAR(
      static_cast<double>(found), static_cast<double>(wanted),
      GetParam().kind->exact ? 0.02 * static_cast<double>(wanted) : 0.1 * static_cast<double>(wanted));
}

TEST_P(IndexContract, BatchAnswersAsOneByOne) {
  if (GetParam().kind->search_batch == nullptr) GTEST_SKIP() << "the kind has no batch search";
  ThreadPool pool(2);
  for (ThreadPool* with : {static_cast<ThreadPool*>(nullptr), &pool}) {
    IndexSpec pooled = spec();
    pooled.pool = with;
    ASSERT_VALUE(index, create_index(pooled));
    ASSERT_OK(index->add(rows_, block(0, kRows)));
    if (GetParam().kind->settle != nullptr) {
      ASSERT_OK(GetParam().kind->settle(*index, Stop{}));
    }
    ASSERT_OK(index->remove(rows_[17]));
    const VectorView first = query(0);
    SearchRequest request;
    request.effort = 60;
    const auto batch =
        GetParam().kind->search_batch(*index, {first.data, first.type, first.dim, kQueries}, request);
    ASSERT_OK(batch);
    ASSERT_EQ(batch->size(), kQueries);
    for (size_t i = 0; i < kQueries; ++i) {
      request.query = query(i);
      const auto single = index->search(request);
      ASSERT_OK(single);
      ASSERT_EQ(single->neighbors.size(), (*batch)[i].neighbors.size());
      for (size_t j = 0; j < single->neighbors.size(); ++j)
        EXPECT_NEAR(single->neighbors[j].distance, (*batch)[i].neighbors[j].distance,
                    slack(single->neighbors[j].distance));
    }
  }
}

TEST_P(IndexContract, OpensWhatItWrote) {
  const auto index = filled();
  for (size_t i = 0; i < kRows; i += 5) ASSERT_OK(index->remove(rows_[i]));
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write(*index));
  const CheckpointFiles one = directory.files();
  ASSERT_VALUE(opened, GetParam().kind->open(directory, {}));
  EXPECT_EQ(opened->stats().rows, index->stats().rows);
  EXPECT_EQ(opened->stats().rows_end, rows_.back() + 1u);
  EXPECT_EQ(opened->stats().removed, index->stats().removed);
  for (size_t i = 0; i < kQueries; ++i) {
    SearchRequest request;
    request.query = query(i);
    request.effort = 40;
    const auto before = index->search(request);
    const auto after = opened->search(request);
    ASSERT_OK(before);
    ASSERT_OK(after);
    ASSERT_EQ(before->neighbors.size(), after->neighbors.size());
    for (size_t j = 0; j < before->neighbors.size(); ++j) {
      EXPECT_EQ(before->neighbors[j].row, after->neighbors[j].row);
      EXPECT_EQ(before->neighbors[j].distance, after->neighbors[j].distance);
    }
    EXPECT_EQ(before->stats.full_distances, after->stats.full_distances);
  }
  EXPECT_EQ(checkpoint_files(*opened), one) << "the same state, other bytes";
  // An opened index grows on.
  const Row next = rows_.back() + 1;
  ASSERT_OK(opened->add(std::span(&next, 1), block(0, 1)));
  EXPECT_EQ(opened->stats().rows, index->stats().rows + 1);
}

TEST_P(IndexContract, RefusesDamagedFiles) {
  ASSERT_VALUE(index, create_index(spec()));
  ASSERT_OK(index->add(std::span(rows_).first(60), block(0, 60)));
  const CheckpointFiles good = checkpoint_files(*index);
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  const auto open_with = [&](const CheckpointFiles& files) {
    EXPECT_OK(directory.put(files));
    return GetParam().kind->open(directory, {});
  };
  ASSERT_OK(open_with(good));
  Random random(seed_);
  for (const auto& [name, bytes] : good) {
    CheckpointFiles damaged = good;
    for (size_t length = 0; length < bytes.size(); length += 1 + bytes.size() / 97) {
      damaged[name].assign(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(length));
      EXPECT_ERROR(open_with(damaged), Code::kCorruption, name);
    }
    for (int i = 0; i < 200; ++i) {
      damaged[name] = bytes;
      const size_t at = i < 80 ? bytes.size() - 1 - static_cast<size_t>(i) : random.below(bytes.size());
      damaged[name][at] ^= static_cast<std::byte>(1u << random.below(8));
      EXPECT_ERROR(open_with(damaged), Code::kCorruption, name) << "bit of byte " << at;
    }
    damaged.erase(name);
    EXPECT_ERROR(open_with(damaged), Code::kCorruption, name) << "without it";
  }
}

TEST_P(IndexContract, RefusesWrongRequests) {
  const auto index = filled();
  const VectorView good = query(0);
  SearchRequest request;
  request.query = {good.data, good.type, kDim - 8};
  EXPECT_ERROR(index->search(request), Code::kInvalidArgument, "32 dimensions");
  request.query = {good.data, good.type == ScalarType::kI8 ? ScalarType::kU8 : ScalarType::kI8, kDim};
  EXPECT_ERROR(index->search(request), Code::kInvalidArgument, "");
  request.query = good;
  request.k = 0;
  EXPECT_ERROR(index->search(request), Code::kInvalidArgument, "k is 0");
  request.k = 10;
  request.stop.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_ERROR(index->search(request), Code::kDeadlineExceeded, "deadline");
  EXPECT_ERROR(index->add(std::span(rows_).first(2), block(0, 2)), Code::kInvalidArgument, "row 5");
  const Row twice[] = {9000, 9000};
  EXPECT_ERROR(index->add(twice, block(0, 2)), Code::kInvalidArgument, "row 9000");
  EXPECT_ERROR(index->add(std::span(twice).first(1), block(0, 2)), Code::kInvalidArgument,
               "1 rows for 2 vectors");
  EXPECT_EQ(index->stats().rows, kRows) << "a refused call changed something";
  IndexSpec wrong = spec();
  wrong.dim = 0;
  EXPECT_ERROR(create_index(wrong), Code::kInvalidArgument, "dim is 0");
  wrong.dim = 65'536;
  EXPECT_ERROR(create_index(wrong), Code::kInvalidArgument, "65536");
  wrong = spec();
  wrong.options = {{"colour", "blue"}};
  EXPECT_ERROR(create_index(wrong), Code::kInvalidArgument, "colour");
  wrong = spec();
  wrong.metric = spec().metric == Metric::kHamming ? Metric::kL2 : Metric::kHamming;
  EXPECT_ERROR(create_index(wrong), Code::kInvalidArgument, "");
}

INSTANTIATE_TEST_SUITE_P(AllKinds, IndexContract, testing::ValuesIn(all_cases()), case_name);

TEST(IndexRegistry, NamesTheKindsItHas) {
  EXPECT_ERROR(find_index_kind("hsnw"), Code::kNotFound, "flat, hnsw");
  std::set<std::string_view> names;
  for (const IndexKind* kind : index_kinds()) {
    EXPECT_TRUE(names.insert(kind->name).second) << kind->name << " twice";
    EXPECT_NE(kind->create, nullptr);
    EXPECT_NE(kind->open, nullptr);
    EXPECT_EQ(find_index_kind(kind->name).value(), kind);
  }
}

}  // namespace
}  // namespace kith

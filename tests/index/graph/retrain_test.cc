// Goal: codes follow what is stored: where it drifts away from what they were trained on, new ones come in,
// and searches find as much as on a fresh build; where it does not drift they stay. Method: windows over rows
// whose middle moves, with and without retraining; rows replaced at random; a disk that fails; checkpoints.
#include <atomic>
#include <chrono>
#include <thread>

#include "base/io/fault_file_system.h"
#include "tests/index/graph/retrain_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 32;
constexpr size_t kWindow = 5000, kStep = 1000;

/// A window over all rows, left at the last.
std::unique_ptr<Index> slide(const IndexSpec& spec, const Vectors& vectors) {
  auto created = create_index(spec);
  EXPECT_OK(created);
  std::unique_ptr<Index> index = std::move(created).value();
  for (size_t end = 0; end < vectors.rows; end += kStep) {
    EXPECT_OK(add_part(*index, vectors, end, kStep));
    for (size_t row = end - std::min(end, kWindow); end >= kWindow && row < end - kWindow + kStep; ++row)
      EXPECT_OK(index->remove(static_cast<Row>(row)));
    settle(*index, spec);
  }
  return index;
}

struct Last {
  Vectors rows, queries;
};

/// What a window over all of them ends with, and queries for it: rows of it, moved a little.
Last last_of(const Vectors& vectors, size_t queries) {
  const auto tail = vectors.data.end() - static_cast<ptrdiff_t>(kWindow * kDim);
  Last out{{{tail, vectors.data.end()}, kDim, kWindow}, {{}, kDim, queries}};
  Random random(test_seed(12));
  for (size_t i = 0; i < queries; ++i)
    for (uint32_t d = 0; d < kDim; ++d)
      out.queries.data.push_back(out.rows.row(i * (kWindow / queries))[d] +
                                 static_cast<float>(0.2 * random.normal()));
  return out;
}

struct DriftCase {
  const char* name;
  const char* kind;
  Metric metric;
  const char* memory;
};

class Drift : public testing::TestWithParam<DriftCase> {};

TEST_P(Drift, IsMadeUpForByNewCodes) {
  const DriftCase& drift = GetParam();
  const Metric metric = drift.metric;
  const Vectors vectors = drifting_vectors(20 * kStep, kDim, kStep, 0.75, test_seed(31));
  const auto [rows, queries] = last_of(vectors, 200);
  MemoryFileSystem fs;
  ThreadPool pool(2);
  const auto spec = [&](const char* retrain) {
    IndexSpec out = spec_of(drift.kind, metric, kDim,
                            {{"codes", "rabitq4"}, {"memory", drift.memory}, {"retrain", retrain}}, &pool);
    out.fs = &fs;
    out.directory = ".";
    return out;
  };
  const auto flat = build(spec_of("flat", metric, kDim), rows);
  const auto stale = slide(spec("false"), vectors), renewed = slide(spec("true"), vectors);
  const auto fresh = filled(spec("false"), rows, kStep);
  settle(*fresh, spec("false"));
  std::vector<bool> gone(vectors.rows, true);
  std::fill(gone.end() - kWindow, gone.end(), false);
  const auto same_rows = flat_of(vectors, gone, metric);
  const Measured without = measure(*stale, *same_rows, queries, 40),
                 with = measure(*renewed, *same_rows, queries, 40),
                 anew = measure(*fresh, *flat, queries, 40);
  std::printf(
      "%s: stale %.3f of %.0f + %.0f, renewed %.3f of %.0f + %.0f (version %u), fresh %.3f of %.0f + %.0f\n",
      drift.name, without.recall, without.codes, without.distances, with.recall, with.codes, with.distances,
      renewed->stats().code_version, anew.recall, anew.codes, anew.distances);
  EXPECT_EQ(stale->stats().code_version, 1u);
  EXPECT_GE(renewed->stats().code_version, 4u);
  EXPECT_GE(with.recall, anew.recall - 0.01);
  EXPECT_LE(with.codes + with.distances, 1.1 * (anew.codes + anew.distances));
  if (std::string_view(drift.memory) == "codes")
    EXPECT_LE(without.recall, anew.recall - 0.1) << "there is nothing to make up for";
  else  // walks are done again on vectors
    EXPECT_GE(without.distances, 2 * anew.distances) << "there is nothing to make up for";
  expect_codes_of_vectors(*renewed);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Drift,
                         testing::Values(DriftCase{"vamana", "vamana", Metric::kL2, "vectors"},
                                         DriftCase{"vamana_disk", "vamana", Metric::kL2, "codes"},
                                         DriftCase{"hnsw_disk", "hnsw", Metric::kL2, "codes"}),
                         [](const auto& each) { return std::string(each.param.name); });

/// The same distribution all the time, whatever rows it is: nothing happens, though drift is measured.
TEST(Retrain, StationaryRowsKeepTheirCodes) {
  struct Case {
    const char* name;
    Vectors vectors;
  };
  Vectors lengths = normal_vectors(15'000, kDim, test_seed(41));
  Random random(test_seed(42));
  for (size_t i = 0; i < lengths.rows; ++i) {  // some are a thousand times as long as others
    const auto length = static_cast<float>(std::exp(1.5 * random.normal()));
    for (uint32_t d = 0; d < kDim; ++d) lengths.data[i * kDim + d] *= length;
  }
  Vectors far = clustered_vectors(15'000, kDim, 3, test_seed(43));
  for (float& x : far.data) x += 1000;
  const Case cases[] = {{"clusters", clustered_vectors(15'000, kDim, 7, test_seed(44))},
                        {"lengths", std::move(lengths)},
                        {"far from zero", std::move(far)}};
  ThreadPool pool(2);
  for (const auto& [name, vectors] : cases) {
    SCOPED_TRACE(name);
    const IndexSpec spec = spec_of("vamana", Metric::kL2, kDim, {{"ef_construction", "32"}}, &pool);
    ASSERT_VALUE(index, create_index(spec));
    std::vector<Row> live;
    for (size_t end = 0; end < vectors.rows; end += 500) {
      ASSERT_OK(add_part(*index, vectors, end, 500));
      for (size_t i = 0; i < 500; ++i) live.push_back(static_cast<Row>(end + i));
      while (live.size() > kWindow) {
        const size_t at = random.below(live.size());
        ASSERT_OK(index->remove(live[at]));
        live[at] = live.back();
        live.pop_back();
      }
      settle(*index, spec);
    }
    EXPECT_EQ(index->stats().code_version, 1u);
  }
}

/// Neither where a user says so, nor where the graph would come to depend on when.
TEST(Retrain, NotWhereItIsNotWanted) {
  const Vectors vectors = drifting_vectors(10 * kStep, kDim, kStep, 1, test_seed(51));
  ThreadPool pool(2);
  for (const auto& option : {std::pair("retrain", "false"), std::pair("deterministic", "true")}) {
    IndexSpec spec = spec_of("vamana", Metric::kL2, kDim, {{"ef_construction", "32"}}, &pool);
    spec.options.emplace_back(option.first, option.second);
    EXPECT_EQ(slide(spec, vectors)->stats().code_version, 1u) << option.first;
  }
  EXPECT_ERROR(create_index(spec_of("vamana", Metric::kL2, kDim, {{"retrain", "perhaps"}})),
               Code::kInvalidArgument, "retrain");
}

/// Without a pool the writer's own thread does it; what is saved says which codes they are, and an index that
/// is opened goes on from there.
TEST(Retrain, AnOpenedIndexHasTheCodesThatWereInUse) {
  const Vectors vectors = drifting_vectors(14 * kStep, kDim, kStep, 1, test_seed(61));
  Vectors first = vectors;
  first.rows = 9 * kStep;
  first.data.resize(first.rows * kDim);
  const IndexSpec spec = spec_of("vamana", Metric::kL2, kDim, {{"ef_construction", "32"}});
  const auto index = slide(spec, first);
  const uint32_t version = index->stats().code_version;
  EXPECT_GT(version, 1u);
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write(*index));
  ThreadPool pool(2);
  for (ThreadPool* with : {static_cast<ThreadPool*>(nullptr), &pool}) {
    ASSERT_VALUE(opened, find_index_kind("vamana").value()->open(directory, {.pool = with}));
    if (with == nullptr) {  // else drift may be found at once
      EXPECT_EQ(opened->stats().code_version, version);
    }
    settle(*opened, spec);
    EXPECT_GE(opened->stats().code_version, version);
    expect_codes_of_vectors(*opened);
    for (size_t end = first.rows; end < vectors.rows; end += kStep) {
      ASSERT_OK(add_part(*opened, vectors, end, kStep));
      for (size_t row = end - kWindow; row < end - kWindow + kStep; ++row)
        ASSERT_OK(opened->remove(static_cast<Row>(row)));
    }
    settle(*opened, spec);
    EXPECT_GT(opened->stats().code_version, version);
    expect_codes_of_vectors(*opened);
  }
}

/// An index that drifted without retraining makes up for it when it is opened, by itself.
TEST(Retrain, DriftFromBeforeIsFoundAfterOpening) {
  const Vectors vectors = drifting_vectors(10 * kStep, kDim, kStep, 1, test_seed(71));
  std::atomic<bool> go{false};
  ThreadPool one(1);
  std::unique_ptr<Index> index;
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  const IndexSpec spec = spec_of("vamana", Metric::kL2, kDim, {{"ef_construction", "32"}}, &one);
  {
    ASSERT_VALUE(created, create_index(spec));
    ASSERT_OK(add_part(*created, vectors, 0, kWindow));
    settle(*created, spec);
    one.submit([&] {  // nothing can be done in the background
      while (!go) std::this_thread::yield();
    });
    ASSERT_OK(add_part(*created, vectors, vectors.rows - kWindow, kWindow));
    for (Row row = 0; row < kWindow; ++row) ASSERT_OK(created->remove(row));
    const auto written = directory.write(*created);
    const uint32_t version = created->stats().code_version;
    go = true;
    ASSERT_OK(written);
    ASSERT_EQ(version, 1u);
  }
  ASSERT_VALUE(opened, find_index_kind("vamana").value()->open(directory, {.pool = &one}));
  for (int wait = 0; wait < 10'000 && opened->stats().code_version == 1; ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(opened->stats().code_version, 2u);
  settle(*opened, spec);
  expect_codes_of_vectors(*opened);
}

/// Vectors that cannot be read leave the codes as they are, until the next time.
TEST(Retrain, ADiskThatFailsPutsItOff) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  const Vectors vectors = drifting_vectors(11 * kStep, kDim, kWindow, 6, test_seed(81));
  Vectors first = vectors;
  first.rows = kWindow;
  first.data.resize(first.rows * kDim);
  const auto before_drift = [&] {
    return filled(disk_spec(fs, "vamana", Metric::kL2, kDim), first, kWindow);
  };
  uint64_t reads = 0;
  {
    const auto index = before_drift();
    const uint64_t read_before = fs.calls(FileCall::kRead);
    ASSERT_EQ(index->stats().code_version, 1u);
    ASSERT_OK(add_part(*index, vectors, kWindow, 4 * kStep));
    ASSERT_EQ(index->stats().code_version, 2u);
    reads = fs.calls(FileCall::kRead) - read_before;
  }
  ASSERT_GT(reads, 20u);
  for (const uint64_t nth : {reads, reads - 1, reads - 2, reads - 4, reads - 10, reads / 2}) {
    SCOPED_TRACE(nth);
    const auto index = before_drift();
    const uint64_t fired_before = fs.fired();
    fs.arm({.call = FileCall::kRead, .nth = nth});
    ASSERT_OK(add_part(*index, vectors, kWindow, 4 * kStep));
    EXPECT_EQ(fs.fired() - fired_before, 1u);
    fs.disarm();
    EXPECT_EQ(index->stats().code_version, 1u);
    expect_codes_of_vectors(*index);
    ASSERT_OK(add_part(*index, vectors, kWindow + 4 * kStep, 2 * kStep));
    EXPECT_EQ(index->stats().code_version, 2u);
    expect_codes_of_vectors(*index);
  }
}

}  // namespace
}  // namespace kith::test

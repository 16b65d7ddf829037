// Goal: a store that leaves memory gives back the vectors it was given, whichever of memory and file they are
// in and while they go from one to the other. Method: readers fetch around the border that the writer moves;
// every byte is compared.
#include "index/vector_store.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/io/fault_file_system.h"
#include "base/io/memory_file_system.h"
#include "tests/support/result_matchers.h"
#include "tests/support/scratch_spy.h"
#include "tests/support/temp_dir.h"
#include "tests/support/vectors.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 100;  // 400 bytes: rows lie across pages, with a gap after each

bool same(const Vectors& vectors, Node node, const void* row) {
  return std::memcmp(vectors.row(node), row, kDim * sizeof(float)) == 0;
}

void set_all(VectorStore& store, const Vectors& vectors) {
  ASSERT_OK(store.grow(vectors.rows));
  for (Node node = 0; node < vectors.rows; ++node) store.set(node, vectors[node].data);
}

TEST(VectorStore, ReadersNeverSeeVectorsGo) {
  const TempDir temp;
  const Vectors vectors = normal_vectors(20'000, kDim, test_seed(1));
  VectorStore store(VectorSpace::of(Metric::kL2, ScalarType::kF32, kDim).value(), true);
  set_all(store, vectors);
  ASSERT_OK(store.start_file(posix_file_system(), temp.path()));
  ASSERT_OK(store.write_behind(static_cast<Node>(vectors.rows)));
  std::atomic<bool> done = false;
  std::atomic<uint64_t> checked = 0;
  std::thread reader([&] {
    FetchedRows room;
    SearchStats stats;
    std::vector<Node> nodes(64);
    while (!done) {
      const Node at = std::min<Node>(store.released(), static_cast<Node>(vectors.rows) - 64);
      for (Node i = 0; i < 64; ++i) nodes[i] = at + i;
      const auto rows = store.fetch(nodes, room, stats);
      ASSERT_OK(rows);
      for (Node i = 0; i < 64; ++i)
        ASSERT_TRUE(same(vectors, nodes[i], (*rows)[i])) << nodes[i] << " from " << at;
      ++checked;
    }
  });
  for (Node end = 0; end <= vectors.rows; end += 8) {
    store.release(end);
    if (end % 4000 == 0)
      for (const uint64_t seen = checked; checked == seen && !testing::Test::HasFailure();)
        std::this_thread::yield();
  }
  done = true;
  reader.join();
}

TEST(VectorStore, FetchesFromMemoryAndFileAtOnceAndCountsReads) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  const Vectors vectors = normal_vectors(3000, kDim, test_seed(2));
  VectorStore store(VectorSpace::of(Metric::kL2, ScalarType::kF32, kDim).value(), true);
  set_all(store, vectors);
  ASSERT_OK(store.write_behind(3000)) << "nothing to do before there is a file";
  ASSERT_OK(store.start_file(fs, "."));
  ASSERT_OK(store.write_behind(1000));
  store.release(1000);
  const Node nodes[] = {2999, 7, 8, 9, 1000, 999, 0, 0};
  FetchedRows room;
  SearchStats stats;
  ASSERT_VALUE(rows, store.fetch(nodes, room, stats));
  for (size_t i = 0; i < std::size(nodes); ++i) EXPECT_TRUE(same(vectors, nodes[i], rows[i])) << i;
  EXPECT_EQ(stats.ios, 4u) << "7 to 9, 999, 0, 0";
  EXPECT_EQ(stats.bytes_read, 6 * store.stride());
  fs.arm({.call = FileCall::kRead});
  EXPECT_ERROR(store.fetch(nodes, room, stats), Code::kUnavailable, "scratch");
  fs.arm({.call = FileCall::kAppend});
  EXPECT_ERROR(store.write_behind(2000), Code::kUnavailable, "scratch");
  fs.disarm();
  EXPECT_ERROR(store.write_behind(2000), Code::kUnavailable, "scratch") << "an error is final";
  ASSERT_OK(store.fetch(nodes, room, stats));
}

/// What a device lost after the system took it comes back as zeros, and no call fails.
TEST(VectorStore, WhatTheFileLostIsAnErrorAndNoVector) {
  ScratchSpy fs;
  const Vectors vectors = normal_vectors(500, kDim, test_seed(3));
  VectorStore store(VectorSpace::of(Metric::kL2, ScalarType::kF32, kDim).value(), true);
  set_all(store, vectors);
  ASSERT_OK(store.start_file(fs, "."));
  ASSERT_OK(store.write_behind(500));
  store.release(300);
  const Node released[] = {12, 299};
  const Node kept[] = {300, 499};
  FetchedRows room;
  SearchStats stats;
  fs.loses = true;
  EXPECT_ERROR(store.fetch(released, room, stats), Code::kCorruption, "vector 12");
  ASSERT_VALUE(rows, store.fetch(kept, room, stats));
  EXPECT_TRUE(same(vectors, 300, rows[0]));
  fs.loses = false;
  ASSERT_OK(store.fetch(released, room, stats));
}

/// Vectors come to rows that are in memory still, in the file only, and both; what lies beside them stays.
TEST(VectorStore, WhatIsSetAgainIsInTheFileAndInMemoryUntilItIsLetGo) {
  MemoryFileSystem fs;
  const Vectors before = normal_vectors(1000, kDim, test_seed(5));
  Vectors now = before;
  VectorStore store(VectorSpace::of(Metric::kL2, ScalarType::kF32, kDim).value(), true);
  set_all(store, before);
  ASSERT_OK(store.start_file(fs, "."));
  ASSERT_OK(store.write_behind(1000));
  store.release(400);
  const Vectors others = normal_vectors(1000, kDim, test_seed(6));
  Random random(test_seed(7));
  std::vector<Node> again;
  for (Node node = 0; node < 1000; ++node)
    if (node % 100 < 3 || random.below(10) == 0) again.push_back(node);
  for (const Node node : again) {
    std::copy_n(others.row(node), kDim, now.data.begin() + node * kDim);
    ASSERT_OK(store.set_again(node, now[node].data));
  }
  const auto all_are_there = [&] {
    FetchedRows room;
    SearchStats stats;
    for (Node node = 0; node < 1000; ++node) {
      ASSERT_VALUE(rows, store.fetch({&node, 1}, room, stats));
      ASSERT_TRUE(same(now, node, rows[0])) << node;
    }
  };
  const auto kept_are_in_memory = [&] {
    for (const Node node : again) ASSERT_TRUE(same(now, node, store[node])) << node;
  };
  all_are_there();
  kept_are_in_memory();
  store.release(900);
  all_are_there();
  kept_are_in_memory();
  EXPECT_GT(store.kept_bytes(), 0u);
  for (size_t i = 0; i < again.size(); i += 2) store.let_go(again[i]);
  for (size_t i = 1; i < again.size(); i += 2) ASSERT_TRUE(same(now, again[i], store[again[i]]));
  for (size_t i = 1; i < again.size(); i += 2) store.let_go(again[i]);
  EXPECT_EQ(store.kept_bytes(), 0u);
  all_are_there();
  size_t in_memory = 0;
  for (Node node = 0; node < 900; ++node) in_memory += same(now, node, store[node]);
  EXPECT_LE(in_memory, 4096 / store.stride() + 1) << "on the page of the border alone";
}

TEST(VectorStore, ADiskThatIsFullNamesTheDirectoryAndTheWayOut) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  ASSERT_OK(memory.make_directories("data/left"));
  const Vectors vectors = normal_vectors(10, kDim, test_seed(4));
  VectorStore store(VectorSpace::of(Metric::kL2, ScalarType::kF32, kDim).value(), true);
  set_all(store, vectors);
  EXPECT_ERROR(store.start_file(fs, "data/none"), Code::kNotFound, "directory 'data/none'");
  ASSERT_OK(store.start_file(fs, "data/left"));
  fs.arm({.call = FileCall::kAppend, .disk_full = true});
  EXPECT_ERROR(store.write_behind(10), Code::kResourceExhausted, "directory 'data/left'");
  EXPECT_ERROR(store.write_behind(10), Code::kResourceExhausted, "free space there");
}

}  // namespace
}  // namespace kith::test

// Goal: what graph kinds offer beyond others works through a collection: learning from queries, and full
// vectors left on disk. Method: made rows and queries through the public API over RocksDB.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/random.h"
#include "index/registry.h"
#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;

class GraphField : public DatabaseTest {};

/// Learning reaches the field's index: after it the same searches, of queries never learnt, measure less and
/// find no less.
TEST_F(GraphField, LearnsFromQueriesThatComeFromElsewhere) {
  constexpr uint32_t kDim = 32;
  Random random(7);
  const auto normals = [&](float scale) {
    std::vector<float> out(kDim);
    for (float& value : out) value = scale * static_cast<float>(random.normal());
    return out;
  };
  std::vector<std::vector<float>> centres;
  for (int i = 0; i < 50; ++i) centres.push_back(normals(1));
  const auto foreign = [&] {  // between two clusters, shifted off all of them
    std::vector<float> out = normals(0.4f);
    const std::vector<float>&a = centres[random.below(50)], &b = centres[random.below(50)];
    for (uint32_t d = 0; d < kDim; ++d) out[d] += 0.5f * (a[(d + 5) % kDim] + b[d]) + 1;
    return out;
  };
  VectorField graph = field("graph", kDim, Metric::kL2, "vamana");
  graph.options = {{"codes", "none"}};
  auto books = create({graph});
  std::vector<Point> points;
  for (uint64_t i = 0; i < 4000; ++i) {
    std::vector<float> vector = normals(0.3f);
    for (uint32_t d = 0; d < kDim; ++d) vector[d] += centres[i % 50][d];
    points.push_back(point(i, vector));
  }
  for (size_t i = 0; i < points.size(); i += 500)
    must(books->upsert(std::span(points).subspan(i, 500), Durability::kAsync));
  must(books->settle({}));
  std::vector<Query> asked;
  for (int i = 0; i < 200; ++i) asked.push_back(query(foreign(), 10));
  const auto found_of_exact = [&](uint32_t effort) {
    size_t found = 0;
    for (Query& q : asked) {
      q.exact = true;
      const auto exact = ids_of(must(books->search(q)));
      q.exact = false;
      q.effort = effort;
      for (const std::string& id : ids_of(must(books->search(q))))
        found += std::count(exact.begin(), exact.end(), id);
    }
    return found;
  };
  const size_t before = found_of_exact(20);
  std::vector<float> taught;
  for (int i = 0; i < 2000; ++i) {
    const std::vector<float> one = foreign();
    taught.insert(taught.end(), one.begin(), one.end());
  }
  const VectorBlock block{reinterpret_cast<const std::byte*>(taught.data()), ScalarType::kF32, kDim, 2000};
  must(books->learn("", block, {}));
  const size_t after = found_of_exact(20);
  EXPECT_LT(2000 - after, (2000 - before) / 2) << before << " and " << after << " of 2000 found";
  EXPECT_TRUE(must(db_->verify("books", {})).problems.empty());

  taught[70] = std::nanf("");
  EXPECT_EQ(code_of(books->learn("", block, {})), Code::kInvalidArgument);
  EXPECT_EQ(code_of(books->learn("other", block, {})), Code::kInvalidArgument);
  EXPECT_EQ(code_of(books->learn("", {block.data, block.type, kDim / 2, 10}, {})), Code::kInvalidArgument);
  auto flat = create({field("vector", kDim)}, "flat");
  EXPECT_EQ(code_of(flat->learn("", {block.data, block.type, kDim, 1}, {})), Code::kInvalidArgument);
}

TEST_F(GraphField, VectorsLeftOnDiskAreFoundBeforeAndAfterReopening) {
  VectorField left = field("vector", 16, Metric::kL2, "vamana");
  left.options = {{"memory", "codes"}};
  VectorField other = field("other", 16, Metric::kL2, "hnsw");
  other.options = {{"memory", "codes"}};
  create({left, other});
  Random random(3);
  std::vector<std::vector<float>> rows(6000, std::vector<float>(16));
  for (auto& row : rows)
    for (float& x : row) x = static_cast<float>(random.normal());
  for (size_t first = 0; first < rows.size(); first += 1000) {
    std::vector<Point> points;
    for (size_t i = first; i < first + 1000; ++i) {  // each field has the rows in another order
      points.push_back(Point{uint64_t{i}, {}, ""});
      points.back().vectors = {{"vector", f32(rows[i])}, {"other", f32(rows[rows.size() - 1 - i])}};
    }
    must(must(db_->collection("books"))->upsert(points, Durability::kAsync));
  }
  for (int opened = 0; opened < 2; ++opened) {
    auto books = must(db_->collection("books"));
    must(books->settle({}));
    for (const auto& each : books->info().fields) {
      EXPECT_EQ(each.memory.vector_bytes, 0u) << each.field.name;
      EXPECT_EQ(each.memory.disk_bytes, rows.size() * 64) << each.field.name;
    }
    size_t found = 0;
    for (size_t i = 0; i < rows.size(); i += 60) {
      Query q = query(rows[i], 1);
      q.field = "vector";
      found += must(books->search(q)).hits.at(0).id == Id{uint64_t{i}};
      q.field = "other";
      found += must(books->search(q)).hits.at(0).id == Id{uint64_t{rows.size() - 1 - i}};
    }
    EXPECT_GE(found, 198u);
    EXPECT_TRUE(must(db_->verify("books", {})).problems.empty());
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
      EXPECT_THAT(entry.path().filename(), testing::AnyOf("LOCK", "store", "checkpoints"));
    books.reset();
    db_.reset();
    db_ = open_at(directory_.path());
  }
  left.options.emplace_back("codes", "none");
  EXPECT_EQ(code_of(db_->create_collection("none", schema_of({left}))), Code::kInvalidArgument);
}

}  // namespace
}  // namespace kith

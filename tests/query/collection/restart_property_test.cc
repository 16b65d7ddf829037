// Goal: after any operations and any restarts a collection is exactly its model. Method: random upserts,
// removes, reads, searches and checkpoints against a std::map, reopening at random moments over RocksDB, from
// a checkpoint of then or of before; the seed is printed.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "index/registry.h"
#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;

constexpr uint32_t kDim = 3;

class RestartProperty : public testing::TestWithParam<const IndexKind*> {
 protected:
  void open() {
    books_.reset();
    db_.reset();
    DatabaseOptions options;
    options.checkpoints.points_min = 0;
    options.checkpoints.at_close = ++opened_ % 3 == 0;
    db_ = open_at(directory_.path(), options);
    if (db_->collection_names().empty())
      must(db_->create_collection("books", schema_of({field("a", kDim, Metric::kL2, GetParam()->name),
                                                      field("b", kDim, Metric::kCosine, GetParam()->name)})));
    books_ = must(db_->collection("books"));
  }

  Id random_id(Random& random) {
    const uint64_t pick = random.below(60);
    if (pick % 3 == 0) return Id(pick);
    if (pick % 3 == 1) return Id("id-" + std::to_string(pick));
    Uuid uuid;
    uuid.bytes[3] = static_cast<uint8_t>(pick);
    return Id(uuid);
  }

  void upsert(Random& random) {
    std::vector<Point> points;
    for (uint64_t i = 1 + random.below(10); i > 0; --i) {
      Point each;
      each.id = random_id(random);
      if (std::any_of(points.begin(), points.end(), [&](const Point& other) { return other.id == each.id; }))
        continue;
      Content content;
      for (const char* name : {"a", "b"}) {
        if (random.below(4) == 0) continue;
        std::vector<float> vector(kDim);
        for (float& value : vector) value = static_cast<float>(random.normal());
        each.vectors.push_back({name, f32(vector)});
        content.vectors[name] = each.vectors.back().data;
      }
      if (random.below(3) != 0) each.payload = fmt::format("{{\"n\":{}}}", random.below(1000));
      content.payload = each.payload;
      model_[each.id] = content;
      points.push_back(std::move(each));
    }
    must(books_->upsert(points, random.below(2) == 0 ? Durability::kSync : Durability::kAsync));
    ++sequence_;
  }

  void remove(Random& random) {
    std::vector<Id> ids;
    uint64_t removed = 0;
    for (uint64_t i = 1 + random.below(5); i > 0; --i) {
      ids.push_back(random_id(random));
      removed += model_.erase(ids.back());
    }
    EXPECT_EQ(must(books_->remove(ids, Durability::kAsync)).removed, removed);
    ++sequence_;
  }

  void compare() {
    ASSERT_EQ(content_of(*books_, 7), model_);
    ASSERT_EQ(must(books_->count()), model_.size());
    ASSERT_EQ(books_->info().sequence, sequence_);
    for (const char* name : {"a", "b"}) {
      Query all = query({1, 2, 3}, 1000);
      all.field = name;
      all.fetch.vectors = true;
      all.effort = 1000;
      size_t with_field = 0;
      for (const auto& [id, content] : model_) with_field += content.vectors.count(name);
      for (const bool exact : {true, false}) {
        all.exact = exact;
        const auto answer = must(books_->search(all));
        ASSERT_EQ(answer.hits.size(), with_field) << "field " << name << " exact " << exact;
        for (const Hit& hit : answer.hits) {
          ASSERT_TRUE(model_.count(hit.id)) << to_string(hit.id);
          ASSERT_EQ(hit.vectors.size(), model_[hit.id].vectors.size());
        }
      }
    }
  }

  TempDirectory directory_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> books_;
  std::map<Id, Content> model_;
  uint64_t sequence_ = 0;
  int opened_ = 0;
};

TEST_P(RestartProperty, TheStateIsTheModelWhateverHappened) {
  for (const uint64_t seed : {11u, 12u, 13u}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    open();
    for (int step = 0; step < 150; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      const uint64_t pick = random.below(20);
      if (pick < 10)
        upsert(random);
      else if (pick < 15)
        remove(random);
      else if (pick == 15)
        open();
      else if (pick == 16)
        must(books_->checkpoint());
      else
        compare();
      if (HasFatalFailure()) return;
    }
    open();
    compare();
    const auto report = must(db_->verify("books", {}));
    EXPECT_TRUE(report.problems.empty()) << report.problems.front();
    EXPECT_EQ(report.points, model_.size());
  }
}

std::string kind_name(const testing::TestParamInfo<const IndexKind*>& info) {
  return info.param->name;
}
INSTANTIATE_TEST_SUITE_P(Kinds, RestartProperty,
                         testing::ValuesIn(index_kinds().begin(), index_kinds().end()), kind_name);

}  // namespace
}  // namespace kith

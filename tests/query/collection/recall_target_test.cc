// Goal: a search that asks for a share of the true nearest finds about that share of them, with a filter and
// without, and says how it was answered; what was measured survives a restart and is not believed when it is
// damaged. Method: queries that were never measured with against exact answers; a store whose bytes are
// changed.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "query/collection/local_database.h"
#include "query/explanation.h"
#include "query/filter/filter_text.h"
#include "query/plan/calibration.h"
#include "storage/kv/memory_kv_store.h"
#include "storage/rows/keys.h"
#include "tests/query/test_database.h"
#include "tests/support/vectors.h"

namespace kith {
namespace {

using namespace testing_support;

RecallPolicy on_request(uint32_t queries) {
  RecallPolicy policy;
  policy.background = false;
  policy.queries = queries;
  return policy;
}

std::unique_ptr<Database> open_over(std::shared_ptr<MemoryKvData> data, const RecallPolicy& policy) {
  CheckpointPolicy checkpoints;
  checkpoints.at_close = false;
  return must(LocalDatabase::open(
      std::make_shared<Engine>(new_memory_files(), "test", nullptr, make_memory_kv_store(std::move(data)), 2,
                               std::chrono::milliseconds(20)),
      checkpoints, policy));
}

/// Points 0, 1, ... with payloads {"n": 0..99}.
void load(Collection& collection, const test::Vectors& vectors, size_t count) {
  for (size_t first = 0; first < count; first += 1'000) {
    std::vector<Point> points;
    for (size_t i = first; i < std::min(count, first + 1'000); ++i)
      points.push_back(point(uint64_t{i}, {vectors.row(i), vectors.row(i) + vectors.dim},
                             fmt::format("{{\"n\":{}}}", mix64(i) % 100)));
    must(collection.upsert(points, Durability::kAsync));
  }
  must(collection.settle({}));
}

Query query_for(const test::Vectors& vectors, size_t row, uint32_t k = 10) {
  Query out;
  out.vector = vectors.bytes(row);
  out.k = k;
  return out;
}

double recall(const Answer& found, const Answer& exact) {
  if (exact.hits.empty()) return 1;
  size_t hits = 0;
  const float bound = exact.hits.back().score * 1.00001f;
  for (const Hit& hit : found.hits) hits += hit.score <= bound;
  return static_cast<double>(std::min(hits, exact.hits.size())) / static_cast<double>(exact.hits.size());
}

class RecallTarget : public testing::Test {
 protected:
  void open() { db_ = open_over(data_, on_request(queries_)), books_ = nullptr; }
  void make(size_t rows, uint32_t dim, std::string kind = "vamana") {
    vectors_ = test::clustered_vectors(rows + kHeldOut, dim, 40, 5);
    rows_ = rows;
    open();
    books_ =
        must(db_->create_collection("books", schema_of({field("v", dim, Metric::kL2, std::move(kind))})));
    load(*books_, vectors_, rows);
  }
  void reopen() {
    books_.reset();
    db_.reset();
    open();
    books_ = must(db_->collection("books"));
    must(books_->settle({}));
  }
  Query held_out(size_t i, uint32_t k = 10) const { return query_for(vectors_, rows_ + i, k); }
  bool calibrated() const { return books_->info().fields[0].recall.calibrated_rows.has_value(); }

  static constexpr size_t kHeldOut = 300;
  std::shared_ptr<MemoryKvData> data_ = std::make_shared<MemoryKvData>();
  test::Vectors vectors_;
  size_t rows_ = 0;
  uint32_t queries_ = 40;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> books_;
};

using RecallTargets = RecallTarget;

/// Nothing here was tuned to this set.
TEST_F(RecallTargets, AreKeptForQueriesThatWereNeverMeasuredWith_slow) {
  queries_ = 256;
  make(20'000, 48);
  ASSERT_EQ(must(books_->calibrate({})).size(), 1u);
  for (const char* filter : {"", "n < 20", "n = 7"}) {
    for (const double target : {0.90, 0.95, 0.99}) {
      double found = 0, least = 0, estimated = 0;
      for (size_t i = 0; i < kHeldOut; ++i) {
        Query query = held_out(i);
        if (*filter != '\0') query.filter = must(parse_filter_text(filter));
        query.exact = true;
        const Answer exact = must(books_->search(query));
        query.exact = false;
        query.recall_target = target;
        const Answer answer = must(books_->search(query));
        ASSERT_EQ(answer.hits.size(), exact.hits.size());
        found += recall(answer, exact) / kHeldOut;
        ASSERT_TRUE(answer.taken.has_value() && answer.taken->recall.has_value());
        estimated += *answer.taken->recall / kHeldOut;
        // What the narrowest beam finds nobody can ask to be less; nor what a scan does.
        query.recall_target.reset();
        query.effort = query.k;
        least += answer.taken->plan == FilterPlan::kScan
                     ? 1.0 / kHeldOut
                     : recall(must(books_->search(query)), exact) / kHeldOut;
      }
      const std::string what =
          fmt::format("filter '{}' target {}: found {:.4f}, estimated {:.4f}, at least {:.4f}", filter,
                      target, found, estimated, least);
      EXPECT_GE(found, target - 0.01) << what;
      EXPECT_LE(found, std::max(target + 0.03, least + 0.01)) << what;
      EXPECT_NEAR(found, estimated, 0.03) << what;
    }
  }
}

TEST_F(RecallTarget, IsWithoutEffectUntilTheFieldWasMeasured) {
  make(2'000, 16);
  Query query = held_out(0);
  query.recall_target = 0.99;
  const Answer before = must(books_->search(query));
  ASSERT_TRUE(before.taken.has_value());
  EXPECT_FALSE(before.taken->recall.has_value());
  EXPECT_EQ(before.taken->effort, 0u);
  EXPECT_FALSE(calibrated());
  const auto measured = must(books_->calibrate({}));
  ASSERT_EQ(measured.size(), 1u);
  EXPECT_EQ(measured[0].field, "v");
  EXPECT_EQ(measured[0].calibration->rows, 2'000u);
  EXPECT_GT(measured[0].calibration->points.size(), 10u);
  EXPECT_TRUE(calibrated());
  const Answer after = must(books_->search(query));
  ASSERT_TRUE(after.taken->recall.has_value());
  EXPECT_GE(*after.taken->recall, 0.98);
}

TEST_F(RecallTarget, AndEffortExcludeEachOther) {
  make(100, 8);
  Query query = held_out(0);
  query.recall_target = 0.9;
  query.effort = 40;
  const auto refused = books_->search(query);
  ASSERT_EQ(code_of(refused), Code::kInvalidArgument);
  EXPECT_NE(refused.error().message.find("recall_target"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("effort"), std::string::npos) << refused.error().message;
  query.effort = 0;
  for (const double wrong : {0.0, -0.5, 1.0001, std::nan("")}) {
    query.recall_target = wrong;
    EXPECT_EQ(code_of(books_->search(query)), Code::kInvalidArgument) << wrong;
    if (wrong != 0) {
      EXPECT_EQ(code_of(db_->set_recall_target("books", wrong)), Code::kInvalidArgument) << wrong;
    }
  }
  EXPECT_EQ(code_of(db_->set_recall_target("nobody", 0.9)), Code::kNotFound);
}

TEST_F(RecallTarget, OfOneIsAnsweredExactly) {
  make(2'000, 16);
  must(books_->calibrate({}));
  for (size_t i = 0; i < 50; ++i) {
    Query query = held_out(i);
    query.recall_target = 1;
    const Answer answer = must(books_->search(query));
    EXPECT_EQ(answer.taken->recall, 1.0);
    query.exact = true;
    query.recall_target.reset();
    EXPECT_EQ(recall(answer, must(books_->search(query))), 1.0);
  }
}

TEST_F(RecallTarget, OfTheCollectionIsKeptAcrossRestarts) {
  make(2'000, 16);
  EXPECT_EQ(books_->info().recall_target, kRecallTarget);
  must(books_->calibrate({}));
  const auto estimate = [&] { return must(books_->search(held_out(1))).taken->recall.value_or(0); };
  const double before = estimate();
  must(db_->set_recall_target("books", 0.999));
  must(db_->limit_memory("books", 1u << 30));
  EXPECT_EQ(books_->info().recall_target, 0.999);
  EXPECT_GE(estimate(), std::max(before, 0.99));
  reopen();
  EXPECT_EQ(books_->info().recall_target, 0.999);
  EXPECT_EQ(books_->info().memory_bytes_max, 1u << 30);
  EXPECT_TRUE(calibrated()) << "what was measured is kept as well";
  EXPECT_GE(estimate(), 0.99);
  must(db_->set_recall_target("books", 0));
  EXPECT_EQ(books_->info().recall_target, kRecallTarget);
  reopen();
  EXPECT_EQ(books_->info().recall_target, kRecallTarget);
  EXPECT_TRUE(must(db_->verify("books", {})).problems.empty());
}

TEST_F(RecallTarget, DamagedCalibrationsAreNotBelieved) {
  make(2'000, 16);
  must(books_->calibrate({}));
  const std::string key = calibration_key(1, 0);
  const std::string whole = *must(make_memory_kv_store(data_)->snapshot()->get(KvTable::kRecords, key));
  for (size_t i = 0; i < 6; ++i) {
    std::string damaged = whole;
    if (i < 5)
      damaged[damaged.size() * i / 5] = static_cast<char>(damaged[damaged.size() * i / 5] ^ 1);
    else
      damaged.resize(damaged.size() / 2);
    KvBatch batch;
    batch.put(KvTable::kRecords, key, damaged);
    must(make_memory_kv_store(data_)->write(batch, KvSurvives::kPower));
    reopen();
    EXPECT_FALSE(calibrated()) << i;
    EXPECT_FALSE(must(books_->search(held_out(0))).taken->recall.has_value());
  }
  must(books_->calibrate({}));
  reopen();
  EXPECT_TRUE(calibrated());
}

TEST_F(RecallTarget, DroppedCollectionsLeaveNoCalibration) {
  make(1'000, 8);
  must(books_->calibrate({}));
  must(db_->drop_collection("books"));
  EXPECT_EQ(code_of(books_->calibrate({})), Code::kNotFound);
  EXPECT_FALSE(must(make_memory_kv_store(data_)->snapshot()->get(KvTable::kRecords, calibration_key(1, 0)))
                   .has_value());
}

TEST_F(RecallTarget, ExplainsWhatASearchWouldDoAndDid) {
  make(2'000, 16);
  Query query = held_out(0);
  query.explain = Explain::kPlan;
  const Answer unmeasured = must(books_->search(query));
  ASSERT_TRUE(unmeasured.explanation != nullptr);
  EXPECT_FALSE(unmeasured.explanation->calibrated);
  EXPECT_TRUE(unmeasured.hits.empty());
  must(books_->calibrate({}));
  for (const char* filter : {"", "n < 50", "n = 3"}) {
    SCOPED_TRACE(filter);
    query = held_out(0);
    query.fetch.payload = true;
    if (*filter != '\0') query.filter = must(parse_filter_text(filter));
    EXPECT_EQ(must(books_->search(query)).explanation, nullptr);
    query.explain = Explain::kPlan;
    const Answer planned = must(books_->search(query));
    ASSERT_TRUE(planned.explanation != nullptr);
    EXPECT_TRUE(planned.explanation->calibrated);
    EXPECT_TRUE(planned.hits.empty());
    EXPECT_EQ(planned.stats.full_distances + planned.stats.hops, 0u);
    EXPECT_FALSE(planned.explanation->plan.others.empty());
    query.explain = Explain::kAnalyze;
    const Answer analyzed = must(books_->search(query));
    EXPECT_EQ(analyzed.hits.size(), 10u);
    ASSERT_TRUE(analyzed.explanation != nullptr);
    const Explanation& told = *analyzed.explanation;
    EXPECT_GT(told.times.search_ns, 0u);
    EXPECT_GT(told.times.fetch_ns, 0u);
    EXPECT_EQ(told.times.filter_ns > 0, query.filter.has_value());
    EXPECT_GT(told.plan.chosen.nanoseconds, 0);
    EXPECT_NEAR(analyzed.taken->share, *filter == '\0' ? 1 : *(filter + 2) == '<' ? 0.5 : 0.01, 0.05);
  }
}

TEST_F(RecallTarget, ABatchHasOnePlan) {
  make(2'000, 16);
  must(books_->calibrate({}));
  std::vector<Query> batch;
  for (size_t i = 0; i < 20; ++i) {
    batch.push_back(held_out(i));
    batch.back().recall_target = 0.97;
    batch.back().filter = must(parse_filter_text("n < 40"));
  }
  const auto answers = must(books_->search_batch(batch));
  for (const Answer& answer : answers) {
    ASSERT_TRUE(answer.taken.has_value());
    EXPECT_EQ(answer.taken->effort, answers[0].taken->effort);
    EXPECT_EQ(answer.taken->share, answers[0].taken->share);
    EXPECT_GE(answer.taken->recall.value_or(0), 0.96);
  }
  batch[3].recall_target = 0.5;
  batch[4].explain = Explain::kAnalyze;
  const auto mixed = must(books_->search_batch(batch));
  EXPECT_TRUE(mixed[4].explanation != nullptr);
  EXPECT_FALSE(mixed[5].explanation != nullptr);
  for (size_t i = 0; i < batch.size(); ++i) EXPECT_EQ(mixed[i].hits.size(), 10u);
}

TEST_F(RecallTarget, ExactKindsHaveNothingToMeasure) {
  make(500, 8, "flat");
  EXPECT_TRUE(must(books_->calibrate({})).empty());
  const Answer answer = must(books_->search(held_out(0)));
  EXPECT_EQ(answer.taken->recall, 1.0);
  EXPECT_EQ(answer.taken->plan, FilterPlan::kScan);
}

/// Points may lack a field: what is measured counts those that have it.
TEST_F(RecallTarget, CountsPointsThatHaveTheField) {
  vectors_ = test::clustered_vectors(2'000, 8, 10, 6);
  open();
  auto photos = must(db_->create_collection("photos", schema_of({field("image", 8, Metric::kL2, "vamana"),
                                                                 field("colour", 8, Metric::kL2, "hnsw")})));
  for (size_t first = 0; first < 2'000; first += 500) {
    std::vector<Point> points;
    for (size_t i = first; i < first + 500; ++i) {
      Point each{uint64_t{i}, {}, ""};
      each.vectors.push_back({"image", vectors_.bytes(i)});
      if (i % 4 == 0) each.vectors.push_back({"colour", vectors_.bytes(i)});
      points.push_back(std::move(each));
    }
    must(photos->upsert(points, Durability::kAsync));
  }
  const auto measured = must(photos->calibrate({}));
  ASSERT_EQ(measured.size(), 2u);
  EXPECT_EQ(measured[0].calibration->rows, 2'000u);
  EXPECT_EQ(measured[1].calibration->rows, 500u);
}

}  // namespace
}  // namespace kith

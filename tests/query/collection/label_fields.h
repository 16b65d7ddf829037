// LabelFields: a collection whose payload fields are labels, beside a plain map of its points; and a
// calibration in which walks for labels cost next to nothing, so that the planner always takes them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "query/collection/local_database.h"
#include "query/explanation.h"
#include "query/filter/filter_text.h"
#include "query/filter/matches.h"
#include "query/recall/calibration_record.h"
#include "query/schema/limits.h"
#include "storage/kv/memory_kv_store.h"
#include "storage/rows/keys.h"
#include "tests/query/test_database.h"
#include "tests/support/seed.h"
#include "tests/support/vectors.h"

namespace kith {

using namespace testing_support;

struct ModelPoint {
  std::vector<float> vector;
  std::string payload;
};

/// Over files and a store that outlive it.
class LabelFields : public testing::TestWithParam<const char*> {
 protected:
  static constexpr uint32_t kDim = 16;
  static constexpr size_t kQueries = 20, kExact = 2;
#ifdef KITH_SANITIZED
  static constexpr int kRounds = 2;
#else
  static constexpr int kRounds = 4;
#endif

  void open() {
    RecallPolicy policy;
    policy.background = false;
    policy.queries = 12;
    CheckpointPolicy checkpoints;
    checkpoints.at_close = false;
    db_ = must(
        LocalDatabase::open(std::make_shared<Engine>(*files_, "test", nullptr, make_memory_kv_store(data_), 2,
                                                     std::chrono::milliseconds(20)),
                            checkpoints, policy));
    if (db_->collection_names().empty()) must(db_->create_collection("books", schema_));
    books_ = must(db_->collection("books"));
  }
  void reopen() {
    must(books_->settle({}));
    books_.reset();
    db_.reset();
    open();
    must(books_->settle({}));
  }

  static Schema make_schema() {
    VectorField vectors = field("v", kDim, Metric::kL2, "vamana");
    vectors.options = {{"ef", "24"}, {"ef_construction", "48"}};
    if (std::string_view(GetParam()) != "filtered") vectors.options.emplace_back("labels", GetParam());
    Schema schema = schema_of({vectors, field("other", 2)});
    schema.payload = {{{{"tenant"}}, PayloadType::kKeyword, false, true},
                      {{{"tags"}}, PayloadType::kInteger, false, true},
                      {{{"read"}}, PayloadType::kBoolean, false, true}};
    return schema;
  }

  /// Half of all points are of tenant t0, a quarter of t1, …; tag i is that of one in i + 1.
  virtual std::string payload() {
    size_t tenant = 0;
    while (tenant < 9 && random_.below(2) == 0) ++tenant;
    std::string tags;
    for (uint64_t i = 1; i < 40; ++i)
      if (random_.below(i + 1) == 0) tags += fmt::format("{}{}", tags.empty() ? "" : ",", i);
    return fmt::format(R"({{"tenant":"t{}","tags":[{}],"read":{},"n":{}}})", tenant, tags,
                       random_.below(8) == 0, random_.below(100));
  }
  std::vector<float> vector() {
    const size_t row = random_.below(vectors_.rows);
    std::vector<float> out(vectors_.row(row), vectors_.row(row) + kDim);
    for (float& x : out) x += static_cast<float>(0.05 * random_.normal());
    return out;
  }
  void upsert(uint64_t id, ModelPoint content) {
    upsert_all({{id, std::move(content)}});
  }
  /// A point whose vector stays is updated, any other written anew.
  void upsert_all(std::map<uint64_t, ModelPoint> points) {
    std::vector<Point> batch;
    std::vector<PointUpdate> updates;
    for (auto& [id, content] : points) {
      if (const auto old = model_.find(id); old != model_.end() && old->second.vector == content.vector) {
        PointUpdate& update = updates.emplace_back();
        update.id = id;
        update.patch.payload = content.payload;
        update.patch.replace_payload = true;
        old->second.payload = std::move(content.payload);
        continue;
      }
      Point each{id, {{"v", f32(content.vector)}}, content.payload};
      if (id % 3 == 0) each.vectors.push_back({"other", f32({1, 2})});
      batch.push_back(std::move(each));
      model_[id] = std::move(content);
    }
    if (!batch.empty()) must(books_->upsert(batch, Durability::kAsync));
    if (updates.empty()) return;
    EXPECT_EQ(must(books_->update(updates, Durability::kAsync)).updated, updates.size());
  }
  /// Points 0, 1, ... in batches.
  void load(size_t count) {
    std::map<uint64_t, ModelPoint> batch;
    for (uint64_t id = 0; id < count; ++id) {
      batch[id] = {vector(), payload()};
      if (batch.size() < 500 && id + 1 < count) continue;
      upsert_all(std::move(batch));
      batch.clear();
    }
  }
  void remove_all(const std::vector<uint64_t>& points) {
    std::vector<Id> ids;
    for (const uint64_t id : points) {
      model_.erase(id);
      ids.emplace_back(id);
    }
    must(books_->remove(ids, Durability::kAsync));
  }

  std::vector<uint64_t> satisfying(const Filter& filter) const {
    const Matcher matcher(filter);
    std::vector<uint64_t> out;
    for (const auto& [id, point] : model_)
      if (matcher.matches(id, must(JsonTree::parse_payload(point.payload)).root())) out.push_back(id);
    return out;
  }
  static double distance(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    return sum;
  }

  /// What became of queries under one filter.
  struct Outcome {
    double recall = 0;  // mean
    size_t by_labels = 0;
  };
  /// Every answer holds as many points as there are, all of which satisfy the filter; exact ones the nearest.
  Outcome ask(const std::string& text, uint32_t k = 10) {
    SCOPED_TRACE(text);
    const Filter filter = must(parse_filter_text(text));
    const std::vector<uint64_t> all = satisfying(filter);
    Outcome outcome;
    for (size_t i = 0; i < kQueries; ++i) {
      Query query;
      query.field = "v";
      const std::vector<float> asked = vector();
      query.vector = f32(asked);
      query.k = k;
      query.filter = filter;
      std::vector<double> nearest;
      for (const uint64_t id : all) nearest.push_back(distance(model_.at(id).vector, asked));
      std::sort(nearest.begin(), nearest.end());
      if (nearest.size() > k) nearest.resize(k);
      for (const bool exact : {false, true}) {
        if (exact && i >= kExact) break;
        query.exact = exact;
        const Answer answer = must(books_->search(query));
        EXPECT_EQ(answer.hits.size(), nearest.size());
        size_t hits = 0;
        for (const Hit& hit : answer.hits) {
          const uint64_t id = std::get<uint64_t>(hit.id);
          EXPECT_TRUE(std::ranges::binary_search(all, id)) << id;
          hits += !nearest.empty() && distance(model_.at(id).vector, asked) <= nearest.back() * (1 + 1e-5);
        }
        const double recall =
            nearest.empty() ? 1 : static_cast<double>(hits) / static_cast<double>(nearest.size());
        if (exact) {
          EXPECT_EQ(recall, 1);
          continue;
        }
        outcome.recall += recall / kQueries;
        outcome.by_labels += answer.taken->plan == FilterPlan::kLabels;
      }
    }
    return outcome;
  }
  size_t expect_right(const std::string& text, uint32_t k = 10) {
    const Outcome outcome = ask(text, k);
    EXPECT_GE(outcome.recall, 0.95) << text;
    return outcome.by_labels;
  }
  size_t expect_all_right() {
    size_t by_labels = 0;
    for (size_t i = 0; i < 10; ++i) by_labels += expect_right(fmt::format("tenant = 't{}'", i));
    for (const char* filter :
         {"tags = 1", "tags = 39", "tags IN (2.0, 5, 30)", "tags = 1 AND tags = 2 AND tags = 3",
          "read = true", "tenant = 't1' AND n < 50", "tenant = 't0' AND read = true",
          "tenant = 't0' AND NOT tags = 1", "tenant = 't2' OR n = 7", "tenant = 'nobody'",
          "tags = 1 AND n = 3"})
      by_labels += expect_right(filter);
    return by_labels;
  }

  /// The planner takes walks for labels from now on: they reach every target at effort 64, in no time.
  void make_labels_cheap() {
    KeptCalibration kept;
    kept.rows = kept.rows_end = kept.calibration.rows = model_.size();
    kept.calibration.queries = 100;
    kept.calibration.costs.scanned_row = 1'000;
    const auto add = [&](FilterPlan plan, float share, uint32_t effort, float nanoseconds) {
      CalibrationPoint point{.plan = plan, .share = share, .k = 10, .effort = effort, .queries = 100};
      point.recall = point.recall_low = 1;
      point.nanoseconds = nanoseconds;
      point.work.full_distances = 1'000;
      kept.calibration.points.push_back(point);
    };
    add(FilterPlan::kScan, 1, 0, 1e6f);
    add(FilterPlan::kAuto, 1, 64, 1e6f);
    add(FilterPlan::kLabels, 0.01f, 64, 1);
    add(FilterPlan::kLabels, 1, 64, 1);
    kept.calibration.prepare();
    KvBatch batch;
    batch.put(KvTable::kRecords, calibration_key(1, 0), encode_calibration_record(kept, schema_.vectors[0]));
    must(make_memory_kv_store(data_)->write(batch, KvSurvives::kPower));
    reopen();
  }
  void expect_by_labels(const std::string& text) {
    EXPECT_EQ(expect_right(text), kQueries) << text;
  }

  uint64_t seed_ = test::test_seed();
  testing::ScopedTrace trace_{__FILE__, __LINE__, "KITH_SEED=" + std::to_string(seed_)};
  Random random_{seed_};
  test::Vectors vectors_ = test::clustered_vectors(2'000, kDim, 20, seed_ + 1);
  Schema schema_ = make_schema();
  FileSystem* files_ = &new_memory_files();
  std::shared_ptr<MemoryKvData> data_ = std::make_shared<MemoryKvData>();
  std::map<uint64_t, ModelPoint> model_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> books_;
};

}  // namespace kith

// A collection "books" and a model of it: random points whose payloads are those of RandomFilters, on a map,
// through upserts, removals and restarts. The parameter is the kind of its index.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"
#include "query/filter/matches.h"
#include "query/filter/path_values.h"
#include "query/filter/scalar.h"
#include "tests/query/test_database.h"
#include "tests/support/random_filter.h"
#include "tests/support/seed.h"

namespace kith::testing_support {

inline constexpr int64_t kStartMs = 1'700'000'000'000;

struct ModelPoint {
  std::vector<float> vector;
  std::string payload;
};

class ModelledCollection : public testing::TestWithParam<const char*> {
 protected:
  void open() {
    books_.reset();
    db_.reset();
    DatabaseOptions options;
    options.clock = &clock_;
    options.checkpoints.points_min = 0;
    options.checkpoints.age = std::chrono::hours(1);
    options.checkpoints.at_close = ++opened_ % 2 == 0;
    db_ = open_at(directory_.path(), options);
    if (db_->collection_names().empty())
      must(db_->create_collection("books", schema_of({field("v", 4, Metric::kL2, GetParam())})));
    books_ = must(db_->collection("books"));
  }

  std::vector<float> vector() {
    std::vector<float> out(4);
    for (float& value : out) value = static_cast<float>(random_.normal());
    return out;
  }
  void upsert(size_t count) {
    std::map<Id, ModelPoint> rows;
    while (rows.size() < count)
      rows[random_.below(4) == 0 ? filters_.id() : Id(random_.below(ids_))] = {vector(), filters_.payload()};
    std::vector<Point> points;
    for (const auto& [id, row] : rows) {
      points.push_back(point(id, row.vector, row.payload));
      model_[id] = row;
    }
    must(books_->upsert(points, Durability::kAsync));
  }
  void remove(size_t count) {
    std::vector<Id> ids;
    for (size_t i = 0; i < count; ++i) ids.emplace_back(random_.below(ids_));
    for (const Id& id : ids) model_.erase(id);
    must(books_->remove(ids, Durability::kAsync));
  }

  std::map<Id, ModelPoint> satisfying(const Filter& filter) const {
    const Matcher matcher(filter);
    std::map<Id, ModelPoint> out;
    for (const auto& [id, row] : model_)
      if (matcher.matches(id, must(JsonTree::parse_payload(row.payload)).root())) out.emplace(id, row);
    return out;
  }
  /// The bools, numbers and strings of a point at a path, sorted, each once.
  static std::vector<FilterScalar> values_at(const ModelPoint& point, const FilterPath& path) {
    std::vector<FilterScalar> values;
    const JsonTree payload = must(JsonTree::parse_payload(point.payload));
    visit_values(payload.root(), path, [&](const JsonValue& value) {
      if (value.is_bool()) values.emplace_back(value.boolean());
      if (value.is_number()) values.emplace_back(value.number());
      if (value.is_string()) values.emplace_back(std::string(value.string()));
      return false;
    });
    std::sort(values.begin(), values.end(), scalar_less);
    const auto same = [](const FilterScalar& a, const FilterScalar& b) { return !scalar_less(a, b); };
    values.erase(std::unique(values.begin(), values.end(), same), values.end());
    return values;
  }
  static bool scalar_less(const FilterScalar& a, const FilterScalar& b) {
    return compare_scalars(scalar_view(a), scalar_view(b)) < 0;
  }
  static float distance(const std::vector<float>& a, const std::vector<float>& b) {
    float sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return std::sqrt(sum);
  }
  static std::vector<float> floats(const std::vector<std::byte>& bytes) {
    std::vector<float> out(bytes.size() / sizeof(float));
    std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }

  TempDirectory directory_;
  ManualClock clock_{5'000'000'000, kStartMs};
  uint64_t seed_ = test::test_seed();
  Random random_{seed_};
  test::RandomFilters filters_{seed_ + 1};
  uint64_t ids_ = 600;  // numbers below
  std::map<Id, ModelPoint> model_;
  int opened_ = 0;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> books_;
};

}  // namespace kith::testing_support

// What the writers of kill_test.cc write, and the model of it. Every operation is a function of (seed,
// writer, number) alone, and each writer has ids of its own, so that a count of operations says what its
// share of the collection must be.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/crash/crash_child.h"

namespace kith::crash {

inline constexpr int kWriters = 2;
inline constexpr uint64_t kIdsPerWriter = 120;
inline constexpr uint32_t kSmallDim = 6;

struct Operation {
  std::vector<Point> upserts;
  std::vector<Id> removes;  // when there are no upserts
  Durability durability = Durability::kSync;
};

inline Id cursor_id(int writer) {
  return Id("cursor-" + std::to_string(writer));
}

/// Numbers and texts by turns.
inline Id nth_id(int writer, uint64_t n) {
  if (n % 3 != 0) return Id(n * kWriters + static_cast<uint64_t>(writer));
  return Id(fmt::format("writer-{}-{}", writer, n));
}

inline FieldVector random_vector(std::string name, uint32_t dim, Random& random) {
  std::vector<float> vector(dim);
  for (float& value : vector) value = static_cast<float>(random.normal());
  return {std::move(name), testing_support::f32(vector)};
}

/// Every eighth removes; all others upsert, a point that holds the number (the writer's cursor) among them.
inline Operation operation(uint64_t seed, int writer, uint64_t number) {
  Random random(mix64(seed) ^ mix64(number * kWriters + static_cast<uint64_t>(writer)));
  Operation out;
  out.durability = random.below(3) == 0 ? Durability::kAsync : Durability::kSync;
  std::set<uint64_t> picked;
  for (uint64_t i = 1 + random.below(10); i > 0; --i) picked.insert(random.below(kIdsPerWriter));
  for (const uint64_t n : picked) {
    if (number % 8 == 7) {
      out.removes.push_back(nth_id(writer, n));
      continue;
    }
    Point& point = out.upserts.emplace_back();
    point.id = nth_id(writer, n);
    if (random.below(5) != 0) point.payload = fmt::format("{{\"op\":{}}}", number);
    if (random.below(8) != 0) point.vectors.push_back(random_vector("v", kDim, random));
    if (random.below(2) == 0) point.vectors.push_back(random_vector("w", kSmallDim, random));
  }
  if (out.removes.empty())
    out.upserts.push_back(Point{cursor_id(writer), {}, fmt::format("{{\"op\":{}}}", number)});
  return out;
}

/// One writer's share of the content after its first operations.
class Model {
 public:
  void apply_until(uint64_t seed, int writer, uint64_t count) {
    for (; applied_ < count; ++applied_) {
      const Operation next = operation(seed, writer, applied_);
      for (const Id& id : next.removes) content_.erase(id);
      for (const Point& each : next.upserts) {
        testing_support::Content& content = content_[each.id];
        content = {each.payload, {}};
        for (const FieldVector& vector : each.vectors) content.vectors[vector.field] = vector.data;
      }
    }
  }
  uint64_t applied() const { return applied_; }
  const std::map<Id, testing_support::Content>& content() const { return content_; }

 private:
  uint64_t applied_ = 0;
  std::map<Id, testing_support::Content> content_;
};

inline std::map<Id, testing_support::Content> share_of(const std::map<Id, testing_support::Content>& all,
                                                       int writer) {
  std::map<Id, testing_support::Content> share;
  for (const auto& [id, content] : all) {
    const auto* number = std::get_if<uint64_t>(&id);
    const auto* text = std::get_if<std::string>(&id);
    const bool owns = number != nullptr
                          ? *number % kWriters == static_cast<uint64_t>(writer)
                          : id == cursor_id(writer) || text->starts_with(fmt::format("writer-{}-", writer));
    if (owns) share.emplace(id, content);
  }
  return share;
}

inline Schema kill_schema() {
  return testing_support::schema_of({testing_support::field("v", kDim, Metric::kL2, "vamana"),
                                     testing_support::field("w", kSmallDim, Metric::kCosine, "hnsw")});
}

/// Another collection comes, is filled and goes, one step after another.
struct DdlState {
  explicit DdlState(uint64_t steps) : name(fmt::format("temp-{}", steps / 3)), step(steps % 3) {}
  std::string name;
  uint64_t step;  // 0: it is not there. 1: it is, empty. 2: with its points
  uint64_t points() const { return step == 2 ? 20 : 0; }
};

}  // namespace kith::crash

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
#include "query/filter/matches.h"
#include "tests/crash/crash_child.h"

namespace kith::crash {

inline constexpr int kWriters = 2;
inline constexpr uint64_t kIdsPerWriter = 120;
inline constexpr uint32_t kSmallDim = 6;

struct Operation {
  std::vector<Point> upserts;
  std::vector<Id> removes;           // when there are no upserts
  std::vector<PointUpdate> updates;  // when there are neither
  std::optional<NumberRange> where;  // of the writer's own points: these are removed, by filter
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

inline PointUpdate update_of(Point point, Random& random) {
  PointUpdate out{point.id, {}};
  if (random.below(2) == 0) out.patch.vectors = std::move(point.vectors);
  out.patch.payload = std::move(point.payload);
  if (out.patch.payload.empty() && out.patch.vectors.empty()) out.patch.replace_payload = true;
  return out;
}

/// Of a writer: the name of the member that holds the number of the operation.
inline std::string member_of(int writer) {
  return fmt::format("op{}", writer);
}

/// Of eight one removes by id, one by filter, two update; the others upsert. Upserts and updates have the
/// writer's cursor among them, whose payload is the number.
inline Operation operation(uint64_t seed, int writer, uint64_t number) {
  Random random(mix64(seed) ^ mix64(number * kWriters + static_cast<uint64_t>(writer)));
  Operation out;
  out.durability = random.below(3) == 0 ? Durability::kAsync : Durability::kSync;
  if (number % 8 == 3) {
    out.where = NumberRange{{{member_of(writer)}}, {}, {}};
    out.where->low = {FilterNumber(static_cast<int64_t>(number) - 40)};
    out.where->high = {FilterNumber(static_cast<int64_t>(number) - 30)};
    return out;
  }
  const bool updates = number % 8 == 2 || number % 8 == 5;
  std::set<uint64_t> picked;
  for (uint64_t i = 1 + random.below(10); i > 0; --i) picked.insert(random.below(kIdsPerWriter));
  for (const uint64_t n : picked) {
    if (number % 8 == 7) {
      out.removes.push_back(nth_id(writer, n));
      continue;
    }
    Point& point = out.upserts.emplace_back();
    point.id = nth_id(writer, n);
    if (random.below(5) != 0)
      point.payload = fmt::format("{{\"{}\":{},\"m{}\":{}}}", member_of(writer), number, number % 4, number);
    if (random.below(8) != 0) point.vectors.push_back(random_vector("v", kDim, random));
    if (random.below(2) == 0) point.vectors.push_back(random_vector("w", kSmallDim, random));
  }
  if (!out.removes.empty()) return out;
  out.upserts.push_back(Point{cursor_id(writer), {}, fmt::format("{{\"op\":{}}}", number)});
  for (Point& point : out.upserts)
    if (updates) out.updates.push_back(update_of(std::move(point), random));
  if (updates) out.upserts.clear();
  return out;
}

inline Result<WriteReceipt> perform(Collection& collection, const Operation& operation) {
  if (operation.where.has_value())
    return collection.remove(Filter{*operation.where}, operation.durability, {});
  if (!operation.removes.empty()) return collection.remove(operation.removes, operation.durability);
  if (!operation.updates.empty()) return collection.update(operation.updates, operation.durability);
  return collection.upsert(operation.upserts, operation.durability);
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
      for (const PointUpdate& each : next.updates)
        if (const auto found = content_.find(each.id); found != content_.end())
          testing_support::apply_patch(each.patch, found->second);
      if (!next.where.has_value()) continue;
      const Matcher matcher(Filter{*next.where});
      std::erase_if(content_, [&](const auto& each) {
        const auto payload = JsonTree::parse_payload(each.second.payload);
        return payload.ok() && matcher.matches(each.first, payload->root());
      });
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

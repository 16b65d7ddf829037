// Batches of writes that follow from a seed and their number alone, so that a collection whose sequence is n
// can be held against the model of its first n batches. Its field is "v".
#pragma once

#include <set>

#include "base/random.h"
#include "tests/query/test_database.h"

namespace kith::testing_support {

inline constexpr uint32_t kBatchDim = 40;  // vectors go to blob files

/// Batch `number` of a collection, from its seed alone: upserts, and every fourth removes.
struct Batch {
  std::vector<Point> upserts;
  std::vector<Id> removes;
};
inline Batch make_batch(uint64_t seed, uint64_t number) {
  Random random(mix64(seed) ^ mix64(number));
  Batch out;
  std::set<uint64_t> ids;
  for (int i = 0; i < 20; ++i) ids.insert(random.below(600));
  for (const uint64_t id : ids) {
    std::vector<float> vector(kBatchDim);
    for (float& x : vector) x = static_cast<float>(random.normal());
    if (number % 4 == 3)
      out.removes.emplace_back(id);
    else
      out.upserts.push_back(point(Id(id), vector, fmt::format("{{\"batch\":{}}}", number)));
  }
  return out;
}

/// What a collection holds after its first `count` batches.
inline std::map<Id, Content> content_after_batches(uint64_t seed, uint64_t count) {
  std::map<Id, Content> content;
  for (uint64_t number = 0; number < count; ++number) {
    const Batch each = make_batch(seed, number);
    for (const Point& p : each.upserts) content[p.id] = {p.payload, {{"v", p.vectors[0].data}}};
    for (const Id& id : each.removes) content.erase(id);
  }
  return content;
}

inline void apply_batch(Collection& collection, uint64_t seed, uint64_t number) {
  const Batch next = make_batch(seed, number);
  if (!next.upserts.empty()) must(collection.upsert(next.upserts, Durability::kAsync));
  if (!next.removes.empty()) must(collection.remove(next.removes, Durability::kAsync));
}

}  // namespace kith::testing_support

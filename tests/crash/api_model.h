// The model of api_sequence.h: what a database holds as maps, and bytes as choices.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "query/filter/matches.h"
#include "tests/query/test_database.h"

namespace kith::crash {

/// Choices. Zeros once they are used up.
class Bytes {
 public:
  explicit Bytes(std::span<const uint8_t> left) : left_(left) {}
  bool empty() const { return left_.empty(); }
  uint8_t next() {
    if (left_.empty()) return 0;
    const uint8_t byte = left_[0];
    left_ = left_.subspan(1);
    return byte;
  }
  size_t below(size_t n) { return next() % n; }

 private:
  std::span<const uint8_t> left_;
};

struct Stored {
  std::string payload;
  std::map<std::string, std::vector<float>> vectors;
  uint64_t expires_at_ms = 0;
  bool visible(uint64_t now_ms) const { return expires_at_ms == 0 || expires_at_ms > now_ms; }
  friend bool operator==(const Stored&, const Stored&) = default;
};
using ApiContent = std::map<Id, Stored>;
/// All collections of a directory.
using State = std::map<std::string, ApiContent>;

inline constexpr size_t kApiIds = 12;

inline Id nth_api_id(size_t which) {
  switch (which) {
    case 9:
      return UINT64_MAX;
    case 10:
      return std::string("ten");
    case 11:
      return Uuid{{1, 2, 3}};
    default:
      return which;
  }
}

inline ApiContent visible_at(const ApiContent& content, uint64_t now_ms) {
  ApiContent out;
  for (const auto& [id, stored] : content)
    if (stored.visible(now_ms)) out.emplace(id, stored);
  return out;
}

inline std::vector<float> floats_of(const std::vector<std::byte>& data) {
  std::vector<float> out(data.size() / sizeof(float));
  std::memcpy(out.data(), data.data(), data.size());
  return out;
}

inline Stored stored_of(const Point& point) {
  Stored out{point.payload, {}, point.expires_at_ms};
  for (const FieldVector& vector : point.vectors) out.vectors[vector.field] = floats_of(vector.data);
  return out;
}

inline float distance(const std::vector<float>& a, const std::vector<float>& b) {
  float sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

/// Scores of all points that have the field, nearest first.
inline std::vector<float> scores(const ApiContent& content, const std::string& field,
                                 const std::vector<std::byte>& vector) {
  std::vector<float> all;
  for (const auto& [id, stored] : content)
    if (const auto found = stored.vectors.find(field); found != stored.vectors.end())
      all.push_back(distance(found->second, floats_of(vector)));
  std::ranges::sort(all);
  return all;
}

/// Empty when the hits are the nearest `expected`, each with the distance it really has.
inline std::string wrong_hits(const Answer& answer, const ApiContent& content, const std::string& field,
                              const std::vector<std::byte>& vector, const std::vector<float>& expected) {
  constexpr float kTolerance = 1e-4f;
  if (answer.hits.size() != expected.size())
    return fmt::format("search of '{}': {} hits, not {}", field, answer.hits.size(), expected.size());
  std::set<Id> seen;
  for (size_t i = 0; i < expected.size(); ++i) {
    const Hit& hit = answer.hits[i];
    const auto found = content.find(hit.id);
    if (!seen.insert(hit.id).second || found == content.end() || !found->second.vectors.contains(field))
      return "search: a hit twice, or of a point that is not there";
    const float own = distance(found->second.vectors.at(field), floats_of(vector));
    if (std::abs(hit.score - own) > kTolerance || std::abs(hit.score - expected[i]) > kTolerance)
      return fmt::format("search: score {}, that of the point is {}, that of the rank {}", hit.score, own,
                         expected[i]);
  }
  return {};
}

// Updates, and filters over the payloads that they and upserts leave: {"n": ..., "u": ...}, or some of it.

inline std::string payload_change(size_t which, uint64_t number) {
  switch (which % 4) {
    case 0:
      return fmt::format("{{\"u\":{}}}", number);
    case 1:
      return fmt::format("{{\"n\":null,\"u\":{{\"n\":{}}}}}", number);
    case 2:
      return fmt::format("{{\"n\":{}}}", number);
    default:
      return "{}";
  }
}

inline void apply_patch(const Patch& patch, Stored& stored) {
  testing_support::Content content{stored.payload, {}};
  testing_support::apply_patch(patch, content);
  stored.payload = content.payload;
  for (const auto& [field, data] : content.vectors) stored.vectors[field] = floats_of(data);
  stored.expires_at_ms = patch.expires_at_ms.value_or(stored.expires_at_ms);
}

inline Filter api_filter(Bytes& bytes) {
  const FilterPath n{{"n"}}, u{{"u"}};
  switch (bytes.below(4)) {
    case 0:
      return {NumberRange{n, {{FilterNumber(static_cast<int64_t>(bytes.next()))}}, {}}};
    case 1:
      return {HasId{{nth_api_id(bytes.below(kApiIds)), nth_api_id(bytes.below(kApiIds))}}};
    case 2:
      return {Exists{u}};
    default:
      return {NotOf{{Filter{Exists{n}}}}};
  }
}

inline ApiContent satisfying(const ApiContent& content, const Filter& filter) {
  const Matcher matcher(filter);
  ApiContent out;
  for (const auto& [id, stored] : content) {
    const auto payload = JsonTree::parse_payload(stored.payload);
    if (payload.ok() && matcher.matches(id, payload->root())) out.emplace(id, stored);
  }
  return out;
}

}  // namespace kith::crash

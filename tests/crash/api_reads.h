// ApiReads: the half of a sequence of calls (api_sequence.h) that changes nothing: what is there by the
// model, and every read compared with it.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/crash/api_model.h"
#include "tests/crash/api_sequence.h"
#include "tests/crash/machine.h"

namespace kith::crash {

class ApiReads {
 public:
  ApiReads(Bytes bytes, SequenceCounts& counts)
      : bytes_(bytes),
        counts_(counts),
        kind_(std::array{"flat", "vamana", "hnsw", "nsw"}[bytes_.below(4)]),
        machine_(bytes_.next(), bytes_.below(64) == 63, policy(bytes_.below(4))) {
    past_.emplace_back();
  }

 protected:
  static constexpr uint32_t kDim = 2;

  static CheckpointPolicy policy(size_t which) {
    CheckpointPolicy policy;
    policy.bytes = UINT64_MAX;  // nothing is done by the clock
    policy.age = std::chrono::hours(1);
    policy.points_min = 0;
    policy.at_close = which == 0;
    return policy;
  }

  const State& now() const { return past_.back(); }
  uint64_t now_ms() { return static_cast<uint64_t>(machine_.clock().wall_ms()); }
  bool visible(const Stored& stored) { return stored.expires_at_ms == 0 || stored.expires_at_ms > now_ms(); }
  ApiContent visible_of(const ApiContent& content) {
    ApiContent out;
    for (const auto& [id, stored] : content)
      if (visible(stored)) out.emplace(id, stored);
    return out;
  }
  void happened(State next, bool durable) {
    if (durable) past_.clear();
    past_.push_back(std::move(next));
  }

  std::vector<float> vector_of(uint32_t dim) {
    std::vector<float> out(dim);
    for (float& x : out) x = static_cast<float>(bytes_.below(16));
    return out;
  }

  void fail(const std::string& what) {
    if (problem_.empty()) problem_ = fmt::format("call {}: {}", counts_.calls, what);
  }
  void fail(const char* what, const Error& error) { fail(fmt::format("{}: {}", what, error.message)); }

  void get(const Collection& x, const std::string& name) {
    std::vector<Id> ids;
    for (size_t count = 1 + bytes_.below(4); count > 0; --count)
      ids.push_back(nth_api_id(bytes_.below(kApiIds)));
    const auto found = x.get(ids, {.payload = true, .vectors = true});
    if (!found.ok()) return fail("get", found.error());
    const ApiContent content = visible_of(now().at(name));
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto expected = content.find(ids[i]);
      const auto& point = (*found)[i];
      if (point.has_value() != (expected != content.end())) return fail("get: a point too many or missing");
      if (point.has_value() && stored_of(*point) != expected->second) return fail("get: another point");
    }
    if (const auto count = x.count(); !count.ok() || *count != content.size()) fail("count");
  }

  void scroll(const Collection& x, const std::string& name) {
    const Id from = nth_api_id(bytes_.below(kApiIds));
    const auto limit = static_cast<uint32_t>(1 + bytes_.below(5));
    const auto page = x.scroll(from, limit, {.payload = true, .vectors = true});
    if (!page.ok()) return fail("scroll", page.error());
    const ApiContent content = visible_of(now().at(name));
    auto expected = content.lower_bound(from);
    for (const Point& point : page->points) {
      if (expected == content.end() || expected->first != point.id || expected->second != stored_of(point))
        return fail("scroll: another point");
      ++expected;
    }
    if (page->next.has_value()
            ? expected == content.end() || *page->next != expected->first || page->points.size() != limit
            : expected != content.end())
      fail("scroll: ends elsewhere");
  }

  Query query(const std::string& field) {
    Query q;
    q.field = field;
    q.vector = testing_support::f32(vector_of(field == "v" ? kDim : kDim + 1));
    q.k = static_cast<uint32_t>(1 + bytes_.below(kApiIds));
    q.effort = 500;
    return q;
  }

  void compare(const Answer& answer, const std::string& name, const std::string& field,
               const std::vector<std::byte>& vector, const std::vector<float>& expected) {
    counts_.hits += answer.hits.size();
    const std::string wrong = wrong_hits(answer, visible_of(now().at(name)), field, vector, expected);
    if (!wrong.empty()) fail(wrong);
  }

  void search(const Collection& x, const std::string& name) {
    const uint8_t how = bytes_.next();
    Query q = query(how % 3 == 0 ? "w" : "v");
    q.exact = how / 3 % 2 == 0;
    q.offset = how / 6 % 3;
    const auto answer = x.search(q);
    if (!answer.ok()) return fail("search", answer.error());
    std::vector<float> expected = scores(visible_of(now().at(name)), q.field, q.vector);
    expected.erase(expected.begin(),
                   expected.begin() + std::min<std::ptrdiff_t>(q.offset, std::ssize(expected)));
    expected.resize(std::min<size_t>(expected.size(), q.k));
    compare(*answer, name, q.field, q.vector, expected);
  }

  void search_batch(const Collection& x, const std::string& name) {
    std::vector<Query> queries;
    for (size_t count = 1 + bytes_.below(3); count > 0; --count) queries.push_back(query("v"));
    const auto answers = x.search_batch(queries);
    if (!answers.ok()) return fail("search_batch", answers.error());
    for (size_t i = 0; i < queries.size() && problem_.empty(); ++i) {
      std::vector<float> expected = scores(visible_of(now().at(name)), "v", queries[i].vector);
      expected.resize(std::min<size_t>(expected.size(), queries[i].k));
      compare((*answers)[i], name, "v", queries[i].vector, expected);
    }
  }

  void range_search(const Collection& x, const std::string& name) {
    RangeQuery q;
    q.field = "v";
    q.vector = testing_support::f32(vector_of(kDim));
    q.radius = static_cast<float>(bytes_.below(20)) + 0.5f;
    q.effort = 500;
    const auto answer = x.range_search(q);
    if (!answer.ok()) return fail("range_search", answer.error());
    std::vector<float> expected = scores(visible_of(now().at(name)), "v", q.vector);
    std::erase_if(expected, [&](float each) { return each > q.radius; });
    compare(*answer, name, "v", q.vector, expected);
  }

  void verify(const std::string& name) {
    const auto report = db_->verify(name, {});
    if (!report.ok()) return fail("verify", report.error());
    if (!report->problems.empty()) fail("verify: " + report->problems.front());
  }

  Bytes bytes_;
  SequenceCounts& counts_;
  const char* const kind_;
  Machine machine_;
  std::deque<State> past_;  // that a loss of power may leave, the last one now
  std::unique_ptr<Database> db_;
  std::map<std::string, std::shared_ptr<Collection>> open_;
  std::string problem_;
};

}  // namespace kith::crash

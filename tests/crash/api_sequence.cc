#include "tests/crash/api_sequence.h"

#include <algorithm>
#include <deque>
#include <set>

#include "tests/crash/api_model.h"
#include "tests/crash/machine.h"

namespace kith::crash {
namespace {

using testing_support::f32;

constexpr uint32_t kDim = 2;
constexpr size_t kNames = 3;
constexpr size_t kCallsMax = 400;
constexpr float kTolerance = 1e-4f;

std::string name_of(size_t which) {
  return std::string(1, static_cast<char>('a' + which));
}

class Sequence {
 public:
  Sequence(Bytes bytes, SequenceCounts& counts)
      : bytes_(bytes),
        counts_(counts),
        kind_(std::array{"flat", "vamana", "hnsw", "nsw"}[bytes_.below(4)]),
        machine_(bytes_.next(), bytes_.below(64) == 63, policy(bytes_.below(4))) {
    past_.emplace_back();
  }

  std::string run() {
    open();
    for (size_t i = 0; i < kCallsMax && !bytes_.empty() && problem_.empty(); ++i) {
      ++counts_.calls;
      call(bytes_.below(20));
    }
    if (problem_.empty()) restart();
    return problem_;
  }

 private:
  static CheckpointPolicy policy(size_t which) {
    CheckpointPolicy policy;
    policy.bytes = UINT64_MAX;  // nothing is done by the clock
    policy.age = std::chrono::hours(1);
    policy.points_min = 0;
    policy.at_close = which == 0;
    return policy;
  }

  void call(size_t which) {
    if (which <= 1) return create_or_drop(which);
    const size_t name = bytes_.below(kNames);
    if (which == 2) return restart();
    if (which == 3) return crash();
    if (which == 4) return machine_.clock().advance_ms(bytes_.next());
    const auto found = open_.find(name_of(name));
    if (found == open_.end()) {
      if (db_->collection(name_of(name)).ok()) fail("a collection that is not there was given");
      return;
    }
    Collection& x = *found->second;
    switch (which) {
      case 5:
        return checkpoint(x);
      case 6:
        return get(x, name_of(name));
      case 7:
        return scroll(x, name_of(name));
      case 8:
      case 9:
        return search(x, name_of(name));
      case 10:
        return range_search(x, name_of(name));
      case 11:
        return search_batch(x, name_of(name));
      case 12:
        return verify(name_of(name));
      case 13:
        return settle(x);
      case 14:
      case 15:
        return remove(x, name_of(name));
      default:
        return upsert(x, name_of(name));
    }
  }

  // What changes something.

  void create_or_drop(size_t which) {
    const std::string name = name_of(bytes_.below(kNames));
    const bool there = now().contains(name);
    if (which == 1 && bytes_.below(4) == 0) {
      const auto dropped = db_->drop_collection(name);
      if (dropped.ok() != there) return fail("drop: wrong answer");
      if (!there) return;
      State next = now();
      next.erase(name);
      open_.erase(name);
      return happened(std::move(next), true);
    }
    Schema schema = testing_support::schema_of({testing_support::field("v", kDim, Metric::kL2, kind_),
                                                testing_support::field("w", kDim + 1, Metric::kL2, "flat")});
    auto made = db_->create_collection(name, schema);
    if (made.ok() == there) return fail("create: wrong answer");
    if (there) return;
    State next = now();
    next[name];
    open_[name] = std::move(*made);
    happened(std::move(next), true);
  }

  std::vector<float> vector_of(uint32_t dim) {
    std::vector<float> out(dim);
    for (float& x : out) x = static_cast<float>(bytes_.below(16));
    return out;
  }

  void upsert(Collection& x, const std::string& name) {
    const uint8_t how = bytes_.next();
    State next = now();
    ApiContent& content = next[name];
    std::vector<Point> points;
    std::set<Id> before;
    for (const auto& [id, stored] : content)
      if (visible(stored)) before.insert(id);
    uint64_t replaced = 0;
    for (size_t count = 1 + how % 4; count > 0; --count) {
      Point point;
      point.id = nth_api_id(bytes_.below(kApiIds));
      const bool twice = std::ranges::any_of(points, [&](const Point& each) { return each.id == point.id; });
      if (twice) continue;
      replaced += before.contains(point.id);
      const uint8_t what = bytes_.next();
      Stored stored;
      if (what % 8 != 0) stored.vectors["v"] = vector_of(kDim);
      if (what / 8 % 4 == 0) stored.vectors["w"] = vector_of(kDim + 1);
      if (what / 32 % 2 == 0) stored.payload = fmt::format("{{\"n\":{}}}", counts_.batches);
      if (what / 64 == 3) stored.expires_at_ms = now_ms() + bytes_.next();
      for (const auto& [field, vector] : stored.vectors) point.vectors.push_back({field, f32(vector)});
      point.payload = stored.payload;
      point.expires_at_ms = stored.expires_at_ms;
      content[point.id] = std::move(stored);
      points.push_back(std::move(point));
    }
    const auto durability = how / 4 % 3 == 0 ? Durability::kSync : Durability::kAsync;
    const auto written = x.upsert(points, durability);
    if (!written.ok()) return fail("upsert", written.error());
    if (written->replaced != replaced || written->inserted != points.size() - replaced)
      return fail("upsert: wrong receipt");
    ++counts_.batches;
    happened(std::move(next), durability == Durability::kSync);
  }

  void remove(Collection& x, const std::string& name) {
    const uint8_t how = bytes_.next();
    State next = now();
    std::vector<Id> ids;
    uint64_t removed = 0;
    for (size_t count = 1 + how % 4; count > 0; --count) {
      ids.push_back(nth_api_id(bytes_.below(kApiIds)));
      const auto found = next[name].find(ids.back());
      if (found == next[name].end()) continue;
      removed += visible(found->second);
      next[name].erase(found);
    }
    const auto durability = how / 4 % 3 == 0 ? Durability::kSync : Durability::kAsync;
    const auto written = x.remove(ids, durability);
    if (!written.ok()) return fail("remove", written.error());
    if (written->removed != removed) return fail("remove: wrong receipt");
    ++counts_.batches;
    happened(std::move(next), durability == Durability::kSync);
  }

  void checkpoint(Collection& x) {
    if (const auto taken = x.checkpoint(); !taken.ok()) return fail("checkpoint", taken.error());
    ++counts_.checkpoints;
    happened(now(), true);
  }

  void settle(Collection& x) {
    if (const auto settled = x.settle({}); !settled.ok()) fail("settle", settled.error());
  }

  void restart() {
    ++counts_.restarts;
    open_.clear();
    db_.reset();
    happened(now(), true);
    open();
  }

  void crash() {
    ++counts_.crashes;
    open_.clear();
    machine_.crash(std::move(db_));
    open();
  }

  void happened(State next, bool durable) {
    if (durable) past_.clear();
    past_.push_back(std::move(next));
  }

  // What is read and compared.

  const State& now() const { return past_.back(); }
  uint64_t now_ms() { return static_cast<uint64_t>(machine_.clock().wall_ms()); }
  bool visible(const Stored& stored) { return stored.expires_at_ms == 0 || stored.expires_at_ms > now_ms(); }
  ApiContent visible_of(const ApiContent& content) {
    ApiContent out;
    for (const auto& [id, stored] : content)
      if (visible(stored)) out.emplace(id, stored);
    return out;
  }

  /// Opens the directory; what it holds is one of the states that a loss of power may leave.
  void open() {
    const uint64_t errors = log_errors();
    auto opened = machine_.open();
    if (!opened.ok()) return fail("FAILED OPEN", opened.error());
    db_ = std::move(*opened);
    State found;
    for (const std::string& name : db_->collection_names()) {
      auto x = db_->collection(name);
      if (!x.ok()) return fail("collection", x.error());
      open_[name] = *x;
      if (!read_all(**x, found[name])) return;
    }
    if (log_errors() != errors) return fail("the open found fault with something");
    // Of the last state that looks like this one all is durable now.
    const auto same = std::find_if(past_.rbegin(), past_.rend(), [&](const State& each) {
      State shown;
      for (const auto& [name, content] : each) shown[name] = visible_of(content);
      return shown == found;
    });
    if (same == past_.rend()) return fail("after a restart the directory holds what it never held");
    counts_.lost_batches += static_cast<uint64_t>(same - past_.rbegin());
    happened(State(*same), true);
    for (const auto& [name, x] : open_) verify(name);
  }

  bool read_all(const Collection& x, ApiContent& content) {
    auto page = x.scroll({}, 100, {.payload = true, .vectors = true});
    if (!page.ok()) {
      fail("scroll", page.error());
      return false;
    }
    for (const Point& point : page->points) content[point.id] = stored_of(point);
    return true;
  }

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
    q.vector = f32(vector_of(field == "v" ? kDim : kDim + 1));
    q.k = static_cast<uint32_t>(1 + bytes_.below(kApiIds));
    q.effort = 500;
    return q;
  }

  /// The hits are the nearest `expected`, each with the distance it really has.
  void compare(const Answer& answer, const std::string& name, const std::string& field,
               const std::vector<std::byte>& vector, const std::vector<float>& expected) {
    if (answer.hits.size() != expected.size())
      return fail(fmt::format("search of '{}': {} hits, not {}", field, answer.hits.size(), expected.size()));
    const ApiContent content = visible_of(now().at(name));
    std::set<Id> seen;
    for (size_t i = 0; i < expected.size(); ++i) {
      const Hit& hit = answer.hits[i];
      const auto found = content.find(hit.id);
      if (!seen.insert(hit.id).second || found == content.end() || !found->second.vectors.contains(field))
        return fail("search: a hit twice, or of a point that is not there");
      const float own = distance(found->second.vectors.at(field), floats_of(vector));
      if (std::abs(hit.score - own) > kTolerance || std::abs(hit.score - expected[i]) > kTolerance)
        return fail(fmt::format("search: score {}, that of the point is {}, that of the rank {}", hit.score,
                                own, expected[i]));
      ++counts_.hits;
    }
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
    q.vector = f32(vector_of(kDim));
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

  void fail(const std::string& what) {
    if (problem_.empty()) problem_ = fmt::format("call {}: {}", counts_.calls, what);
  }
  void fail(const char* what, const Error& error) { fail(fmt::format("{}: {}", what, error.message)); }

  Bytes bytes_;
  SequenceCounts& counts_;
  const char* const kind_;
  Machine machine_;
  std::deque<State> past_;  // that a loss of power may leave, the last one now
  std::unique_ptr<Database> db_;
  std::map<std::string, std::shared_ptr<Collection>> open_;
  std::string problem_;
};

}  // namespace

std::string run_sequence(std::span<const uint8_t> bytes, SequenceCounts& counts) {
  return Sequence(Bytes(bytes), counts).run();
}

}  // namespace kith::crash

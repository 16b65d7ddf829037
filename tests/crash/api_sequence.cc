#include "tests/crash/api_sequence.h"

#include <algorithm>
#include <set>

#include "tests/crash/api_reads.h"

namespace kith::crash {
namespace {

using testing_support::f32;

constexpr size_t kNames = 3;
constexpr size_t kCallsMax = 400;

std::string name_of(size_t which) {
  return std::string(1, static_cast<char>('a' + which));
}

class Sequence : private ApiReads {
 public:
  using ApiReads::ApiReads;

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
        return remove(x, name_of(name));
      case 15:
        return write_where(x, name_of(name));
      case 16:
        return update(x, name_of(name));
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
    const auto durability = durability_of(how);
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
    const auto durability = durability_of(how);
    const auto written = x.remove(ids, durability);
    if (!written.ok()) return fail("remove", written.error());
    if (written->removed != removed) return fail("remove: wrong receipt");
    ++counts_.batches;
    happened(std::move(next), durability == Durability::kSync);
  }

  static Durability durability_of(uint8_t how) {
    return how / 4 % 3 == 0 ? Durability::kSync : Durability::kAsync;
  }

  Patch patch() {
    const uint8_t what = bytes_.next();
    Patch patch;
    if (what % 4 != 0) patch.payload = payload_change(what / 4, counts_.batches);
    patch.replace_payload = what / 32 == 0;
    if (what / 16 % 2 == 0) patch.vectors.push_back({"v", f32(vector_of(kDim))});
    if (what / 32 % 4 == 0) patch.expires_at_ms = bytes_.below(3) == 0 ? 0 : now_ms() + bytes_.next();
    if (patch.payload.empty() && patch.vectors.empty() && !patch.expires_at_ms) patch.replace_payload = true;
    return patch;
  }

  void update(Collection& x, const std::string& name) {
    const uint8_t how = bytes_.next();
    State next = now();
    std::map<Id, Patch> patches;
    for (size_t count = 1 + how % 4; count > 0; --count) {
      const Id id = nth_api_id(bytes_.below(kApiIds));
      patches[id] = patch();
    }
    std::vector<PointUpdate> updates;
    uint64_t updated = 0;
    for (const auto& [id, patch] : patches) {
      updates.push_back({id, patch});
      const auto found = next[name].find(id);
      if (found == next[name].end() || !visible(found->second)) continue;
      apply_patch(patch, found->second);
      ++updated;
    }
    const auto written = x.update(updates, durability_of(how));
    if (!written.ok()) return fail("update", written.error());
    if (written->updated != updated || written->missing != updates.size() - updated)
      return fail("update: wrong receipt");
    ++counts_.batches;
    happened(std::move(next), durability_of(how) == Durability::kSync);
  }

  /// An update or a removal by filter; both leave what does not satisfy it, and what has expired.
  void write_where(Collection& x, const std::string& name) {
    const uint8_t how = bytes_.next();
    const Filter filter = api_filter(bytes_);
    State next = now();
    ApiContent& content = next[name];
    const ApiContent chosen = satisfying(visible_of(content), filter);
    const Patch change = how % 4 == 0 ? Patch() : patch();
    for (const auto& [id, stored] : chosen) {
      if (how % 4 == 0)
        content.erase(id);
      else
        apply_patch(change, content.at(id));
    }
    const auto written = how % 4 == 0 ? x.remove(filter, durability_of(how), {})
                                      : x.update(filter, change, durability_of(how), {});
    if (!written.ok()) return fail("write by filter", written.error());
    if (written->removed + written->updated != chosen.size()) return fail("write by filter: wrong receipt");
    if (chosen.empty()) return;  // then nothing was written
    ++counts_.batches;
    happened(std::move(next), durability_of(how) == Durability::kSync);
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
};

}  // namespace

std::string run_sequence(std::span<const uint8_t> bytes, SequenceCounts& counts) {
  return Sequence(Bytes(bytes), counts).run();
}

}  // namespace kith::crash

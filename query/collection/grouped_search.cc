// Searches for the best groups, see GroupBy.
//
// First the groups: the nearest rows, in rounds of twice as many. Each round leaves out rows that have the
// values of known groups alone, which columns tell, so a large group that lies near costs one round, and
// where there are fewer groups than asked for a round that finds nothing says so. Then the hits: rows of
// those groups that are not full, again in rounds. Rounds double, so all of them together look at no more
// than about twice the rows that hold the answer.
//
// Which groups a row is in its payload says. Within a round the nearest rows come first without a gap, so
// those of one group do; what rounds found is united in the end. A point that is replaced between two rounds
// may be shown as it was in the first of them.
#include <algorithm>
#include <map>

#include "query/collection/local_collection.h"
#include "query/collection/nearest_rows.h"
#include "query/collection/search_parts.h"
#include "query/filter/scalar_values.h"
#include "query/schema/limits.h"

namespace kith {
namespace {

constexpr size_t kRoundMin = 32;  // rows
constexpr size_t kReadStep = 64;  // rows whose values are held at once

}  // namespace

class LocalCollection::GroupedSearch {
 public:
  GroupedSearch(const LocalCollection& collection, const Query& query, NearestRows& nearest)
      : collection_(collection), query_(query), by_(*query.group_by), nearest_(nearest) {}

  Result<Answer> run() {
    TRY(find_groups());
    TRY(fill_groups());
    return answer();
  }

 private:
  struct Member {
    Neighbor neighbor;
    std::string id_key;
    View view;  // has the row
  };
  struct Group {
    FilterScalar value;
    std::vector<Member> members;
    uint32_t round_members = 0;  // of the round under way
    bool open = true;            // there may be rows in it that were not met and belong to the answer
  };
  /// A row of a round, the nearest first.
  struct Met {
    std::string id_key;
    std::vector<FilterScalar> values;
  };

  Result<void> find_groups() {
    size_t count = std::max(kRoundMin, size_t{query_.k} * by_.size);
    RowSet judged;  // they are in known groups alone
    for (bool more = true; more; count *= 2) {
      const size_t known = groups_.size();
      std::vector<FilterScalar> values;
      for (const Group& group : groups_) values.push_back(group.value);
      const auto narrow = [&](RowSet& rows) {
        rows.intersect(collection_.columns_->with_others(by_.path, values));
        rows.subtract(judged);
      };
      Found found = TRY(nearest_.next(count, narrow));
      const bool within = cut_at_threshold(found);
      const auto judge = [&](size_t i, const Met& met) -> Result<void> {
        judged.add(found.neighbors[i].row);
        for (const FilterScalar& value : met.values) {
          const size_t at = TRY(group_of(value));
          if (at >= known && at < groups_.size()) add(groups_[at], found, i, met);
        }
        return {};
      };
      TRY(each_met(found, judge));
      more = within && !nearest_.ended() && groups_.size() < query_.k;
      for (size_t i = known; i < groups_.size(); ++i) end_round(groups_[i], nearest_.ended() || !within);
    }
    return {};
  }

  /// Of groups_, where the value has one or there is room for one more.
  Result<size_t> group_of(const FilterScalar& value) {
    const auto found = by_value_.find(value);
    if (found != by_value_.end()) return found->second;
    if (groups_.size() == query_.k) return groups_.size();
    if (const auto* text = std::get_if<std::string>(&value)) value_bytes_ += text->size();
    if (value_bytes_ > limits::kGroupBytes.max)
      return resource_exhausted(
          "group_by: the values of the groups take more than {} bytes (limit 'group_bytes'); ask for fewer "
          "groups, or group by a shorter value",
          limits::kGroupBytes.max);
    by_value_.emplace(value, groups_.size());
    groups_.push_back({value, {}, 0, true});
    return groups_.size() - 1;
  }

  Result<void> fill_groups() {
    size_t count = 0;
    while (true) {
      OneOf of_open{by_.path, {}};
      for (const Group& group : groups_)
        if (group.open) of_open.values.push_back(group.value);
      if (of_open.values.empty()) return {};
      count = std::max({kRoundMin, 2 * count, of_open.values.size() * by_.size});
      const Filter of_groups{of_open};
      const auto narrow = [&](RowSet& rows) {
        const Selection some = collection_.columns_->select(of_groups, [](const auto&) { return RowSet(); });
        RowSet possible = some.certain;
        possible.unite(some.unsure);
        rows.intersect(possible);
      };
      Found found = TRY(nearest_.next(count, narrow));
      const bool within = cut_at_threshold(found);
      const auto judge = [&](size_t i, const Met& met) -> Result<void> {
        for (const FilterScalar& value : met.values) {
          const auto at = by_value_.find(value);
          if (at != by_value_.end() && groups_[at->second].open) add(groups_[at->second], found, i, met);
        }
        return {};
      };
      TRY(each_met(found, judge));
      for (Group& group : groups_)
        if (group.open) end_round(group, nearest_.ended() || !within);
    }
  }

  void add(Group& group, const Found& found, size_t i, const Met& met) {
    if (group.round_members == by_.size) return;
    ++group.round_members;
    group.members.push_back({found.neighbors[i], met.id_key, found.view});
  }
  void end_round(Group& group, bool all_met) const {
    group.open = group.round_members < by_.size && !all_met;
    group.round_members = 0;
  }

  /// Whether all are within the threshold.
  bool cut_at_threshold(Found& found) const {
    if (!query_.score_threshold.has_value()) return true;
    const Metric metric = nearest_.field().metric;
    const auto beyond =
        std::find_if(found.neighbors.begin(), found.neighbors.end(), [&](const Neighbor& neighbor) {
          return !near_enough(metric, score_of(metric, neighbor.distance), *query_.score_threshold);
        });
    const bool all = beyond == found.neighbors.end();
    found.neighbors.erase(beyond, found.neighbors.end());
    return all;
  }

  /// visit(i, met), the nearest first.
  template <typename Visit>
  Result<void> each_met(const Found& found, Visit visit) const {
    for (size_t begin = 0; begin < found.neighbors.size(); begin += kReadStep) {
      std::vector<Row> rows;
      for (size_t i = begin; i < std::min(begin + kReadStep, found.neighbors.size()); ++i)
        rows.push_back(found.neighbors[i].row);
      std::vector<Met> met(rows.size());
      const auto take = [&](size_t i, const RowRecord& record, const JsonValue& payload) -> Result<void> {
        met[i] = {std::string(record.id_key), scalars_at(payload, by_.path)};
        return {};
      };
      TRY(collection_.each_payload(*found.view, rows, query_.stop, take));
      for (size_t i = 0; i < met.size(); ++i) TRY(visit(begin + i, met[i]));
    }
    return {};
  }

  /// Each point once, as it was last.
  void unite(std::vector<Member>& members) const {
    std::map<std::string_view, const Member*> last;
    for (const Member& member : members) {
      const Member*& known = last[member.id_key];
      if (known == nullptr || known->neighbor.row < member.neighbor.row) known = &member;
    }
    std::vector<Member> once;
    for (const auto& [id_key, member] : last) once.push_back(*member);
    std::sort(once.begin(), once.end(),
              [](const Member& a, const Member& b) { return a.neighbor < b.neighbor; });
    if (once.size() > by_.size) once.resize(by_.size);
    members = std::move(once);
  }

  Result<Answer> answer() {
    for (Group& group : groups_) unite(group.members);
    std::sort(groups_.begin(), groups_.end(), [](const Group& a, const Group& b) {
      return a.members.front().neighbor < b.members.front().neighbor ||
             (!(b.members.front().neighbor < a.members.front().neighbor) && ScalarLess()(a.value, b.value));
    });
    const bool fetches = query_.fetch.payload || query_.fetch.vectors;
    Answer out;
    for (Group& group : groups_) {
      HitGroup& shown = out.groups.emplace_back();
      for (size_t begin = 0, end = 0; begin < group.members.size(); begin = end) {
        Found part;  // members of one view
        if (fetches) part.view = group.members[begin].view;
        for (; end < group.members.size() && group.members[end].view == group.members[begin].view; ++end) {
          part.neighbors.push_back(group.members[end].neighbor);
          part.id_keys.push_back(std::move(group.members[end].id_key));
        }
        Answer hits = TRY(collection_.answer(std::move(part), nearest_.field(), query_.fetch, std::nullopt));
        std::move(hits.hits.begin(), hits.hits.end(), std::back_inserter(shown.hits));
      }
      shown.value = std::move(group.value);
    }
    out.stats = nearest_.stats();
    return out;
  }

  const LocalCollection& collection_;
  const Query& query_;
  const GroupBy& by_;
  NearestRows& nearest_;
  std::vector<Group> groups_;                            // one member each at least
  std::map<FilterScalar, size_t, ScalarLess> by_value_;  // in groups_
  uint64_t value_bytes_ = 0;
};

Result<Answer> LocalCollection::search_grouped(const Query& query, NearestRows& nearest) const {
  return GroupedSearch(*this, query, nearest).run();
}

}  // namespace kith

// Goal: a scroll in the order of a value lists every point once, in that order, whatever columns know of the
// values and whatever is written between its pages; cursors from elsewhere are refused. Method: random
// points, paths and filters against a sort of a map; pages between writes; cursors with one byte changed.
#include <set>

#include "query/filter/filter_text.h"
#include "query/filter/moment.h"
#include "query/schema/limits.h"
#include "tests/query/collection/modelled_collection.h"

namespace kith {
namespace {

using namespace testing_support;

class OrderedScrollTest : public ModelledCollection {
 protected:
  /// Kind, then what compares within it.
  struct Key {
    int kind = 4;  // no value
    FilterNumber number = int64_t{0};
    int64_t moment = 0;
    std::string text;
  };
  static int compare(const Key& a, const Key& b) {
    if (a.kind != b.kind) return a.kind < b.kind ? -1 : 1;
    const auto order = compare_numbers(a.number, b.number);
    if (order != 0) return order < 0 ? -1 : 1;
    if (a.moment != b.moment) return a.moment < b.moment ? -1 : 1;
    return a.text.compare(b.text);
  }
  static Key key_of(const FilterScalar& value) {
    Key key;
    if (const auto* flag = std::get_if<bool>(&value)) {
      key = {0, int64_t{*flag}, 0, ""};
    } else if (const auto* number = std::get_if<FilterNumber>(&value)) {
      key = {1, *number, 0, ""};
    } else if (const auto moment = parse_moment(std::get<std::string>(value))) {
      key = {2, int64_t{0}, moment->ns, ""};
    } else {
      key = {3, int64_t{0}, 0, std::get<std::string>(value).substr(0, 256)};
    }
    return key;
  }
  std::vector<Id> expected(const OrderBy& order, const Filter& filter) const {
    std::vector<std::pair<Key, Id>> sorted;
    for (const auto& [id, point] : satisfying(filter)) {
      Key first;
      for (const FilterScalar& value : values_at(point, order.path)) {
        const Key key = key_of(value);
        if (first.kind == 4 || (order.descending ? compare(key, first) > 0 : compare(key, first) < 0))
          first = key;
      }
      sorted.emplace_back(first, id);
    }
    std::stable_sort(sorted.begin(), sorted.end(), [&](const auto& a, const auto& b) {
      const int compared = compare(a.first, b.first);
      const bool turned = order.descending && a.first.kind != 4 && b.first.kind != 4;
      return turned ? compared > 0 : compared < 0;
    });
    std::vector<Id> ids;
    for (auto& [key, id] : sorted) ids.push_back(std::move(id));
    return ids;
  }
  OrderedScroll request(const OrderBy& order, uint32_t limit) const {
    OrderedScroll out;
    out.order = order;
    out.limit = limit;
    return out;
  }
  void check(const OrderBy& order, const std::optional<Filter>& filter, uint32_t limit) {
    SCOPED_TRACE(fmt::format("{} {} of {}", to_text(order.path), order.descending ? "down" : "up",
                             filter ? to_text(*filter) : "all"));
    const std::vector<Id> all = expected(order, filter.value_or(Filter()));
    OrderedScroll asked = request(order, limit);
    asked.filter = filter;
    asked.fetch.payload = limit % 2 == 0;
    std::vector<Id> listed;
    do {
      const OrderedPage page = must(books_->scroll_ordered(asked));
      ASSERT_TRUE(page.cursor.empty() || page.points.size() == limit);
      for (const Point& point : page.points) {
        listed.push_back(point.id);
        if (asked.fetch.payload) {
          EXPECT_EQ(point.payload, model_.at(point.id).payload);
        }
      }
      asked.cursor = page.cursor;
      ASSERT_LE(listed.size(), all.size());
    } while (!asked.cursor.empty());
    EXPECT_EQ(listed, all);
  }
};

TEST_P(OrderedScrollTest, ListsAllPointsInOrder) {
  for (const uint64_t ids : {200, 4'000}) {  // by payloads, and by columns
    ids_ = ids;
    open();
    for (int round = 0; round < 4 && !HasFailure(); ++round) {
      upsert(ids / 2);
      remove(40);
      if (round == 1) must(books_->checkpoint());
      if (round == 2) open();
      for (int i = 0; i < 8 && !HasFailure(); ++i)
        check({filters_.path(), random_.below(2) == 0},
              i % 3 != 0 ? std::optional<Filter>() : filters_.filter(),
              static_cast<uint32_t>(ids / 5 + random_.below(ids)));
    }
  }
}

TEST_P(OrderedScrollTest, ManyPointsOfOneValueComeById) {
  open();
  constexpr uint64_t kPoints = 20'000;  // more than are sorted
  for (uint64_t first = 0; first < kPoints; first += 5'000) {
    std::vector<Point> points;
    for (uint64_t i = first; i < first + 5'000; ++i) {
      const Id id = i % 2 == 0 ? Id(kPoints - i) : Id(fmt::format("text {}", i));
      const std::string payload = i % 1'000 == 7 ? R"({"a":[1,0]})" : i < 17'000 ? R"({"a":1})" : "";
      points.push_back(point(id, vector(), payload));
      model_[id] = {{}, payload};
    }
    must(books_->upsert(points, Durability::kAsync));
  }
  for (const bool descending : {false, true}) check({{{"a"}}, descending}, std::nullopt, 6'000);
  check({{{"nowhere"}}, false}, std::nullopt, 9'999);
}

/// Points that nobody touches are listed once each and in order; the others come and go between pages.
TEST_P(OrderedScrollTest, WritesBetweenPagesMoveNoOtherPoint) {
  ids_ = 3'000;
  open();
  upsert(2'000);
  for (int round = 0; round < 3 && !HasFailure(); ++round) {
    const OrderBy order{filters_.path(), random_.below(2) == 0};
    const std::vector<Id> before = expected(order, Filter());
    OrderedScroll asked = request(order, static_cast<uint32_t>(100 + random_.below(200)));
    std::set<Id> touched;
    std::vector<Id> listed;
    do {
      const OrderedPage page = must(books_->scroll_ordered(asked));
      for (const Point& point : page.points) listed.push_back(point.id);
      asked.cursor = page.cursor;
      std::vector<Point> points;
      std::vector<Id> removed;
      for (int i = 0; i < 20; ++i) {
        const Id id = Id(random_.below(ids_));
        if (!touched.insert(id).second) continue;
        if (i % 4 == 0) {
          removed.push_back(id);
          model_.erase(id);
        } else {
          model_[id] = {vector(), filters_.payload()};
          points.push_back(point(id, model_[id].vector, model_[id].payload));
        }
      }
      if (!points.empty()) must(books_->upsert(points, Durability::kAsync));
      if (!removed.empty()) must(books_->remove(removed, Durability::kAsync));
    } while (!asked.cursor.empty());
    const auto untouched = [&](std::vector<Id> ids) {
      std::erase_if(ids, [&](const Id& id) { return touched.contains(id); });
      return ids;
    };
    EXPECT_EQ(untouched(listed), untouched(before)) << to_text(order.path);
  }
}

TEST_P(OrderedScrollTest, ABudgetEndsAPageEarly) {
  open();
  upsert(300);
  OrderedScroll asked = request({{{"a"}}, false}, 1'000);
  asked.fetch.payload = true;
  std::vector<Id> listed;
  size_t pages = 0;
  do {
    AnswerBudget budget(300);
    asked.fetch.budget = &budget;
    const OrderedPage page = must(books_->scroll_ordered(asked));
    ASSERT_FALSE(page.points.empty());
    for (const Point& point : page.points) listed.push_back(point.id);
    asked.cursor = page.cursor;
    ++pages;
  } while (!asked.cursor.empty());
  EXPECT_GT(pages, 5u);
  EXPECT_EQ(listed, expected(asked.order, Filter()));
}

TEST_P(OrderedScrollTest, RefusesCursorsFromElsewhere) {
  open();
  upsert(300);
  const OrderBy order{{{"a"}}, false};
  const std::string cursor = must(books_->scroll_ordered(request(order, 5))).cursor;
  const auto code = [&](const OrderBy& other, const std::string& text) {
    OrderedScroll asked = request(other, 5);
    asked.cursor = text;
    return code_of(books_->scroll_ordered(asked));
  };
  EXPECT_EQ(code(order, cursor), std::nullopt);
  EXPECT_EQ(code({{{"a"}}, true}, cursor), Code::kInvalidArgument);
  EXPECT_EQ(code({{{"b"}}, false}, cursor), Code::kInvalidArgument);
  EXPECT_EQ(code(order, "none"), Code::kInvalidArgument);
  EXPECT_EQ(code(order, std::string(limits::kCursorBytes.max + 2, '0')), Code::kInvalidArgument);
  for (size_t i = 0; i < cursor.size(); ++i) {
    std::string changed = cursor;
    changed[i] = changed[i] == '0' ? '1' : '0';
    EXPECT_EQ(code(order, changed), Code::kInvalidArgument) << "at " << i;
    EXPECT_EQ(code(order, cursor.substr(0, i)),
              i == 0 ? std::nullopt : std::optional(Code::kInvalidArgument));
  }
  EXPECT_EQ(code_of(books_->scroll_ordered(request(order, 0))), Code::kInvalidArgument);
  EXPECT_EQ(code_of(books_->scroll_ordered(request({{}, false}, 5))), Code::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Kinds, OrderedScrollTest, testing::Values("flat"));

}  // namespace
}  // namespace kith

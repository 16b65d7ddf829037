// Goal: a filter says the same as a tree of values, as a message and as text, and reaches every read through
// a real server; bad ones are refused by name. Method: random filters to messages and back; one collection,
// each read under a filter.
#include <gtest/gtest.h>

#include "query/filter/filter_text.h"
#include "server/api/convert_filter.h"
#include "tests/server/grpc/harness.h"
#include "tests/support/random_filter.h"
#include "tests/support/seed.h"

namespace kith::testing {
namespace {

constexpr uint32_t kDim = 4;

TEST(FilterMessage, SaysTheSameAsTheTree) {
  test::RandomFilters random(test::test_seed());
  for (int i = 0; i < 3'000; ++i) {
    const Filter filter = random.filter();
    v1::Filter message;
    filter_to_proto(filter, &message);
    const auto back = filter_from_proto(message, "filter");
    ASSERT_TRUE(back.ok()) << to_text(filter) << ": " << back.error().message;
    EXPECT_EQ(to_text(*back), to_text(filter));
  }
}

TEST(FilterMessage, BadOnesAreNamedByTheirPath) {
  const auto error = [](const v1::Filter& filter) {
    const auto parsed = filter_from_proto(filter, "filter");
    return parsed.ok() ? std::string() : parsed.error().message;
  };
  v1::Filter empty;
  EXPECT_EQ(error(empty).rfind("filter: empty", 0), 0u) << error(empty);
  v1::Filter nested;
  nested.mutable_all()->add_of()->mutable_exists()->add_names("a");
  nested.mutable_all()->add_of()->mutable_negated();
  EXPECT_EQ(error(nested).rfind("filter.all.of[1].negated: empty", 0), 0u) << error(nested);
  v1::Filter value;
  value.mutable_one_of()->mutable_path()->add_names("a");
  value.mutable_one_of()->add_values();
  EXPECT_EQ(error(value).rfind("filter.one_of.values[0]: set one of", 0), 0u) << error(value);
  v1::Filter range;
  range.mutable_range()->mutable_path()->add_names("a");
  range.mutable_range()->mutable_low()->mutable_value()->set_text("yesterday");
  EXPECT_EQ(error(range).rfind("filter.range.low.value: no moment", 0), 0u) << error(range);
  v1::Filter text;
  text.set_text("size <");
  EXPECT_EQ(error(text).rfind("filter.text: ", 0), 0u) << error(text);
}

class FilterService : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fixture_.ok());
    ASSERT_TRUE(api().create_collection(create_request("books", kDim), {}).ok());
    ASSERT_TRUE(api().upsert(upsert_request("books", 0, 100, kDim), {}).ok());
    filter_.set_text("n >= 10 AND n < 30");
  }
  Api& api() { return *fixture_.client; }
  static bool satisfies(uint64_t n) { return n >= 10 && n < 30; }

  ServerFixture fixture_;
  v1::Filter filter_;
};

TEST_F(FilterService, EveryReadTakesOne) {
  v1::CountRequest count;
  count.set_collection("books");
  *count.mutable_filter() = filter_;
  auto counted = api().count(count, {});
  ASSERT_TRUE(counted.ok()) << counted.error().message;
  EXPECT_EQ(counted->count(), 20u);

  v1::ScrollRequest scroll;
  scroll.set_collection("books");
  scroll.set_limit(15);
  *scroll.mutable_filter() = filter_;
  auto page = api().scroll(scroll, {});
  ASSERT_TRUE(page.ok()) << page.error().message;
  ASSERT_EQ(page->points_size(), 15);
  EXPECT_EQ(page->points(0).id().number(), 10u);
  EXPECT_EQ(page->next().number(), 25u);

  v1::SearchRequest search = search_request("books", kDim, 3, 50);
  *search.mutable_filter() = filter_;
  auto found = api().search(search, {});
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(found->hits_size(), 20);
  for (const v1::Hit& hit : found->hits()) EXPECT_TRUE(satisfies(hit.id().number()));

  v1::SearchBatchRequest batch;
  batch.set_collection("books");
  *batch.add_queries() = search;
  *batch.add_queries() = search;
  auto answers = api().search_batch(batch, {});
  ASSERT_TRUE(answers.ok()) << answers.error().message;
  for (const v1::SearchResponse& answer : answers->answers()) EXPECT_EQ(answer.hits_size(), 20);

  v1::RangeSearchRequest range;
  range.set_collection("books");
  *range.mutable_vector() = search.vector();
  range.set_radius(100);
  *range.mutable_filter() = filter_;
  auto within = api().range_search(range, {});
  ASSERT_TRUE(within.ok()) << within.error().message;
  EXPECT_EQ(within->hits_size(), 20);
}

TEST_F(FilterService, ABadOneIsRefused) {
  v1::SearchRequest search = search_request("books", kDim, 3);
  search.mutable_filter()->set_text("n >>> 3");
  auto refused = api().search(search, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_NE(refused.error().message.find("filter.text: "), std::string::npos) << refused.error().message;

  v1::CountRequest count;
  count.set_collection("books");
  v1::Filter* deep = count.mutable_filter();
  for (int i = 0; i < 40; ++i) deep = deep->mutable_negated();
  deep->mutable_exists()->add_names("n");
  auto too_deep = api().count(count, {});
  ASSERT_FALSE(too_deep.ok());
  EXPECT_EQ(too_deep.error().code, Code::kInvalidArgument);
  EXPECT_NE(too_deep.error().message.find("filter_depth"), std::string::npos) << too_deep.error().message;
}

}  // namespace
}  // namespace kith::testing

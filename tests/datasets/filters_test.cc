// Goal: filters of the real sets allow the rows that a reader of the text would pick, and wrong files are
// refused by name. Method: a small table of attributes with every operation, counted by hand; the sets
// themselves, whose files say how many rows each filter allows, where KITH_DATASETS has them.
#include "datasets/filters.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "datasets/catalog.h"
#include "tests/support/result_matchers.h"
#include "tests/support/temp_dir.h"

namespace kith::test {
namespace {

class Filters : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = directory_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  Result<std::vector<FilteredQuery>> read(const std::string& lines) {
    const std::string attributes = write("attributes.jsonl",
                                         R"({"n": 1, "class": "a", "tags": ["x", "y"]}
{"n": 2.5, "class": "b", "tags": []}
{"n": 3, "class": "a"}
{"n": null, "class": "c", "tags": ["y", "1"]}
{"n": true, "class": 1}
)");
    return read_filtered_queries(write("filters.jsonl", lines), attributes);
  }
  void expect_rows(const std::string& filter, std::vector<Row> rows) {
    auto queries = read(R"({"qid": 3, "kind": "k", "filter": )" + filter + "}\n");
    ASSERT_OK(queries);
    ASSERT_EQ(queries->size(), 1u);
    EXPECT_EQ((*queries)[0].query, 3u);
    EXPECT_EQ((*queries)[0].kind, "k");
    EXPECT_TRUE((*queries)[0].allowed == RowSet::of(rows)) << filter;
  }
  TempDir directory_;
};

TEST_F(Filters, AllowWhatTheySay) {
  expect_rows(R"({"op": "eq", "field": "class", "value": "a"})", {0, 2});
  expect_rows(R"({"op": "eq", "field": "class", "value": 1})", {4});
  expect_rows(R"({"op": "eq", "field": "n", "value": 2.5})", {1});
  expect_rows(R"({"op": "eq", "field": "absent", "value": 1})", {});
  expect_rows(R"({"op": "in", "field": "class", "values": ["a", "c", "zz"]})", {0, 2, 3});
  expect_rows(R"({"op": "contains", "field": "tags", "value": "y"})", {0, 3});
  expect_rows(R"({"op": "contains", "field": "tags", "value": 1})", {});
  expect_rows(R"({"op": "range", "field": "n", "gte": 1, "lt": 3})", {0, 1, 4});
  expect_rows(R"({"op": "range", "field": "n", "gt": 1, "lte": 3})", {1, 2});
  expect_rows(R"({"op": "not", "arg": {"op": "contains", "field": "tags", "value": "y"}})", {1, 2, 4});
  const std::string a = R"({"op": "eq", "field": "class", "value": "a"})";
  const std::string y = R"({"op": "contains", "field": "tags", "value": "y"})";
  expect_rows(R"({"op": "and", "args": [)" + a + "," + y + "]}", {0});
  expect_rows(R"({"op": "or", "args": [)" + a + "," + y + "]}", {0, 2, 3});
  expect_rows(R"({"op": "and", "args": []})", {0, 1, 2, 3, 4});
  expect_rows(R"({"op": "or", "args": []})", {});
}

TEST_F(Filters, AreWrittenAsUsersWriteThem) {
  const auto text = [&](const std::string& filter) {
    const auto queries = read(R"({"qid": 3, "kind": "k", "filter": )" + filter + "}\n");
    return queries.ok() ? queries->front().text : queries.error().message;
  };
  const std::string range = R"({"op": "range", "field": "n", "gte": 1, "lt": 2.5})";
  const std::string in = R"({"op": "in", "field": "class", "values": ["it's", 2, true]})";
  EXPECT_EQ(text(range), R"(1 <= "n" < 2.5)");
  EXPECT_EQ(text(in), R"("class" IN ('it''s', 2, TRUE))");
  EXPECT_EQ(text(R"({"op": "and", "args": [)" + range + R"(, {"op": "not", "arg": )" + in + "}]}"),
            R"((1 <= "n" < 2.5) AND (NOT ("class" IN ('it''s', 2, TRUE))))");
}

TEST_F(Filters, RefuseWhatIsWrong) {
  const auto refused = [&](const std::string& line, const char* what) {
    EXPECT_ERROR(read(line + "\n"), Code::kInvalidArgument, what) << line;
  };
  refused("[]", "line 1 is not a JSON object");
  refused("{", "line 1");
  refused(R"({"qid": 1, "kind": "k"})", "no \"filter\"");
  refused(R"({"qid": -1, "kind": "k", "filter": {"op": "and", "args": []}})", "qid");
  refused(R"({"qid": 1, "kind": "k", "filter": {"op": "like", "field": "n", "value": 1}})", "\"like\"");
  refused(R"({"qid": 1, "kind": "k", "filter": {"op": "range", "field": "n"}})", "without a bound");
  refused(R"({"qid": 1, "kind": "k", "matches": 2, "filter": {"op": "or", "args": []}})", "2 matches");
  std::string deep = R"({"op": "or", "args": []})";
  for (int i = 0; i < 100; ++i) deep = R"({"op": "not", "arg": )" + deep + "}";
  refused(R"({"qid": 1, "kind": "k", "filter": )" + deep + "}", "deeper");
}

TEST_F(Filters, NumbersAreReadLineByLine) {
  ASSERT_VALUE(numbers, read_numbers(write("n.jsonl", "{\"n\": 4}\n{\"m\": 1}\n{\"n\": \"4\"}\n"), "n"));
  ASSERT_EQ(numbers.size(), 3u);
  EXPECT_EQ(numbers[0], 4);
  EXPECT_TRUE(std::isnan(numbers[1]) && std::isnan(numbers[2]));
}

/// Each line says how many rows it allows, and reading compares.
TEST(RealFilters, AllowAsManyRowsAsTheyAreSaidTo_slow) {
  for (const char* name : {"fashion-mnist-784-euclidean", "debian-descriptions-lsa-256-angular"}) {
    ResolveOptions options;
    options.download = options.synthetic = false;
    const auto set = resolve(name, options);
    if (!set || set->filters_path.empty()) GTEST_SKIP() << "KITH_DATASETS has no " << name;
    ASSERT_VALUE(queries, read_filtered_queries(set->filters_path, set->attributes_path));
    EXPECT_EQ(queries.size(), 2000u);
  }
}

}  // namespace
}  // namespace kith::test

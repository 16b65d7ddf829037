// Goal: every bad input is refused with a message that names the field and the value, and changes nothing.
// Method: a table of broken requests against a collection whose content, count and sequence are compared
// before and after.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "query/schema/limits.h"
#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

class BadInput : public testing::Test {
 protected:
  void SetUp() override {
    db_ = open_at(directory_.path());
    one_ = must(db_->create_collection("one", schema_of({field("vector", 4, Metric::kCosine)})));
    many_ = must(
        db_->create_collection("many", schema_of({field("a", 2), field("b", 2, Metric::kInnerProduct)})));
    halves_ = must(db_->create_collection(
        "halves", schema_of({field("h", 2, Metric::kL2, "flat", ScalarType::kF16),
                             field("b", 2, Metric::kL2, "flat", ScalarType::kBF16),
                             field("i", 3, Metric::kCosine, "flat", ScalarType::kI8),
                             field("bits", 10, Metric::kHamming, "flat", ScalarType::kBit)})));
    must(one_->upsert(std::vector{point(uint64_t{1}, {1, 0, 0, 0}, R"({"a":1})")}, Durability::kSync));
  }

  /// The write is refused and says all of `words`; nothing has changed.
  void refused(Collection& collection, const std::vector<Point>& points,
               const std::vector<std::string>& words) {
    const auto before = content_of(collection);
    const uint64_t sequence = collection.info().sequence;
    expect(collection.upsert(points, Durability::kSync), words);
    EXPECT_EQ(content_of(collection), before);
    EXPECT_EQ(collection.info().sequence, sequence);
  }
  template <typename T>
  void expect(const Result<T>& result, const std::vector<std::string>& words) {
    ASSERT_EQ(code_of(result), Code::kInvalidArgument);
    for (const std::string& word : words)
      EXPECT_NE(result.error().message.find(word), std::string::npos)
          << word << " not in: " << result.error().message;
    EXPECT_LT(result.error().message.size(), 500u) << "a message is no dump of the input";
  }

  static Point with(std::vector<FieldVector> vectors) { return {Id(uint64_t{9}), std::move(vectors), ""}; }

  TempDirectory directory_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> one_, many_, halves_;
};

TEST_F(BadInput, VectorsOfUpserts) {
  const Point good = point(uint64_t{5}, {1, 1, 1, 1});
  refused(*one_, {good, point(uint64_t{6}, {1, 2, 3})}, {"points[1]", "'vector'", "12", "16"});
  refused(*one_, {point(uint64_t{6}, {1, 2, 3, 4, 5})}, {"points[0]", "20", "16"});
  refused(*one_, {with({{"", {}}})}, {"points[0]", "0 bytes"});
  refused(*one_, {good, point(uint64_t{6}, {1, kNan, 3, 4})}, {"points[1]", "'vector'", "element 1", "nan"});
  refused(*one_, {point(uint64_t{6}, {1, 2, 3, -kInf})}, {"element 3", "-inf"});
  refused(*one_, {good, point(uint64_t{6}, {0, 0, 0, 0})}, {"points[1]", "'vector'", "zero", "cosine"});
  refused(*one_, {point(uint64_t{6}, {1e-30f, 0, -0.0f, 1e-25f})}, {"zero", "cosine"});
  refused(*one_, {point(uint64_t{6}, {3e38f, 0, 0, 0})}, {"overflow"});
  refused(*one_, {with({{"wrong", f32({1, 2, 3, 4})}})}, {"'wrong'", "no such field", "'vector'"});
  refused(*one_, {with({{"", f32({1, 2, 3, 4})}, {"vector", f32({1, 2, 3, 4})}})}, {"'vector'", "twice"});
  refused(*many_, {with({{"", f32({1, 2})}})}, {"name its field", "'a'", "'b'"});
  refused(*many_, {with({{"b", f32({1, 2})}, {"b", f32({1, 2})}})}, {"'b'", "twice"});
}

TEST_F(BadInput, ElementsOfOtherTypes) {
  const auto bytes = [](std::vector<int> values) {
    std::vector<std::byte> out;
    for (const int value : values) out.push_back(static_cast<std::byte>(value));
    return out;
  };
  refused(*halves_, {with({{"h", bytes({0, 0, 0x01, 0x7e})}})}, {"'h'", "element 1", "nan"});
  refused(*halves_, {with({{"h", bytes({0, 0x7c, 0, 0})}})}, {"'h'", "element 0", "inf"});
  refused(*halves_, {with({{"b", bytes({0, 0, 0x80, 0x7f})}})}, {"'b'", "element 1", "inf"});
  refused(*halves_, {with({{"i", bytes({0, 0, 0})}})}, {"'i'", "zero", "cosine"});
  refused(*halves_, {with({{"i", bytes({1, 0})}})}, {"'i'", "2", "3"});
  refused(*halves_, {with({{"bits", bytes({0xff, 0x04})}})}, {"'bits'", "dimension 10"});
  EXPECT_TRUE(halves_->upsert(std::vector{with({{"bits", bytes({0xff, 0x03})}})}, Durability::kSync).ok());
}

TEST_F(BadInput, IdsAndPayloads) {
  const std::vector<float> v = {1, 1, 1, 1};
  refused(*one_, {point(std::string(), v)}, {"points[0]", "id", "empty"});
  refused(*one_, {point(std::string(1025, 'x'), v)}, {"points[0]", "id", "1025"});
  refused(*one_, {point(std::string(1'000'000, 'x'), v)}, {"points[0]", "id", "1000000"});
  refused(*one_, {point(std::string("a\xff"), v)}, {"points[0]", "id", "UTF-8"});
  refused(*one_, {point(uint64_t{2}, v), point(uint64_t{3}, v), point(uint64_t{2}, v)},
          {"points[2]", "2", "twice"});
  for (const char* payload :
       {"{", "[1]", "7", "\"text\"", "{\"a\":}", "{} {}", "null", "{\"a\":\"\xff\"}", " "})
    refused(*one_, {point(uint64_t{2}, v, payload)}, {"points[0]", "payload"});
  refused(*one_, {point(uint64_t{2}, v, "{\"a\":\"" + std::string(1 << 20, 'x') + "\"}")},
          {"payload", "1048576"});
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  refused(*one_, {point(uint64_t{2}, v, deep)}, {"payload"});
  EXPECT_TRUE(one_->upsert(std::vector{point(std::string(1024, 'x'), v)}, Durability::kSync).ok());
}

TEST_F(BadInput, BatchesTooSmallOrTooLarge) {
  refused(*one_, {}, {"points", "0"});
  std::vector<Point> many(limits::kBatchPoints.max + 1, point(uint64_t{1}, {1, 1, 1, 1}));
  refused(*one_, many, {"points", "10001"});
  std::vector<Point> heavy;
  for (uint64_t i = 0; i < 65; ++i) {
    heavy.push_back(point(i, {1, 1, 1, 1}, "{\"a\":\"" + std::string((1 << 20) - 8, 'x') + "\"}"));
  }
  refused(*one_, heavy, {"bytes"});
  expect(one_->remove({}, Durability::kSync), {"ids", "0"});
  expect(one_->remove(std::vector<Id>(10'001, Id(uint64_t{1})), Durability::kSync), {"ids", "10001"});
  expect(one_->remove(std::vector<Id>{Id(uint64_t{1}), Id(std::string())}, Durability::kSync),
         {"ids[1]", "empty"});
  expect(one_->get(std::vector<Id>(10'001, Id(uint64_t{1})), {}), {"ids", "10001"});
  EXPECT_EQ(*one_->count(), 1u);
}

TEST_F(BadInput, Queries) {
  const std::vector<float> v = {1, 0, 0, 0};
  struct Case {
    std::function<void(Query&)> spoil;
    std::vector<std::string> words;
  };
  const std::vector<Case> cases = {
      {[](Query& q) { q.k = 0; }, {"k", "0", "10000"}},
      {[](Query& q) { q.k = UINT32_MAX; }, {"k", "4294967295"}},
      {[](Query& q) { q.k = 10'001; }, {"k", "10001"}},
      {[](Query& q) { q.offset = 100'001; }, {"offset", "100001"}},
      {[](Query& q) { q.effort = 100'001; }, {"effort", "100001"}},
      {[](Query& q) {
         q.vector = f32({1, 2, 3});
       },
       {"vector", "12", "16"}},
      {[](Query& q) { q.vector = {}; }, {"vector", "0 bytes"}},
      {[](Query& q) {
         q.vector = f32({1, kNan, 0, 0});
       },
       {"element 1", "nan"}},
      {[](Query& q) {
         q.vector = f32({0, 0, 0, 0});
       },
       {"zero", "cosine"}},
      {[](Query& q) { q.field = "other"; }, {"'other'", "'vector'"}},
      {[](Query& q) { q.score_threshold = kNan; }, {"score_threshold", "NaN"}},
  };
  for (const bool exact : {false, true}) {
    for (const Case& each : cases) {
      Query bad = query(v);
      bad.exact = exact;
      each.spoil(bad);
      expect(one_->search(bad), each.words);
      expect(one_->search_batch(std::vector{query(v), bad}), each.words);
    }
  }
  expect(one_->search_batch({}), {"queries", "0"});
  expect(one_->search_batch(std::vector(1'001, query(v))), {"queries", "1001"});
  Query a = query({1, 2}), b = query({1, 2});
  a.field = "a";
  b.field = "b";
  expect(many_->search_batch(std::vector{a, b}), {"queries[1]", "'b'", "'a'"});
  expect(many_->search(query({1, 2})), {"name its field"});
}

TEST_F(BadInput, RangesAndScrolls) {
  RangeQuery range;
  range.field = "a";
  range.vector = f32({1, 2});
  range.radius = -1;
  expect(many_->range_search(range), {"radius", "-1"});
  range.radius = kNan;
  expect(many_->range_search(range), {"radius", "NaN"});
  range.radius = 1;
  range.limit = 0;
  expect(many_->range_search(range), {"limit", "0"});
  range.limit = 10'001;
  expect(many_->range_search(range), {"limit", "10001"});
  range.limit = 10;
  range.vector = f32({1});
  expect(many_->range_search(range), {"vector", "4", "8"});
  expect(one_->scroll({}, 0, {}), {"limit", "0"});
  expect(one_->scroll({}, 10'001, {}), {"limit", "10001"});
  expect(one_->scroll(Id(std::string()), 10, {}), {"id", "empty"});
}

TEST_F(BadInput, Schemas) {
  const auto refuses = [&](const std::string& name, const Schema& schema,
                           const std::vector<std::string>& words) {
    expect(db_->create_collection(name, schema), words);
    EXPECT_EQ(db_->collection_names().size(), 3u);
  };
  const Schema good = schema_of({field("v", 4)});
  refuses("", good, {"collection", "empty"});
  refuses(std::string(256, 'x'), good, {"collection", "256"});
  refuses("a/b", good, {"collection", "'/'"});
  refuses(std::string("a\0b", 3), good, {"collection", "control"});
  refuses("a\nb", good, {"collection", "control"});
  refuses("a\xff", good, {"collection", "UTF-8"});
  refuses("c", schema_of({}), {"vectors", "0"});
  refuses("c", schema_of(std::vector(17, field("v", 4))), {"vectors", "17"});
  refuses("c", schema_of({field("v", 4), field("v", 4)}), {"vectors[1]", "'v'"});
  refuses("c", schema_of({field("", 4)}), {"vectors[0]", "name", "empty"});
  refuses("c", schema_of({field("v", 0)}), {"vectors[0]", "dim", "0"});
  refuses("c", schema_of({field("v", 65'536)}), {"vectors[0]", "dim", "65536"});
  refuses("c", schema_of({field("v", 4, Metric::kHamming)}), {"vectors[0]", "hamming"});
  refuses("c", schema_of({field("v", 8, Metric::kL2, "flat", ScalarType::kBit)}), {"vectors[0]", "bit"});
  refuses("c", schema_of({field("v", 4, Metric::kL2, "nonsense")}), {"vectors[0]", "nonsense"});
  VectorField odd = field("v", 4);
  odd.options = {{"no_such_option", "1"}};
  refuses("c", schema_of({odd}), {"vectors[0]", "no_such_option"});
  EXPECT_EQ(code_of(db_->create_collection("one", good)), Code::kAlreadyExists);
}

TEST_F(BadInput, NamesThatAreHarmlessHere) {
  for (const char* name : {"..", ".", "CON", "%2e%2e", "größe", "日本", "a b", "-rf", "~", "$(x)"}) {
    auto created = must(db_->create_collection(name, schema_of({field("v", 2)})), name);
    must(created->upsert(std::vector{point(uint64_t{1}, {1, 2})}, Durability::kAsync), name);
  }
  for (const auto& file : std::filesystem::directory_iterator(directory_.path()))
    EXPECT_TRUE(file.path().filename() == "LOCK" || file.path().filename() == "store") << file.path();
}

TEST_F(BadInput, UnknownCollections) {
  EXPECT_EQ(code_of(db_->collection("nothing")), Code::kNotFound);
  EXPECT_EQ(code_of(db_->drop_collection("nothing")), Code::kNotFound);
  EXPECT_EQ(code_of(db_->verify("nothing", {})), Code::kNotFound);
}

}  // namespace
}  // namespace kith

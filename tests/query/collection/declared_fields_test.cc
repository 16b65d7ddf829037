// Goal: declared payload fields hold: values of another type are refused at upsert by name, what is required
// is there, schemas survive restarts and records of before open; and a declared path has a column however
// many paths and values there are besides. Method: a table of values against types; many paths before the
// declared one, many different strings in it; records encoded, decoded, damaged.
#include <gtest/gtest.h>

#include "query/columns/column.h"
#include "query/columns/column_store.h"
#include "query/filter/filter_text.h"
#include "query/schema/catalog_record.h"
#include "query/schema/limits.h"
#include "query/schema/payload_fields.h"
#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;

Schema declaring(std::vector<PayloadField> payload) {
  Schema schema = schema_of({field("v", 2)});
  schema.payload = std::move(payload);
  return schema;
}

/// Whether {"x": value} is taken by a collection that declares x so.
bool takes(PayloadType type, const std::string& value, bool required = false) {
  const Schema schema = declaring({{{{"x"}}, type, required}});
  const std::string payload = value.empty() ? "{}" : R"({"x":)" + value + "}";
  return check_payload_fields(schema, must(JsonTree::parse_payload(payload)).root()).ok();
}

TEST(PayloadFields, TakeValuesOfTheirTypeAndNull) {
  struct Row {
    const char* value;
    const char* types;  // that take it: Keyword Integer Float Boolean Datetime Geo teXt
  };
  const Row rows[] = {{R"("web")", "KX"},
                      {R"("")", "KX"},
                      {R"("2026-11-22T05:52:19Z")", "KDX"},
                      {R"("2026-02-30")", "KX"},
                      {"7", "IF"},
                      {"-7.0", "IF"},
                      {"7.5", "F"},
                      {"1e300", "F"},
                      {"18446744073709551615", "IF"},
                      {"true", "B"},
                      {R"({"lat":1,"lon":2})", "G"},
                      {R"({"lat":100,"lon":2})", ""},
                      {"{}", ""},
                      {"null", "KIFBDGX"},
                      {"[]", "KIFBDGX"},
                      {"[null]", "KIFBDGX"},
                      {"[1,[2,3]]", "IF"},
                      {"[1,2.5]", "F"},
                      {R"([1,"a"])", ""},
                      {"", "KIFBDGX"}};
  constexpr std::string_view kLetters = "KIFBDGX";
  for (const Row& row : rows)
    for (size_t type = 0; type < kPayloadTypes; ++type)
      EXPECT_EQ(takes(static_cast<PayloadType>(type), row.value),
                std::string_view(row.types).find(kLetters[type]) != std::string_view::npos)
          << row.value << " as " << payload_type_name(static_cast<PayloadType>(type));
}

TEST(PayloadFields, RequiredMeansAValue) {
  for (const char* value : {"", "null", "[]", "[null]"})
    EXPECT_FALSE(takes(PayloadType::kInteger, value, true)) << value;
  for (const char* value : {"0", "[null,1]"}) EXPECT_TRUE(takes(PayloadType::kInteger, value, true)) << value;
}

TEST(PayloadFields, NamesOfTypesReadBack) {
  for (size_t type = 0; type < kPayloadTypes; ++type)
    EXPECT_EQ(must(parse_payload_type(payload_type_name(static_cast<PayloadType>(type)))),
              static_cast<PayloadType>(type));
  EXPECT_EQ(code_of(parse_payload_type("string")), Code::kInvalidArgument);
}

TEST(PayloadFields, RecordsKeepThem) {
  CatalogRecord record;
  record.name = "books";
  record.schema =
      declaring({{{{"a", "b.c"}}, PayloadType::kGeo, false}, {{{"x"}}, PayloadType::kText, true}});
  for (const uint64_t bytes_max : {0u, 7u}) {
    record.memory_bytes_max = bytes_max;
    const std::string bytes = encode_catalog_record(record);
    const CatalogRecord back = must(parse_catalog_record(bytes));
    EXPECT_EQ(back.schema.payload, record.schema.payload);
    EXPECT_EQ(back.memory_bytes_max, bytes_max);
    for (size_t cut = 0; cut < bytes.size(); ++cut)
      EXPECT_EQ(code_of(parse_catalog_record(bytes.substr(0, cut))), Code::kCorruption) << cut;
  }
  record.schema.payload.push_back(record.schema.payload.front());  // twice
  EXPECT_EQ(code_of(parse_catalog_record(encode_catalog_record(record))), Code::kCorruption);
  record.schema.payload.clear();
  EXPECT_EQ(encode_catalog_record(record)[0], 2);  // as before there were any
}

class DeclaredFieldsTest : public DatabaseTest {};

TEST_F(DeclaredFieldsTest, SchemasAreChecked) {
  const auto code = [&](std::vector<PayloadField> payload) {
    return code_of(db_->create_collection("refused", declaring(std::move(payload))));
  };
  const PayloadField sound{{{"x"}}, PayloadType::kText, false};
  EXPECT_EQ(code({sound, sound}), Code::kInvalidArgument);
  EXPECT_EQ(code({{{}, PayloadType::kText, false}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{{{""}}, PayloadType::kText, false}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{{{std::string(limits::kPayloadPathBytes.max + 1, 'x')}}, PayloadType::kText, false}}),
            Code::kInvalidArgument);
  EXPECT_EQ(code({{{{"x"}}, static_cast<PayloadType>(kPayloadTypes), false}}), Code::kInvalidArgument);
  EXPECT_EQ(code(std::vector<PayloadField>(limits::kPayloadFields.max + 1, sound)), Code::kInvalidArgument);
  EXPECT_EQ(code({sound}), std::nullopt);
}

TEST_F(DeclaredFieldsTest, PointsThatAreOtherwiseAreRefusedAlsoAfterARestart) {
  const Schema schema = declaring(
      {{{{"section"}}, PayloadType::kKeyword, true}, {{{"part", "size"}}, PayloadType::kInteger, false}});
  auto books = must(db_->create_collection("books", schema));
  for (int opened = 0; opened < 3; ++opened) {
    EXPECT_EQ(books->info().payload, schema.payload);
    const auto upsert = [&](const std::string& payload) {
      return books->upsert(std::vector{point(uint64_t{1}, {1, 2}, payload)}, Durability::kAsync);
    };
    EXPECT_TRUE(upsert(R"({"section":"web","part":[{"size":1},{"size":null}],"other":{"size":"x"}})").ok());
    const auto refused = upsert(R"({"section":"web","part":[{"size":1},{"size":"large"}]})");
    ASSERT_EQ(code_of(refused), Code::kInvalidArgument);
    EXPECT_NE(refused.error().message.find("points[0]: payload: part.size is 'large'"), std::string::npos)
        << refused.error().message;
    EXPECT_EQ(code_of(upsert(R"({"part":{"size":1}})")), Code::kInvalidArgument);
    EXPECT_EQ(code_of(upsert("")), Code::kInvalidArgument);
    EXPECT_EQ(must(books->count()), 1u);
    if (opened == 1) must(books->checkpoint());
    books.reset();
    db_.reset();
    db_ = open_at(directory_.path());
    books = must(db_->collection("books"));
  }
  for (const std::string& problem : must(db_->verify("books", {})).problems) ADD_FAILURE() << problem;
}

/// A declared path has a column when all others are taken, keeps it without rows, and knows more strings.
TEST(DeclaredColumns, HaveRoomOfTheirOwn) {
  const std::vector<DeclaredPath> declared = {
      {path_key(std::vector<std::string>{"key"}), {column_limits::kDeclaredStringsMax, 10}}};
  ColumnStore store(declared);
  const auto payload = [](const std::string& text) { return must(PayloadValues::of(text)); };
  for (size_t i = 0; i <= column_limits::kPathsMax; ++i)
    store.add(static_cast<Row>(i), payload(fmt::format(R"({{"p{}":1}})", i)));
  store.sweep();
  constexpr Row kFirst = 10'000, kStrings = column_limits::kStringsMax + 1'000;
  for (Row i = 0; i < kStrings; ++i)
    store.add(kFirst + i, payload(fmt::format(R"({{"key":"{}","late":"{}"}})", i, i)));
  const auto no_ids = [](const auto&) { return RowSet(); };
  const auto selected = [&](const ColumnStore& from, const std::string& filter) {
    return from.select(must(parse_filter_text(filter)), no_ids);
  };
  const std::string last = fmt::format("key = '{}'", kStrings - 1);
  EXPECT_EQ(selected(store, last).certain.size(), 1u);
  EXPECT_TRUE(selected(store, last).unsure.empty());
  EXPECT_GT(selected(store, "late = '1'").unsure.size(), 1u);  // it came after all columns were given
  EXPECT_TRUE(store.values_at({{"key"}}).untold.empty());
}

}  // namespace
}  // namespace kith

// Goal: labels say of a filter no less than what it asks: every payload that satisfies it carries one of the
// labels of each of its terms; and schemas with labels are checked, kept and read back. Method: random
// payloads and filters against the plain evaluator; tables of schemas; records cut and damaged.
#include "query/schema/labels.h"

#include <gtest/gtest.h>

#include <set>

#include "query/filter/filter_text.h"
#include "query/filter/matches.h"
#include "query/schema/catalog_record.h"
#include "query/schema/limits.h"
#include "query/schema/validate.h"
#include "tests/query/test_database.h"
#include "tests/support/random_filter.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

using namespace testing_support;

PayloadField label(const std::string& name, PayloadType type = PayloadType::kKeyword) {
  return {{{name}}, type, false, true};
}

Schema with(std::vector<PayloadField> payload,
            std::vector<VectorField> vectors = {field("v", 4, Metric::kL2, "vamana")}) {
  Schema schema = schema_of(std::move(vectors));
  schema.payload = std::move(payload);
  return schema;
}

LabelSet labels(const Schema& schema, const std::string& payload) {
  return must(labels_of(schema, must(JsonTree::parse_payload(payload)).root()));
}

Filter filter_of(const std::string& text) {
  return must(parse_filter_text(text));
}

/// Files hold these numbers, which were computed from docs/formats.md.
TEST(Labels, AreTheSameForEver) {
  EXPECT_EQ(label_of({{"section"}}, std::string_view("web")), 2702244875u);
  EXPECT_EQ(label_of({{"a", "b.c"}}, FilterNumber(int64_t{-7})), 238605185u);
  EXPECT_EQ(label_of({{"read"}}, true), 1804821940u);
}

TEST(Labels, OfEqualValuesAreEqualAndOthersDiffer) {
  const FilterPath path{{"n"}};
  EXPECT_EQ(label_of(path, FilterNumber(int64_t{7})), label_of(path, FilterNumber(7.0)));
  EXPECT_EQ(label_of(path, FilterNumber(int64_t{7})), label_of(path, FilterNumber(uint64_t{7})));
  EXPECT_EQ(label_of(path, FilterNumber(0.0)), label_of(path, FilterNumber(-0.0)));
  std::set<Label> seen;
  for (int64_t i = -2'000; i < 2'000; ++i) seen.insert(label_of(path, FilterNumber(i)));
  for (int i = 0; i < 4'000; ++i) seen.insert(label_of(path, std::string_view(std::to_string(i))));
  for (const bool flag : {false, true}) seen.insert(label_of(path, flag));
  for (const auto& other : {FilterPath{{"m"}}, FilterPath{{"n", "n"}}, FilterPath{{"n", ""}}})
    seen.insert(label_of(other, FilterNumber(int64_t{7})));
  EXPECT_GE(seen.size(), 8'005u - 1) << "the numbers are what they are: two may meet, not more";
  EXPECT_FALSE(seen.contains(kNoLabel));
}

TEST(Labels, ComeFromAllValuesAtDeclaredPaths) {
  const Schema schema = with(
      {label("tags"), label("n", PayloadType::kInteger), {{{"other"}}, PayloadType::kKeyword, false, false}});
  const LabelSet found = labels(schema, R"({"tags":["b",["a","b"],null],"n":7,"other":"a"})");
  LabelSet wanted = {label_of({{"tags"}}, std::string_view("a")), label_of({{"tags"}}, std::string_view("b")),
                     label_of({{"n"}}, FilterNumber(int64_t{7}))};
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(found, wanted);
  for (const char* none : {"", "{}", R"({"tags":[],"n":null})", R"({"other":"a"})"})
    EXPECT_TRUE(labels(schema, none).empty()) << none;
}

TEST(Labels, OfAPointHaveALimit) {
  const Schema schema = with({label("tags"), label("n", PayloadType::kInteger)});
  const auto payload = [](size_t different) {
    std::string tags = R"("t0","t0")";
    for (size_t i = 1; i < different; ++i) tags += fmt::format(",\"t{}\"", i);
    return R"({"n":1,"tags":[)" + tags + "]}";
  };
  EXPECT_EQ(labels(schema, payload(limits::kLabels.max - 1)).size(), limits::kLabels.max);
  const auto tree = must(JsonTree::parse_payload(payload(limits::kLabels.max)));
  const auto refused = labels_of(schema, tree.root());
  ASSERT_EQ(code_of(refused), Code::kInvalidArgument);
  EXPECT_NE(refused.error().message.find("labels"), std::string::npos) << refused.error().message;
}

TEST(LabelTerms, AreWhatAFilterAsksOfLabels) {
  const Schema schema = with({label("s"), label("n", PayloadType::kInteger)});
  struct Row {
    std::string filter;
    std::vector<std::string> terms;
    bool whole;
  };
  std::string more_than_a_query_takes = "s IN ('0'";
  for (uint64_t i = 1; i <= limits::kLabels.max; ++i) more_than_a_query_takes += fmt::format(",'{}'", i);
  const Row rows[] = {{"s = 'a'", {"s = 'a'"}, true},
                      {"s = 'a' OR s = 'b'", {"s IN ('a', 'b')"}, true},
                      {"s = 'a' AND x > 7", {"s = 'a'"}, false},
                      {"NOT (s != 'a' OR x > 7)", {"s = 'a'"}, false},
                      {"s = 'a' AND n IN (1, 2.0)", {"n IN (1, 2)", "s = 'a'"}, false},
                      {"s = 'a' AND s = 'b'", {"s = 'a'", "s = 'b'"}, false},
                      {"s = 'a' OR x > 7", {}, false},
                      {"NOT s = 'a'", {}, false},
                      {"x = 'a'", {}, false},
                      {"EXISTS s", {}, false},
                      {more_than_a_query_takes + ")", {}, false}};
  for (const Row& row : rows) {
    const Filter filter = filter_of(row.filter);
    std::vector<std::string> found;
    for (const LabelTerm& term : label_terms(schema, filter)) {
      found.push_back(to_text(Filter{term.rows}));
      EXPECT_EQ(term.whole, row.whole) << row.filter;
      EXPECT_EQ(term.labels.size(), term.rows.values.size());
    }
    EXPECT_EQ(found, row.terms) << row.filter;
  }
  EXPECT_TRUE(label_terms(with({}), filter_of("s = 'a'")).empty());
}

/// Every path that random filters use is a label.
TEST(LabelTerms, MissNoPayloadThatSatisfiesTheFilter) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  test::RandomFilters random(seed);
  Schema schema = with({});
  std::set<FilterPath> paths;
  for (int i = 0; i < 500; ++i) paths.insert(random.path());
  for (const FilterPath& path : paths) schema.payload.push_back({path, PayloadType::kKeyword, false, true});
  struct Carrier {
    Id id;
    JsonTree payload;
    LabelSet labels;
  };
  std::vector<Carrier> carriers;
  while (carriers.size() < 100) {
    JsonTree payload = must(JsonTree::parse_payload(random.payload()));
    auto carried = labels_of(schema, payload.root());
    if (carried.ok()) carriers.push_back({random.id(), std::move(payload), std::move(*carried)});
  }
  size_t satisfied = 0;
  for (int i = 0; i < 8'000; ++i) {
    Filter filter = random.filter(i % 3 + 1);
    if (i % 2 == 0) filter = Filter{AllOf{{std::move(filter), random.leaf()}}};
    const std::vector<LabelTerm> terms = label_terms(schema, filter);
    if (terms.empty()) continue;
    const Matcher matcher(filter);
    for (const auto& [id, payload, carried] : carriers) {
      if (!matcher.matches(id, payload.root())) continue;
      ++satisfied;
      for (const LabelTerm& term : terms) {
        const Filter rows{term.rows};
        ASSERT_TRUE(Matcher(rows).matches(id, payload.root())) << to_text(filter);
        ASSERT_TRUE(std::ranges::any_of(term.labels, [&labels = carried](Label label) {
          return std::ranges::binary_search(labels, label);
        })) << to_text(filter);
      }
    }
  }
  EXPECT_GT(satisfied, 100u);
}

TEST(LabelSchemas, AreChecked) {
  const auto code = [](const Schema& schema) { return code_of(validate_schema(schema)); };
  const auto vectors = [](const std::string& kind, IndexOptions options = {}) {
    std::vector<VectorField> fields = {field("v", 4, Metric::kL2, kind)};
    fields[0].options = std::move(options);
    return fields;
  };
  for (size_t type = 0; type < kPayloadTypes; ++type) {
    const auto of = static_cast<PayloadType>(type);
    const bool fits =
        of == PayloadType::kKeyword || of == PayloadType::kInteger || of == PayloadType::kBoolean;
    EXPECT_EQ(code(with({label("x", of)})), fits ? std::nullopt : std::optional(Code::kInvalidArgument))
        << type;
  }
  for (const char* kind : {"flat", "hnsw"})
    EXPECT_EQ(code(with({label("x")}, vectors(kind))), Code::kInvalidArgument) << kind;
  EXPECT_EQ(code(with({label("x")}, vectors("vamana", {{"labels", "none"}}))), Code::kInvalidArgument);
  EXPECT_EQ(code(with({label("x")}, vectors("vamana", {{"labels", "stitched"}}))), std::nullopt);
  EXPECT_EQ(code(with({label("x")}, {field("a", 4), vectors("vamana")[0]})), std::nullopt);

  const Schema schema = with({label("x")}, vectors("vamana", {{"degree", "32"}}));
  EXPECT_EQ(index_options(schema, schema.vectors[0]),
            (IndexOptions{{"degree", "32"}, {"labels", "filtered"}}));
  EXPECT_EQ(index_options(with({}), schema.vectors[0]), schema.vectors[0].options);
  EXPECT_TRUE(index_options(schema, field("a", 4)).empty());
}

TEST(LabelSchemas, AreKeptByRecords) {
  CatalogRecord record;
  record.name = "books";
  record.schema = with({label("x"),
                        {{{"y"}}, PayloadType::kFloat, true, false},
                        {{{"z"}}, PayloadType::kInteger, true, true}});
  const std::string bytes = encode_catalog_record(record);
  EXPECT_EQ(bytes[0], 5);
  EXPECT_EQ(must(parse_catalog_record(bytes)).schema.payload, record.schema.payload);
  for (size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_EQ(code_of(parse_catalog_record(bytes.substr(0, cut))), Code::kCorruption) << cut;
  const size_t flags = bytes.size() - 7;  // of z: before a count, a length and the name
  for (const int known : {2, 3}) {
    std::string other = bytes;
    other[flags] = static_cast<char>(known);
    EXPECT_TRUE(must(parse_catalog_record(other)).schema.payload[2].label) << known;
  }
  std::string unknown = bytes;
  unknown[flags] = 4;
  EXPECT_EQ(code_of(parse_catalog_record(unknown)), Code::kCorruption);
  std::string older = bytes;  // in which there were no labels
  older[0] = 4;
  EXPECT_EQ(code_of(parse_catalog_record(older)), Code::kCorruption);
  for (PayloadField& each : record.schema.payload) each.label = false;
  std::string none = encode_catalog_record(record);
  EXPECT_EQ(none[0], 4);
  none[0] = 5;
  EXPECT_EQ(code_of(parse_catalog_record(none)), Code::kCorruption);
}

}  // namespace
}  // namespace kith

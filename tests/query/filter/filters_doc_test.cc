// Goal: docs/filters.md tells the truth. Method: every line of its ```filter and ```json blocks is parsed and
// read back, and together they show every kind of node, as text and as JSON.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "query/filter/filter_json.h"
#include "query/filter/filter_text.h"
#include "query/schema/limits.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

std::vector<std::string> doc_lines() {
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path();
  std::ifstream file(root / "docs" / "filters.md");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Of all blocks fenced as ```kind.
std::vector<std::string> examples(const std::string& kind) {
  std::vector<std::string> found;
  bool within = false;
  for (const std::string& line : doc_lines()) {
    if (line.starts_with("```"))
      within = line == "```" + kind;
    else if (within)
      found.push_back(line);
  }
  return found;
}

void collect_kinds(const Filter& filter, std::set<size_t>& kinds) {
  kinds.insert(filter.node.index());
  std::visit(
      [&](const auto& node) {
        if constexpr (requires { node.of.front().node; })
          for (const Filter& below : node.of) collect_kinds(below, kinds);
      },
      filter.node);
}

TEST(FiltersDoc, ExamplesAreParsedAndShowEveryNode) {
  std::set<size_t> kinds;
  for (const std::string& text : examples("filter")) {
    SCOPED_TRACE(text);
    ASSERT_VALUE(filter, parse_filter_text(text));
    EXPECT_OK(parse_filter_text(to_text(filter)));
    collect_kinds(filter, kinds);
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Filter::Node>);
  kinds.clear();
  for (const std::string& json : examples("json")) {
    SCOPED_TRACE(json);
    ASSERT_VALUE(filter, parse_filter_json(json));
    EXPECT_OK(parse_filter_json(to_json(filter)));
    collect_kinds(filter, kinds);
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Filter::Node>);
}

TEST(FiltersDoc, NamesEveryLimitOfFilters) {
  std::string doc;
  for (const std::string& line : doc_lines()) doc += line + "\n";
  for (const Limit* limit : kLimits) {
    const std::string name = limit->name;
    if (!name.starts_with("filter_")) continue;
    EXPECT_NE(doc.find("`" + name + "`"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace kith

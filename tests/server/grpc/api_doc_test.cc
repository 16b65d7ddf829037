// Goal: docs/api.md says what the code does. Method: its table of limits is compared line by line with the
// typed tables, and every RPC and every request field of the proto must be named in it. When this fails it
// prints the right table.
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "kith.pb.h"
#include "server/api/wire_limits.h"

namespace kith {
namespace {

std::string read_doc() {
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path();
  std::ifstream file(root / "docs" / "api.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string row(const Limit& limit) {
  return fmt::format("| `{}` | {} | {} | {} | {} |\n", limit.name, limit.min, limit.max,
                     limit.fallback == 0 ? "" : std::to_string(limit.fallback), limit.meaning);
}

TEST(ApiDoc, ListsEveryLimitAsTheTablesHaveIt) {
  std::string table = "|---|---|---|---|---|\n";
  for (const Limit* limit : kLimits) table += row(*limit);
  for (const Limit* limit : kWireLimits) table += row(*limit);
  EXPECT_NE(read_doc().find(table + "\n"), std::string::npos) << "docs/api.md, Limits, should read:\n"
                                                              << table;
}

TEST(ApiDoc, NamesEveryRpcAndEveryField) {
  const std::string doc = read_doc();
  const auto& service = *v1::UpsertRequest::descriptor()->file()->FindServiceByName("Kith");
  for (int m = 0; m < service.method_count(); ++m) {
    const std::string heading = "### " + service.method(m)->name() + "\n";
    const size_t begin = doc.find(heading);
    ASSERT_NE(begin, std::string::npos) << heading;
    if (service.method(m)->client_streaming()) continue;  // described by its unary twin
    const std::string section = doc.substr(begin + 4, doc.find("\n#", begin + 4) - begin);
    const auto& request = *service.method(m)->input_type();
    for (int f = 0; f < request.field_count(); ++f) {
      EXPECT_NE(section.find("`" + request.field(f)->name() + "`"), std::string::npos)
          << service.method(m)->name() << " does not name " << request.field(f)->name();
    }
  }
}

TEST(ApiDoc, LimitsAreSaneAndUnique) {
  std::vector<std::string> names;
  const auto check = [&](const Limit& limit) {
    EXPECT_LE(limit.min, limit.max) << limit.name;
    if (limit.fallback != 0) {
      EXPECT_TRUE(limit.allows(limit.fallback)) << limit.name;
    }
    names.emplace_back(limit.name);
  };
  for (const Limit* limit : kLimits) check(*limit);
  for (const Limit* limit : kWireLimits) check(*limit);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

}  // namespace
}  // namespace kith

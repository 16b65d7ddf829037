// The only file that includes toml++ (header only, without exceptions).
#include "datasets/catalog.h"
#include "datasets/catalog_text.h"

// toml++ 3.3 asserts that a key begins with a key's character before it looks (parse_table_header: "[[[" or
// "[="), and under NDEBUG lets the compiler assume it. Its next lines handle the other case, so both are
// taken out.
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include <algorithm>

namespace kith {
namespace {

// A name becomes part of paths in the cache, and a url an argument of curl: neither may hold anything clever.
bool is_safe_name(std::string_view name) {
  return !name.empty() && name.size() <= 100 && name[0] != '-' && name[0] != '.' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") == std::string_view::npos;
}

bool is_safe_url(std::string_view url) {
  const bool known = url.starts_with("http://") || url.starts_with("https://") || url.starts_with("file:///");
  return known && url.find_first_of(" \t\r\n\"'`") == std::string_view::npos;
}

bool is_sha256(std::string_view sum) {
  return sum.size() == 64 && sum.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Absent fields give an empty string; another type an error.
Result<std::string> text_field(const toml::table& table, std::string_view key) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return std::string();
  if (const auto* text = node->as_string()) return text->get();
  return invalid_argument("field '{}' is not a string", key);
}

Result<uint64_t> number_field(const toml::table& table, std::string_view key) {
  const toml::node* node = table.get(key);
  const auto* number = node == nullptr ? nullptr : node->as_integer();
  if (number == nullptr || number->get() < 1) return invalid_argument("field '{}' is not a number ≥ 1", key);
  return static_cast<uint64_t>(number->get());
}

Result<CatalogEntry> read_entry(const toml::table& table) {
  CatalogEntry entry;
  entry.name = TRY(text_field(table, "name"));
  entry.alias = TRY(text_field(table, "alias"));
  entry.url = TRY(text_field(table, "url"));
  entry.sha256 = TRY(text_field(table, "sha256"));
  entry.licence = TRY(text_field(table, "licence"));
  entry.summary = TRY(text_field(table, "summary"));
  const std::string metric = TRY(text_field(table, "metric"));
  entry.metric = TRY(parse_metric(metric));
  const uint64_t dim = TRY(number_field(table, "dim"));
  entry.rows = TRY(number_field(table, "rows"));
  entry.queries = TRY(number_field(table, "queries"));
  if (dim > kReaderDimMax) return invalid_argument("field 'dim' is {}, more than {}", dim, kReaderDimMax);
  entry.dim = static_cast<uint32_t>(dim);
  if (!is_safe_name(entry.name)) return invalid_argument("field 'name' must be of a-z, 0-9, '-', '.', '_'");
  if (!entry.alias.empty() && !is_safe_name(entry.alias))
    return invalid_argument("field 'alias' is not a name");
  if (!entry.url.empty() && !is_safe_url(entry.url))
    return invalid_argument("field 'url' is not an http(s) address");
  if (!entry.sha256.empty() && !is_sha256(entry.sha256))
    return invalid_argument("field 'sha256' is not 64 lower-case hex digits");
  return entry;
}

}  // namespace

Result<std::vector<CatalogEntry>> parse_catalog(std::string_view text) {
  // Among the bytes beyond ASCII are some (U+FEFD) on which toml++ 3.3 runs into its own "unreachable".
  const auto beyond =
      std::find_if(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) < 0; });
  if (beyond != text.end())
    return invalid_argument("catalog: line {}: a byte beyond ASCII",
                            1 + std::count(text.begin(), beyond, '\n'));
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed)
    return invalid_argument("catalog: line {}: {}", parsed.error().source().begin.line,
                            parsed.error().description());
  std::vector<CatalogEntry> entries;
  const toml::node* sets = parsed.table().get("set");
  if (sets == nullptr) return entries;
  if (sets->as_array() == nullptr) return invalid_argument("catalog: 'set' is not an array of tables");
  for (const toml::node& node : *sets->as_array()) {
    const size_t number = entries.size();
    if (node.as_table() == nullptr) return invalid_argument("catalog: set {} is not a table", number);
    Result<CatalogEntry> entry = read_entry(*node.as_table());
    if (!entry.ok()) return invalid_argument("catalog: set {}: {}", number, entry.error().message);
    for (const CatalogEntry& other : entries)
      if (other.name == entry->name) return invalid_argument("catalog: set '{}' stands twice", entry->name);
    entries.push_back(std::move(entry).value());
  }
  return entries;
}

const std::vector<CatalogEntry>& catalog() {
  static const std::vector<CatalogEntry> entries = [] {
    Result<std::vector<CatalogEntry>> parsed = parse_catalog(kCatalogText);
    CHECK(parsed.ok());  // our own text, tested
    return std::move(parsed).value();
  }();
  return entries;
}

}  // namespace kith

// What holds for every filter that a parser takes, whatever it was written in.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "query/filter/canonical.h"
#include "query/filter/check_filter.h"
#include "query/filter/filter_json.h"
#include "query/filter/filter_text.h"
#include "query/filter/matches.h"

namespace kith::fuzz {

/// The last line is a payload, what is before it the filter.
inline std::pair<std::string_view, std::string_view> filter_and_payload(const uint8_t* data, size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t end = all.rfind('\n');
  if (end == std::string_view::npos)
    return {all, R"({"a": [1, "two words", null], "place": {"lat": 1, "lon": 2}})"};
  return {all.substr(0, end), all.substr(end + 1)};
}

/// Errors must blame the filter, and help.
inline void check_filter_error(const Error& error) {
  CHECK(error.code == Code::kInvalidArgument);
  CHECK(!error.message.empty() && error.message.size() < 1'000);
}

inline void check_filter_laws(const Filter& filter, std::string_view payload) {
  CHECK(check_filter(filter).ok());
  const auto from_text = parse_filter_text(to_text(filter));
  CHECK(from_text.ok() && key(*from_text) == key(filter));
  const auto from_json = parse_filter_json(to_json(filter));
  CHECK(from_json.ok() && *from_json == filter);
  const Filter form = canonical(filter);
  CHECK(canonical(form) == form);
  const auto tree = JsonTree::parse_payload(payload);
  if (!tree.ok()) return;
  const Id id = uint64_t{1};
  CHECK(Matcher(filter).matches(id, tree->root()) == Matcher(form).matches(id, tree->root()));
}

}  // namespace kith::fuzz

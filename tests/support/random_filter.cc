#include "tests/support/random_filter.h"

#include <fmt/format.h>

#include <iterator>
#include <limits>

namespace kith::test {
namespace {

const std::string kNames[] = {"a",     "b",    "tags",     "parts", "size", "time",
                              "place", "text", "odd name", "d.t",   "AND",  "q\"'q"};
const std::string kStrings[] = {"",     "a",    "ab",     "lib",       "libra",      "1",         "true",
                                "it's", "q\"q", "straße", "two words", "Two\nWORDS", "2026-01-01"};
const std::string kTexts[] = {"", "two", "words", "two words", "STRASSE fi", "...", "a"};
const char* const kSpelledNumbers[] = {"0",
                                       "-0.0",
                                       "1",
                                       "1.0",
                                       "1e0",
                                       "10e-1",
                                       "2",
                                       "2.5",
                                       "-3",
                                       "0.1",
                                       "1e300",
                                       "-1e-300",
                                       "9007199254740992",
                                       "9007199254740993",
                                       "9007199254740992.0",
                                       "9223372036854775807",
                                       "9223372036854775808",
                                       "9223372036854775808.0",
                                       "-9223372036854775808",
                                       "18446744073709551615",
                                       "1.8446744073709552e19"};
const FilterNumber kNumbers[] = {int64_t{0},
                                 int64_t{1},
                                 int64_t{2},
                                 2.5,
                                 int64_t{-3},
                                 0.1,
                                 1e300,
                                 -1e-300,
                                 int64_t{9007199254740992},
                                 int64_t{9007199254740993},
                                 std::numeric_limits<int64_t>::max(),
                                 std::numeric_limits<int64_t>::min(),
                                 uint64_t{1} << 63,
                                 std::numeric_limits<uint64_t>::max(),
                                 0x1p64};
const char* const kSpelledMoments[] = {"2026-01-01",
                                       "2026-01-01T00:00:00Z",
                                       "2026-01-01t01:00:00+01:00",
                                       "2026-01-01T00:00:00.000000001Z",
                                       "2025-12-31T23:59:60Z",
                                       "2026-02-29",
                                       "1969-12-31T23:59:59.5-00:30",
                                       "2026-01-02T03:04:05.678901234567Z",
                                       "2262-04-11T23:47:16.854775807Z",
                                       "9999-12-31",
                                       "2026-01-01 "};
const int64_t kMoments[] = {0,
                            -1,
                            1767225600000000000,
                            1767225600000000001,
                            1767323045678901234,
                            1799500000,
                            std::numeric_limits<int64_t>::max(),
                            std::numeric_limits<int64_t>::min()};
const double kLats[] = {-90, -10, 0, 10, 47.1, 47.1000001, 90};
const double kLons[] = {-180, -170, -10, 0, 8.5, 10, 170, 180};

template <typename T, size_t N>
const T& one_of(Random& random, const T (&values)[N]) {
  return values[random.below(N)];
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + '"';
}

}  // namespace

Filter RandomFilters::filter(size_t depth, bool ids) {
  return depth <= 1 || chance(3) ? leaf(ids) : combination(depth, ids);
}

Filter RandomFilters::combination(size_t depth, bool ids) {
  const auto below = [&](bool with_ids) { return filter(depth - 1, with_ids); };
  std::vector<Filter> of;
  const uint64_t kind = random_.below(8);
  if (kind == 0) return {NotOf{{below(ids)}}};
  if (kind == 1) return {Nested{path(), {below(false)}}};
  for (uint64_t left = random_.below(4); left > 0; --left) of.push_back(below(ids));
  if (kind <= 4) return {AllOf{std::move(of)}};
  if (kind <= 6) return {AnyOf{std::move(of)}};
  const auto min = static_cast<uint32_t>(random_.below(of.size() + 1));
  return {AtLeast{min, std::move(of)}};
}

Filter RandomFilters::leaf(bool ids) {
  std::vector<FilterScalar> scalars;
  for (uint64_t left = 1 + random_.below(3); left > 0; --left) scalars.push_back(scalar());
  if (chance(20)) scalars.clear();
  switch (random_.below(12)) {
    case 0:
    case 1:
      return {OneOf{path(), std::move(scalars)}};
    case 2:
      return {ContainsAll{path(), std::move(scalars)}};
    case 3:
    case 4:
      return range_leaf();
    case 5:
      return {Exists{path()}};
    case 6:
      return {IsNull{path()}};
    case 7:
      return {IsEmpty{path()}};
    case 8:
      return {Prefix{path(), one_of(random_, kStrings)}};
    case 9:
      return {MatchWords{path(), one_of(random_, kTexts)}};
    case 10:
      return place_leaf();
    default:
      break;
  }
  if (!ids) return {Exists{path()}};
  HasId node;
  for (uint64_t left = random_.below(4); left > 0; --left) node.ids.push_back(id());
  return {std::move(node)};
}

Filter RandomFilters::range_leaf() {
  const uint64_t sides = 1 + random_.below(3);
  if (chance(2)) {
    NumberRange node{path(), {}, {}};
    if (sides & 1) node.low = FilterBound<FilterNumber>{number(), chance(2)};
    if (sides & 2) node.high = FilterBound<FilterNumber>{number(), chance(2)};
    return {std::move(node)};
  }
  MomentRange node{path(), {}, {}};
  if (sides & 1) node.low = FilterBound<Moment>{moment(), chance(2)};
  if (sides & 2) node.high = FilterBound<Moment>{moment(), chance(2)};
  return {std::move(node)};
}

Filter RandomFilters::place_leaf() {
  switch (random_.below(3)) {
    case 0:
      return {GeoRadius{path(), place(), chance(4) ? 0 : 3e6 * random_.uniform()}};
    case 1:
      return {GeoBox{path(), place(), place()}};
    default:
      break;
  }
  GeoPolygon node{path(), {}};
  for (uint64_t left = 3 + random_.below(3); left > 0; --left) node.ring.push_back(place());
  return {std::move(node)};
}

FilterPath RandomFilters::path() {
  FilterPath path;
  do path.names.push_back(one_of(random_, kNames));
  while (path.names.size() < 3 && chance(4));
  return path;
}

FilterScalar RandomFilters::scalar() {
  if (chance(6)) return chance(2);
  if (chance(2)) return number();
  return one_of(random_, kStrings);
}

FilterNumber RandomFilters::number() {
  return one_of(random_, kNumbers);
}

Moment RandomFilters::moment() {
  return {one_of(random_, kMoments)};
}

GeoPoint RandomFilters::place() {
  return {one_of(random_, kLats), one_of(random_, kLons)};
}

Id RandomFilters::id() {
  if (chance(3)) return "id-" + std::to_string(random_.below(3)) + (chance(4) ? "'\"" : "");
  if (chance(2)) return Uuid{{0x6b, 0xa7, 0xb8, 0x10, static_cast<uint8_t>(random_.below(3))}};
  return chance(8) ? std::numeric_limits<uint64_t>::max() : random_.below(5);
}

std::string RandomFilters::payload() {
  return chance(16) ? "" : object(4);
}

std::string RandomFilters::object(size_t depth) {
  std::string out;
  for (uint64_t left = random_.below(7); left > 0; --left)
    out +=
        fmt::format("{}{}: {}", out.empty() ? "" : ", ", quoted(one_of(random_, kNames)), value(depth - 1));
  return "{" + out + "}";
}

std::string RandomFilters::list(size_t depth) {
  std::string out;
  for (uint64_t left = random_.below(4); left > 0; --left)
    out += (out.empty() ? "" : ", ") + value(depth - 1);
  return "[" + out + "]";
}

std::string RandomFilters::value(size_t depth) {
  const uint64_t kind = random_.below(16);
  if (depth > 0 && kind < 3) return list(depth);
  if (depth > 0 && kind < 5) return object(depth);
  if (kind == 5) return "null";
  if (kind == 6) return chance(2) ? "true" : "false";
  if (kind < 10) return one_of(random_, kSpelledNumbers);
  if (kind == 10) return quoted(one_of(random_, kSpelledMoments));
  if (kind == 11)
    return fmt::format("{{\"lat\": {}, \"lon\": {}{}}}", one_of(random_, kLats), one_of(random_, kLons),
                       chance(8) ? "e2" : "");  // mostly beyond bounds
  if (kind == 12) return "\"Two words, straße of ﬁ\"";
  return quoted(one_of(random_, kStrings));
}

}  // namespace kith::test

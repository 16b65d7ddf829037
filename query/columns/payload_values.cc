#include "query/columns/payload_values.h"

#include <algorithm>

#include "query/columns/geo_cells.h"
#include "query/columns/limits.h"
#include "query/columns/number_key.h"
#include "query/filter/geo.h"
#include "query/filter/moment.h"
#include "query/schema/json_tree.h"
#include "query/text/words.h"

namespace kith {
namespace {

using namespace column_limits;

void append_name(std::string& key, std::string_view name) {
  key.push_back(static_cast<char>(name.size() & 0xff));
  key.push_back(static_cast<char>(name.size() >> 8));
  key.append(name);
}

template <typename T>
void sort_once(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

/// The walk of path_values.h over all paths at once. Recursion is bounded by the depth of a JsonTree.
class PayloadWalk {
 public:
  explicit PayloadWalk(PayloadValues& out) : out_(out) {}

  void members(const JsonValue& object) {
    for (const JsonValue member : object) {
      const std::string_view name = member.name();
      if (name.empty()) continue;  // no path leads there
      const size_t before = key_.size();
      if (names_ == kPathNamesMax || before + 2 + name.size() > kPathBytesMax) {
        out_.pathless = true;
        continue;
      }
      append_name(key_, name);
      ++names_;
      PathValues& at = out_.paths[key_];
      enter(sizeof(PathValues) + key_.size() + kNodeBytes);
      if (!out_.opaque) value(member, at);
      --names_;
      key_.resize(before);
      if (out_.opaque) return;
    }
  }

 private:
  static constexpr size_t kNodeBytes = 64;  // of a map, with what the heap adds

  /// Whether there is room for more; otherwise nothing counts.
  bool enter(size_t bytes) {
    bytes_ += bytes;
    if (++values_ > kRowValuesMax || bytes_ > kRowBytesMax) out_.opaque = true;
    return !out_.opaque;
  }

  void value(const JsonValue& v, PathValues& at) {
    if (v.is_array()) {
      for (const JsonValue element : v) {
        if (out_.opaque) return;
        value(element, at);
      }
      return;
    }
    if (!enter(sizeof(uint64_t))) return;
    if (v.is_null()) at.null = true;
    if (v.is_bool()) {
      at.nonempty = true;
      (v.boolean() ? at.has_true : at.has_false) = true;
    }
    if (v.is_number()) number(v.number(), at);
    if (v.is_string()) string(v.string(), at);
    if (v.is_object()) object(v, at);
  }

  static void number(const FilterNumber& number, PathValues& at) {
    const NumberKey key = NumberKey::of(number);
    at.nonempty = true;
    at.rounded |= key.rounded;
    at.numbers.push_back(key.key);
  }

  void string(std::string_view text, PathValues& at) {
    at.nonempty |= !text.empty();
    at.many_strings |= !at.strings.empty();
    at.strings.emplace_back(text);
    if (const auto moment = parse_moment(text)) at.moments.push_back(key_of(*moment));
    std::vector<std::string> words = word_set(text);
    if (words_ + words.size() > kRowWordsMax) {
      at.wordless = true;
      return;
    }
    words_ += words.size();
    std::move(words.begin(), words.end(), std::back_inserter(at.words));
  }

  void object(const JsonValue& v, PathValues& at) {
    at.object = true;
    at.nonempty |= !v.empty();
    if (const auto place = place_of(v)) at.places.push_back(key_of(*place));
    members(v);
  }

  PayloadValues& out_;
  std::string key_;
  size_t names_ = 0;
  size_t values_ = 0;
  size_t bytes_ = 0;  // but for strings and words, which the payload has too
  size_t words_ = 0;
};

}  // namespace

std::string path_key(std::span<const std::string> names) {
  std::string key;
  if (names.size() > kPathNamesMax) return key;
  for (const std::string& name : names) {
    if (key.size() + 2 + name.size() > kPathBytesMax) return {};
    append_name(key, name);
  }
  return key;
}

PayloadValues PayloadValues::unknown() {
  PayloadValues values;
  values.opaque = true;
  return values;
}

Result<PayloadValues> PayloadValues::of(std::string_view payload) {
  const JsonTree tree = TRY(JsonTree::parse_payload(payload));
  PayloadValues values;
  PayloadWalk(values).members(tree.root());
  if (values.opaque) return unknown();
  for (auto& [key, at] : values.paths) {
    sort_once(at.numbers);
    sort_once(at.moments);
    sort_once(at.places);
    sort_once(at.strings);
    sort_once(at.words);
  }
  return values;
}

}  // namespace kith

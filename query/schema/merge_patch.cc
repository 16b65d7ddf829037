#include "query/schema/merge_patch.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "query/schema/json_tree.h"

namespace kith {
namespace {

struct Member {
  std::string name;         // without escapes
  std::string_view quoted;  // as it is written
  std::string_view value;
};

/// The members of one valid object; stays within any other text.
class MemberScan {
 public:
  explicit MemberScan(std::string_view object) : text_(object) {}

  std::vector<Member> members() {
    std::vector<Member> found;
    step_over('{');
    while (comes('"')) {
      Member& member = found.emplace_back();
      member.quoted = value();
      member.name = name_of(member.quoted);
      step_over(':');
      member.value = value();
      step_over(',');
    }
    return found;
  }

 private:
  static std::string name_of(std::string_view quoted) {
    if (quoted.find('\\') == std::string_view::npos) return std::string(quoted.substr(1, quoted.size() - 2));
    const auto parsed = JsonTree::parse(quoted);
    return std::string(parsed.ok() && parsed->root().is_string() ? parsed->root().string() : quoted);
  }

  bool at(char c) const { return at_ < text_.size() && text_[at_] == c; }
  void go_to(size_t place) { at_ = std::min(place, text_.size()); }
  /// After blanks.
  bool comes(char c) {
    go_to(text_.find_first_not_of(" \t\r\n", at_));
    return at(c);
  }
  void step_over(char c) {
    if (comes(c)) ++at_;
  }
  void skip_string() {
    for (++at_; at_ < text_.size() && !at('"'); ++at_)
      if (at('\\')) ++at_;
    go_to(at_ + 1);
  }

  /// The next one whole, without a look at what it is.
  std::string_view value() {
    (void)comes('"');
    const size_t begin = at_;
    size_t depth = 0;
    do {
      if (at('"')) {
        skip_string();
      } else if (at('{') || at('[')) {
        ++depth, ++at_;
      } else if (depth > 0) {
        if (at('}') || at(']')) --depth;
        ++at_;
      } else {
        go_to(text_.find_first_of(",}] \t\r\n", at_));
      }
    } while (depth > 0 && at_ < text_.size());
    return text_.substr(begin, at_ - begin);
  }

  std::string_view text_;
  size_t at_ = 0;
};

/// One object as it is merged: depth is bounded by that of valid JSON.
class Merge {
 public:
  Merge(std::string_view target, std::string_view patch)
      : stored_(MemberScan(target).members()), changes_(MemberScan(patch).members()) {
    for (size_t i = 0; i < changes_.size(); ++i) last_change_[changes_[i].name] = i;
    for (size_t i = 0; i < stored_.size(); ++i)
      if (last_change_.contains(stored_[i].name)) last_stored_[stored_[i].name] = i;
  }

  std::string text() const {
    std::string out = "{";
    const auto put = [&](const Member& member, std::string_view value) {
      if (out.size() > 1) out += ',';
      out.append(member.quoted).append(":").append(value);
    };
    for (size_t i = 0; i < stored_.size(); ++i) {
      const auto change = last_change_.find(stored_[i].name);
      if (change == last_change_.end())
        put(stored_[i], stored_[i].value);
      else if (last_stored_.at(stored_[i].name) == i && changes_[change->second].value != "null")
        put(stored_[i], merged(stored_[i].value, changes_[change->second].value));
    }
    for (size_t i = 0; i < changes_.size(); ++i) {
      const bool is_new = last_change_.at(changes_[i].name) == i && !last_stored_.contains(changes_[i].name);
      if (is_new && changes_[i].value != "null") put(changes_[i], merged({}, changes_[i].value));
    }
    return out + '}';
  }

 private:
  static bool is_object(std::string_view value) { return value.starts_with('{'); }
  static std::string merged(std::string_view stored, std::string_view change) {
    if (!is_object(change)) return std::string(change);
    return Merge(is_object(stored) ? stored : std::string_view(), change).text();
  }

  std::vector<Member> stored_;
  std::vector<Member> changes_;
  std::unordered_map<std::string_view, size_t> last_change_;  // by name, into changes_
  std::unordered_map<std::string_view, size_t> last_stored_;  // of these names, into stored_
};

}  // namespace

std::string merge_patch(std::string_view target, std::string_view patch) {
  return Merge(target, patch).text();
}

}  // namespace kith

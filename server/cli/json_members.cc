#include "server/cli/json_members.h"

#include <nlohmann/json.hpp>

namespace kith {
namespace {

class Cutter {
 public:
  explicit Cutter(std::string_view text) : text_(text) {}

  Result<std::vector<JsonMember>> members() {
    std::vector<JsonMember> out;
    TRY(expect('{'));
    skip_blanks();
    if (peek() == '}') {
      ++at_;
    } else {
      do {
        skip_blanks();
        const std::string_view key = TRY(value());
        JsonMember member{TRY(json_string(key)), {}};
        TRY(expect(':'));
        skip_blanks();
        member.value = TRY(value());
        out.push_back(std::move(member));
        skip_blanks();
      } while (take(','));
      TRY(expect('}'));
    }
    skip_blanks();
    if (at_ != text_.size()) return wrong("nothing more");
    return out;
  }

 private:
  Error wrong(std::string_view wanted) const {
    return invalid_argument("not a JSON object: byte {} should be {}", at_, wanted);
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  Result<void> expect(char c) {
    skip_blanks();
    if (!take(c)) return wrong(std::string("'") + c + "'");
    return {};
  }
  void skip_blanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }

  Result<void> skip_string() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '"') {
        ++at_;
        return {};
      }
    }
    at_ = text_.size();
    return wrong("the end of a string");
  }

  /// One value of any kind, up to the comma, colon or bracket that ends it.
  Result<std::string_view> value() {
    const size_t begin = at_;
    size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        TRY(skip_string());
        continue;
      }
      if (depth == 0 && std::string_view(",:]} \t\r\n").find(c) != std::string_view::npos) break;
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
    }
    if (depth != 0) return wrong("a closing bracket");
    if (at_ == begin) return wrong("a value");
    return text_.substr(begin, at_ - begin);
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<std::vector<JsonMember>> json_members(std::string_view text) {
  return Cutter(text).members();
}

Result<uint64_t> json_whole_number(std::string_view value) {
  const auto parsed = nlohmann::json::parse(value, nullptr, false);
  if (!parsed.is_number_unsigned()) return invalid_argument("{} is not a whole number", value.substr(0, 40));
  return parsed.get<uint64_t>();
}

Result<std::string> json_string(std::string_view value) {
  const auto parsed = nlohmann::json::parse(value, nullptr, false);
  if (!parsed.is_string()) return invalid_argument("{} is not a JSON string", value.substr(0, 40));
  return parsed.get<std::string>();
}

}  // namespace kith

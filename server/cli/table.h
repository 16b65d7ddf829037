// TextTable: columns aligned for people. Widths count UTF-8 code points, which is right for the text we
// print.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kith {

class TextTable {
 public:
  /// A heading that begins with '>' makes its column right-aligned.
  explicit TextTable(std::vector<std::string> headings);
  /// As many cells as headings.
  void add(std::vector<std::string> cells);
  /// All lines, each ended by '\n', no trailing blanks.
  std::string str() const;

 private:
  std::vector<std::string> headings_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

/// 1536 → "1.5 KiB".
std::string human_bytes(uint64_t bytes);
/// 60000 → "60,000".
std::string human_count(uint64_t count);
/// At most `width` code points, the last an ellipsis where something was cut; control characters become
/// blanks.
std::string shorten(std::string_view text, size_t width);

}  // namespace kith

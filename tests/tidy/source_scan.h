// Reads C++ sources as text, well enough to measure them: comments and literals blanked, functions found by
// their braces.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace kith::tidy {

struct SourceFile {
  std::string path;  // relative to the repository root, with '/'
  std::string text;
  std::string
      code;  // text with comments, strings and character literals blanked; same length and line breaks
};

/// Every .h, .cc and .cu below the layers' folders, sorted by path.
std::vector<SourceFile> read_sources(const std::filesystem::path& root);

struct FunctionSpan {
  std::string name;  // as far as it can be told
  size_t first_line = 0;
  size_t lines = 0;
};

/// Outermost function bodies (a lambda inside one counts as part of it).
std::vector<FunctionSpan> find_functions(const SourceFile& file);

/// Included paths as written, with their delimiters: `"base/result.h"` or `<vector>`.
std::vector<std::string> find_includes(const SourceFile& file);

size_t count_lines(const std::string& text);

/// Exposed for its own test.
std::string blank_comments_and_literals(const std::string& text);

}  // namespace kith::tidy

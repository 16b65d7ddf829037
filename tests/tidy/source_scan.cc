#include "tests/tidy/source_scan.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <regex>
#include <sstream>
#include <string_view>

namespace kith::tidy {
namespace {

constexpr std::array kLayers = {"base", "storage", "index",    "query", "cache",
                                "gpu",  "server",  "datasets", "bench", "tests"};

bool is_source(const std::filesystem::path& path) {
  auto extension = path.extension();
  return extension == ".h" || extension == ".cc" || extension == ".cu";
}

void blank(std::string& text, size_t from, size_t to) {
  for (size_t i = from; i < to && i < text.size(); ++i)
    if (text[i] != '\n') text[i] = ' ';
}

size_t end_of_literal(const std::string& text, size_t start) {
  size_t i = start + 1;
  while (i < text.size() && text[i] != text[start] && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

size_t end_of_raw_string(const std::string& text, size_t quote) {
  size_t open = text.find('(', quote);
  if (open == std::string::npos) return text.size();
  std::string close = ")" + text.substr(quote + 1, open - quote - 1) + "\"";
  size_t end = text.find(close, open);
  return end == std::string::npos ? text.size() : end + close.size();
}

bool starts_line(const std::string& text, size_t i) {
  while (i > 0 && (text[i - 1] == ' ' || text[i - 1] == '\t')) --i;
  return i == 0 || text[i - 1] == '\n';
}

// A preprocessor line with its continuations; a comment that starts on it is left to the caller.
size_t end_of_directive(const std::string& text, size_t hash) {
  size_t end = std::min(text.find('\n', hash), text.size());
  while (end < text.size() && text[end - 1] == '\\') end = std::min(text.find('\n', end + 1), text.size());
  size_t comment = text.find("/*", hash);
  return std::min(end, comment);
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// The head of a brace block: the text since the last ';', '{' or '}' before it.
std::string head_before(const std::string& code, size_t brace) {
  size_t start = code.find_last_of(";{}", brace == 0 ? 0 : brace - 1);
  start = start == std::string::npos ? 0 : start + 1;
  return code.substr(start, brace - start);
}

bool is_scope_head(const std::string& head) {
  static const std::regex kScope(R"(\b(namespace|class|struct|enum|union|extern)\b)");
  return std::regex_search(head, kScope) && head.find(')') == std::string::npos;
}

bool is_function_head(const std::string& head) {
  static const std::regex kControl(R"(^\s*(if|for|while|switch|catch|else|do|return)\b)");
  return head.find('(') != std::string::npos && head.find(')') != std::string::npos &&
         !std::regex_search(head, kControl);
}

std::string name_in_head(const std::string& head) {
  static const std::regex kName(R"(([A-Za-z_~][\w:~]*)\s*\()");
  std::smatch match;
  return std::regex_search(head, match, kName) ? match[1].str() : "?";
}

size_t matching_brace(const std::string& code, size_t open) {
  size_t depth = 0;
  for (size_t i = open; i < code.size(); ++i) {
    if (code[i] == '{') ++depth;
    if (code[i] == '}' && --depth == 0) return i;
  }
  return code.size() - 1;
}

}  // namespace

std::string blank_comments_and_literals(const std::string& text) {
  std::string out = text;
  size_t i = 0;
  while (i < text.size()) {
    size_t end = i + 1;
    if (text.compare(i, 2, "//") == 0) {
      end = std::min(text.find('\n', i), text.size());
      blank(out, i, end);
    } else if (text.compare(i, 2, "/*") == 0) {
      end = text.find("*/", i);
      end = end == std::string::npos ? text.size() : end + 2;
      blank(out, i, end);
    } else if (text[i] == '#' && starts_line(text, i)) {
      end = end_of_directive(text, i);
      blank(out, i, end);
    } else if (text[i] == '"' && i > 0 && text[i - 1] == 'R') {
      end = end_of_raw_string(text, i);
      blank(out, i + 1, end - 1);
    } else if (text[i] == '"' || (text[i] == '\'' && (i == 0 || !is_word(text[i - 1])))) {
      end = end_of_literal(text, i);
      blank(out, i + 1, end - 1);
    }
    i = end;
  }
  return out;
}

std::vector<SourceFile> read_sources(const std::filesystem::path& root) {
  std::vector<SourceFile> files;
  for (const char* layer : kLayers) {
    if (!std::filesystem::exists(root / layer)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / layer)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      std::ifstream in(entry.path());
      std::stringstream text;
      text << in.rdbuf();
      SourceFile file{std::filesystem::relative(entry.path(), root).generic_string(), text.str(), ""};
      file.code = blank_comments_and_literals(file.text);
      files.push_back(std::move(file));
    }
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::vector<FunctionSpan> find_functions(const SourceFile& file) {
  std::vector<FunctionSpan> functions;
  const std::string& code = file.code;
  for (size_t i = code.find('{'); i != std::string::npos; i = code.find('{', i)) {
    std::string head = head_before(code, i);
    if (is_scope_head(head) || !is_function_head(head)) {
      ++i;
      continue;
    }
    size_t end = matching_brace(code, i);
    size_t line =
        static_cast<size_t>(std::count(code.begin(), code.begin() + static_cast<long>(i), '\n')) + 1;
    size_t span = static_cast<size_t>(
        std::count(code.begin() + static_cast<long>(i), code.begin() + static_cast<long>(end), '\n'));
    functions.push_back({name_in_head(head), line, span + 1});
    i = end + 1;
  }
  return functions;
}

std::vector<std::string> find_includes(const SourceFile& file) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*(["<][^">]+[">]))");
  std::vector<std::string> includes;
  std::istringstream lines(file.text);
  std::smatch match;
  for (std::string line; std::getline(lines, line);)
    if (std::regex_search(line, match, kInclude)) includes.push_back(match[1]);
  return includes;
}

size_t count_lines(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace kith::tidy

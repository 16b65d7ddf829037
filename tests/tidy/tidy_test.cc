// Goal: the shape of the house (docs/architecture.md) holds. Method: every source file is read as text and
// held against the tables in rules.h; breaches that are known stand in known_breaches.txt, which may only
// shrink.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "tests/tidy/rules.h"
#include "tests/tidy/source_scan.h"

namespace kith::tidy {
namespace {

const std::filesystem::path kRoot = KITH_SOURCE_DIR;

const std::vector<SourceFile>& sources() {
  static const std::vector<SourceFile> kSources = read_sources(kRoot);
  return kSources;
}

// Lines of known_breaches.txt that no check asked for are stale, and fail the last test.
class Breaches {
 public:
  Breaches() {
    std::ifstream in(kRoot / "tests/tidy/known_breaches.txt");
    for (std::string line; std::getline(in, line);)
      if (!line.empty() && line[0] != '#') known_.insert(line);
  }
  bool known(const std::string& breach) { return known_.count(breach) > 0 && used_.insert(breach).second; }
  std::set<std::string> stale() const {
    std::set<std::string> left;
    for (const auto& line : known_)
      if (used_.count(line) == 0) left.insert(line);
    return left;
  }

 private:
  std::set<std::string> known_;
  std::set<std::string> used_;
};

Breaches& breaches() {
  static Breaches instance;
  return instance;
}

const LayerRule* rule_for(const std::string& path) {
  const LayerRule* best = nullptr;
  for (const auto& rule : layer_rules())
    if (path.starts_with(rule.from) && (best == nullptr || rule.from.size() > best->from.size()))
      best = &rule;
  return best;
}

TEST(Tidy, EverySourceBelongsToALayerThatMayIncludeWhatItIncludes) {
  ASSERT_GT(sources().size(), 20u) << "the scan found too few files below " << kRoot;
  for (const auto& file : sources()) {
    const LayerRule* rule = rule_for(file.path);
    ASSERT_NE(rule, nullptr) << file.path;
    for (const auto& include : find_includes(file)) {
      if (include[0] != '"') continue;
      std::string path = include.substr(1, include.size() - 2);
      bool allowed = false;
      for (auto prefix : rule->may) allowed = allowed || path.starts_with(prefix);
      if (!allowed && !breaches().known("include " + file.path + " " + path))
        ADD_FAILURE() << file.path << " may not include " << path << " (tests/tidy/rules.h)";
    }
  }
}

TEST(Tidy, EachLibraryIsIncludedInOnePlace) {
  for (const auto& file : sources()) {
    if (file.path.starts_with("tests/") || file.path.starts_with("bench/")) continue;
    for (const auto& include : find_includes(file))
      for (const auto& library : wrapped_libraries()) {
        std::string path = include.substr(1, include.size() - 2);
        if (path.starts_with(library.include_prefix) && !file.path.starts_with(library.only_in) &&
            !file.path.starts_with(library.and_in))
          ADD_FAILURE() << file.path << " includes " << path << ": only " << library.only_in << "* may";
      }
  }
}

TEST(Tidy, FilesAreShort) {
  for (const auto& file : sources()) {
    size_t lines = count_lines(file.text);
    if (lines > kFileLinesMax && !breaches().known("file " + file.path))
      ADD_FAILURE() << file.path << " has " << lines << " lines; the limit is " << kFileLinesMax;
  }
}

TEST(Tidy, FunctionsAreShort) {
  size_t functions = 0;
  for (const auto& file : sources())
    for (const auto& function : find_functions(file)) {
      ++functions;
      if (function.lines > kFunctionLinesMax &&
          !breaches().known("function " + file.path + " " + function.name))
        ADD_FAILURE() << file.path << ":" << function.first_line << " " << function.name << " has "
                      << function.lines << " lines; the limit is " << kFunctionLinesMax;
    }
  EXPECT_GT(functions, 100u) << "the scan finds too few functions to mean anything";
}

TEST(Tidy, RootCMakeIsShortAndNoFileIsBig) {
  std::ifstream in(kRoot / "CMakeLists.txt");
  std::string text((std::istreambuf_iterator<char>(in)), {});
  EXPECT_LE(count_lines(text), kRootCMakeLinesMax);
  for (const auto& file : sources()) EXPECT_LE(file.text.size(), kFileBytesMax) << file.path;
}

TEST(Tidy, EveryFolderOfSourcesHasAReadmeLine) {
  std::set<std::string> folders;
  for (const auto& file : sources()) {
    std::string folder = std::filesystem::path(file.path).parent_path().generic_string();
    if (!folder.starts_with("tests/")) folders.insert(folder);
  }
  for (const auto& folder : folders) {
    std::string parent = std::filesystem::path(folder).parent_path().generic_string();
    std::string name = std::filesystem::path(folder).filename().string();
    bool own = std::filesystem::exists(kRoot / folder / "README.md");
    std::ifstream in(kRoot / parent / "README.md");
    std::string text((std::istreambuf_iterator<char>(in)), {});
    EXPECT_TRUE(own || text.find(name + "/") != std::string::npos)
        << folder << " has no README.md and " << parent << "/README.md does not name it";
  }
}

TEST(Tidy, HeadersGuardAgainstDoubleInclusion) {
  for (const auto& file : sources()) {
    if (!file.path.ends_with(".h")) continue;
    EXPECT_NE(file.text.find("#pragma once"), std::string::npos) << file.path;
  }
}

TEST(TidyScan, BlanksCommentsAndLiterals) {
  EXPECT_EQ(blank_comments_and_literals("a /*{*/ b"), "a       b");
  EXPECT_EQ(blank_comments_and_literals("x = \"{\"; // {\ny"), "x = \" \";     \ny");
  EXPECT_EQ(blank_comments_and_literals("1'000'000 '{'"), "1'000'000 ' '");
  EXPECT_EQ(blank_comments_and_literals("a\n  #if (x) {\nb"), "a\n           \nb");
  EXPECT_EQ(blank_comments_and_literals("#define A \\\n  {\nb"), "           \n   \nb");
}

TEST(TidyScan, FindsFunctionsAndTheirLength) {
  SourceFile file{
      "x.cc", "",
      "namespace a {\nstruct S {\n  int f() const {\n    if (x) {\n    }\n  }\n};\nint g(int b)\n{\n}\n}\n"};
  auto functions = find_functions(file);
  ASSERT_EQ(functions.size(), 2u);
  EXPECT_EQ(functions[0].name, "f");
  EXPECT_EQ(functions[0].lines, 4u);
  EXPECT_EQ(functions[1].name, "g");
}

// Last by name in this file: the tests above have asked for every breach they know.
TEST(TidyZ, KnownBreachesAreStillThere) {
  for (const auto& line : breaches().stale())
    ADD_FAILURE() << "mended, so delete it from tests/tidy/known_breaches.txt: " << line;
}

}  // namespace
}  // namespace kith::tidy

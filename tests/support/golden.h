// Golden files: what a version wrote that people have data of, kept as text in tests/golden, so that a later
// one is seen to read it. A test that is run with KITH_WRITE_GOLDEN=1 writes its file anew: for a new version
// of a format, never to make a test pass.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace kith::test {

using GoldenFiles = std::map<std::string, std::vector<std::byte>>;  // by name

/// Lines of 48 bytes in hexadecimal below "file <name>".
inline std::string golden_text(const GoldenFiles& files) {
  std::ostringstream text;
  const char* const digits = "0123456789abcdef";
  for (const auto& [name, bytes] : files) {
    text << "file " << name;
    for (size_t i = 0; i < bytes.size(); ++i) {
      const auto byte = static_cast<unsigned>(bytes[i]);
      text << (i % 48 == 0 ? "\n" : "") << digits[byte >> 4] << digits[byte & 15];
    }
    text << '\n';
  }
  return text.str();
}

inline GoldenFiles golden_files(std::istream& text) {
  GoldenFiles files;
  std::vector<std::byte>* file = nullptr;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("file "))
      file = &files[line.substr(5)];
    else
      for (size_t i = 0; i + 1 < line.size() && file != nullptr; i += 2)
        file->push_back(static_cast<std::byte>(std::stoul(line.substr(i, 2), nullptr, 16)));
  }
  return files;
}

/// Those of `path`; `now`, which the same content is written as today, is the same to the byte.
inline GoldenFiles expect_golden(const std::string& path, const GoldenFiles& now) {
  if (std::getenv("KITH_WRITE_GOLDEN") != nullptr) std::ofstream(path) << golden_text(now);
  std::ifstream text(path);
  EXPECT_TRUE(text.good()) << path << " is missing";
  GoldenFiles golden = golden_files(text);
  EXPECT_EQ(golden_text(golden), golden_text(now)) << path << " is written otherwise today";
  return golden;
}

}  // namespace kith::test

// Paths as the file systems compare them: no "//", no "/./", no slash at the end.
#pragma once

#include <filesystem>
#include <string>

namespace kith {

inline std::string normal_path(const std::string& path) {
  std::string normal = std::filesystem::path(path).lexically_normal().string();
  if (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  return normal.empty() ? "." : normal;
}

/// The directory that holds `path`'s entry: "." for a bare name, "/" for what lies in the root.
inline std::string parent_directory(const std::string& path) {
  const std::string parent = std::filesystem::path(normal_path(path)).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace kith

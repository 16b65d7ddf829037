// Paths as the file systems compare them: no "//", no "/./", no slash at the end.
#pragma once

#include <filesystem>
#include <string>

namespace kith {

inline std::string normal_path(const std::string& path) {
  const bool odd = path.empty() || path.find("//") != std::string::npos || path.back() == '/' ||
                   path.front() == '.' || path.find("/.") != std::string::npos;
  if (!odd) return path;  // most are, and std::filesystem takes long
  std::string normal = std::filesystem::path(path).lexically_normal().string();
  if (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  return normal.empty() ? "." : normal;
}

/// The directory that holds `path`'s entry: "." for a bare name, "/" for what lies in the root.
inline std::string parent_directory(const std::string& path) {
  const std::string normal = normal_path(path);
  const size_t slash = normal.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : normal.substr(0, slash);
}

}  // namespace kith

// Linux: MemTotal of /proc/meminfo; memory.max of the process's control group and of those above it (cgroup
// v2), or memory.limit_in_bytes (v1), where no limit is a number larger than any machine.
#include "base/machine_memory.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace kith {
namespace {

/// The number that a file begins with; UINT64_MAX when it does not ("max"), or there is no such file.
uint64_t number_in(const std::string& path) {
  std::ifstream in(path);
  uint64_t number = UINT64_MAX;
  return in >> number ? number : UINT64_MAX;
}

uint64_t physical(const std::string& root) {
  std::ifstream in(root + "/proc/meminfo");
  std::string name, unit;
  uint64_t kilobytes = 0;
  while (in >> name >> kilobytes && std::getline(in, unit))
    if (name == "MemTotal:") return kilobytes * 1024;
  return UINT64_MAX;
}

/// The least limit of a group and those above it, below `mount`.
uint64_t least(const std::string& mount, std::string group, const char* file) {
  uint64_t limit = UINT64_MAX;
  while (true) {
    limit = std::min(limit, number_in(mount + group + "/" + file));
    if (group.empty()) return limit;
    group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
  }
}

}  // namespace

uint64_t machine_memory_bytes(const std::string& root) {
  uint64_t bytes = physical(root);
  std::ifstream groups(root + "/proc/self/cgroup");
  // hierarchy:controllers:path
  for (std::string line; std::getline(groups, line);) {
    std::istringstream in(line);
    std::string hierarchy, controllers, group;
    if (!std::getline(in, hierarchy, ':') || !std::getline(in, controllers, ':') || !std::getline(in, group))
      continue;
    if (group == "/") group.clear();
    if (hierarchy == "0")
      bytes = std::min(bytes, least(root + "/sys/fs/cgroup", group, "memory.max"));
    else if (("," + controllers + ",").find(",memory,") != std::string::npos)
      bytes = std::min(bytes, least(root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
  }
  return bytes == UINT64_MAX ? 0 : bytes;
}

}  // namespace kith

#include "bench/harness/machine.h"

#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>

#include "index/distance/distance.h"

namespace kith::bench {
namespace {

/// The text behind `key` and its colon in a /proc file, without leading blanks; empty where there is none.
std::string proc_value(const char* path, const std::string& key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.compare(0, key.size(), key) != 0) continue;
    size_t colon = line.find(':');
    size_t start = line.find_first_not_of(" \t", colon == std::string::npos ? line.size() : colon + 1);
    return start == std::string::npos ? std::string() : line.substr(start);
  }
  return {};
}

uint64_t proc_kib(const char* path, const std::string& key) {
  return std::strtoull(proc_value(path, key).c_str(), nullptr, 10) * 1024;
}

/// First line that `command` prints; empty when it fails or prints nothing.
std::string first_line(const char* command) {
  struct Close {
    void operator()(FILE* file) const { pclose(file); }
  };
  std::unique_ptr<FILE, Close> pipe(popen(command, "r"));
  char line[256] = "";
  if (pipe == nullptr || std::fgets(line, sizeof(line), pipe.get()) == nullptr) return {};
  line[std::strcspn(line, "\n")] = '\0';
  return line;
}

std::string or_unknown(std::string text) {
  return text.empty() ? "unknown" : text;
}

unsigned usable_cores() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 0;
}

bool reset_peak_resident() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  return file.good();
}

}  // namespace

Machine describe_machine() {
  Machine machine;
  machine.cpu = or_unknown(proc_value("/proc/cpuinfo", "model name"));
  machine.cores = usable_cores();
  machine.memory_bytes = proc_kib("/proc/meminfo", "MemTotal");
  utsname names{};
  machine.kernel = uname(&names) == 0 ? std::string(names.sysname) + " " + names.release : "unknown";
  machine.cpu_level = std::string(cpu_level_name(cpu_level()));
#if defined(__clang__)
  machine.compiler = "clang " __clang_version__;
#else
  machine.compiler = "gcc " __VERSION__;
#endif
  return machine;
}

std::string current_commit() {
  if (const char* given = std::getenv("KITH_COMMIT"); given != nullptr && given[0] != '\0') return given;
  std::string commit = first_line("git rev-parse --short=12 HEAD 2>/dev/null");
  if (commit.empty()) return "unknown";
  bool dirty = !first_line("git status --porcelain --untracked-files=no 2>/dev/null").empty();
  return dirty ? commit + "-dirty" : commit;
}

uint64_t resident_bytes() {
  return proc_kib("/proc/self/status", "VmRSS");
}

CpuSeconds cpu_seconds() {
  std::ifstream file("/proc/stat");
  std::string name;
  double user = 0, nice = 0, system = 0, idle = 0, io_wait = 0, hard = 0, soft = 0, stolen = 0;
  file >> name >> user >> nice >> system >> idle >> io_wait >> hard >> soft >> stolen;
  rusage own{};
  if (getrusage(RUSAGE_SELF, &own) != 0) return {};
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  CpuSeconds out{seconds(own.ru_utime) + seconds(own.ru_stime), 0};
  const double all =
      (user + nice + system + hard + soft + stolen) / static_cast<double>(sysconf(_SC_CLK_TCK));
  out.others = std::max(0.0, all - out.own);
  return out;
}

MemoryProbe::MemoryProbe() {
  malloc_trim(0);
  before_ = resident_bytes();
  reset_ = reset_peak_resident();
}

std::optional<uint64_t> MemoryProbe::peak_growth() const {
  if (!reset_) return std::nullopt;
  uint64_t peak = proc_kib("/proc/self/status", "VmHWM");
  return peak > before_ ? peak - before_ : 0;
}

PinnedThread::PinnedThread(size_t cpus) {
  cpu_set_t all, chosen;
  if (sched_getaffinity(0, sizeof(all), &all) != 0) return;
  CPU_ZERO(&chosen);
  for (size_t cpu = CPU_SETSIZE; cpu > 0 && cpus > 0; --cpu) {
    if (!CPU_ISSET(cpu - 1, &all)) continue;
    CPU_SET(cpu - 1, &chosen);
    --cpus;
  }
  if (sched_setaffinity(0, sizeof(chosen), &chosen) != 0) return;
  saved_.assign(reinterpret_cast<const char*>(&all), sizeof(all));
}

PinnedThread::~PinnedThread() {
  if (saved_.size() != sizeof(cpu_set_t)) return;
  cpu_set_t all;
  std::memcpy(&all, saved_.data(), sizeof(all));
  sched_setaffinity(0, sizeof(all), &all);
}

}  // namespace kith::bench

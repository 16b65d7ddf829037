// links: kith_crash_support
// Goal: no sequence of calls, crashes and restarts makes a database answer otherwise than a std::map would,
// lose what it promised to keep, or fail to open. Method: tests/crash/api_sequence.h.
#include <cstdio>
#include <cstdlib>

#include "base/log.h"
#include "tests/crash/api_sequence.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool kQuiet = [] {
    kith::set_log_options({kith::LogLevel::kOff, false});
    return true;
  }();
  kith::crash::SequenceCounts counts;
  const std::string problem = kith::crash::run_sequence({data, size}, counts);
  if (problem.empty()) return kQuiet ? 0 : 1;
  std::fprintf(stderr, "%s\n", problem.c_str());
  std::abort();
}

#include "bench/harness/options.h"

#include <cstdio>

namespace kith::bench {

int finish_report(const Result<Report>& report, const CommonOptions& options) {
  if (!report.ok()) {
    std::fprintf(stderr, "error: %s\n", report.error().message.c_str());
    return 1;
  }
  std::fputs(report->to_text().c_str(), stdout);
  if (options.json.empty()) return 0;
  Result<void> written = report->write(posix_file_system(), options.json);
  if (written.ok()) return 0;
  std::fprintf(stderr, "error: %s\n", written.error().message.c_str());
  return 1;
}

}  // namespace kith::bench

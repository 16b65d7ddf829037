// The crash tests as jobs of the report: they run for their counts, with as many points as asked, and leave
// those in the JSON of their test (tests/crash/job_counts.h).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "bench/recovery/suite.h"

namespace kith::bench {

struct JobOutcome {
  std::map<std::string, double> counts;  // by "job/figure"
  std::string failed;                    // the first failure, as the test says it
};
/// From what gtest wrote. InvalidArgument when it is none of its.
Result<JobOutcome> read_job_outcome(std::string_view json);

/// Figures recovery/<job>/points, lost_acknowledged, silently_wrong, failed_opens. A note alone where the
/// tests were not built.
Result<void> run_jobs(const RecoveryOptions& options, const std::string& parent, Report& report);

}  // namespace kith::bench

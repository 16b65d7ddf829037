// Opening after a clean stop and after a kill, each in a process that has not seen the directory before.
#pragma once

#include "bench/recovery/suite.h"

namespace kith::bench {

/// A child loads the set into `directory`, settles and closes. Figures load_s, settle_s, close_s and those of
/// the disk.
Result<void> load_directory(const RecoveryOptions& options, const BenchSet& set, const std::string& directory,
                            Report& report);

/// Children open it, with its files in the page cache and without. Figures open_clean_s, open_clean_cold_s.
Result<void> measure_clean_opens(const RecoveryOptions& options, const std::string& directory,
                                 Report& report);

/// Children write into directories of their own below `parent` until they are killed, at random moments after
/// all rows are in; others open what is left and look whether all is there. Figures open_after_kill_s and
/// those of the job kill_under_load.
Result<void> measure_opens_after_kills(const RecoveryOptions& options, const BenchSet& set,
                                       const std::string& parent, Report& report);

}  // namespace kith::bench

// What checkpoints cost: time, bytes, and the searches beside them.
#pragma once

#include "bench/recovery/suite.h"

namespace kith::bench {

/// Takes away the checkpoints of the loaded `directory`, so that its open shows what they save and the next
/// one writes everything; then searches with one thread while another upserts a few points and either takes a
/// checkpoint, again and again, or sleeps as long as one takes: windows of both, in turns. Figures
/// open_without_checkpoint_s, rebuild_s, checkpoint_*, search_p99_*.
Result<void> measure_checkpoints(const RecoveryOptions& options, const BenchSet& set,
                                 const std::string& directory, Report& report);

}  // namespace kith::bench

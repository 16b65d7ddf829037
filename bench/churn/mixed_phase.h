// MixedPhase: some seconds of searches by one thread, one after another, and of writes by another.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/churn/mixed_history.h"
#include "bench/churn/mixed_side.h"

namespace kith::bench {

/// What the writing thread does. kReplace: the rows whose vectors are oldest get others. kInsert: further
/// rows come.
enum class MixedWrites : uint8_t { kNone, kReplace, kInsert };

struct MixedPhaseSpec {
  double seconds = 0;
  MixedWrites writes = MixedWrites::kNone;
  size_t batch = 1;           // rows a call
  double rows_per_s = 0;      // arrive, whether or not those before are done; 0: a call follows the last
  double searches_per_s = 0;  // likewise
  size_t judged = 0;          // answers that are kept, evenly over the time
  size_t look_every = 1;      // calls after whose return one of their rows is searched for
};

/// Latencies are from when a call was due, in microseconds.
struct MixedPhase {
  std::vector<double> searches;
  std::vector<double> search_cpu;  // what the searching thread worked for each: no waits in it
  std::vector<double> writes;
  std::vector<MixedAsked> judged;
  double seconds = 0;         // of searching
  double write_seconds = 0;   // from the first write being due until the last has returned
  double settle_seconds = 0;  // from then, or the end of the searches if that is later, until all are settled
  uint64_t rows_written = 0;
  uint64_t looked = 0;
  uint64_t not_searchable =
      0;  // rows that the k nearest of their own vector did not have, of those looked for
};

/// A side and where its writer stands.
struct MixedState {
  MixedSide& side;
  MixedHistory& history;
  const MixedRows& rows;
  VectorBlock queries;
  size_t rows_max = 0;  // that may be there
  size_t rows_now = 0;
  size_t oldest = 0;      // the next row to be replaced
  size_t next_query = 0;  // of the searching thread
};

inline constexpr uint32_t kMixedNearest = 10;

Result<MixedPhase> run_mixed_phase(MixedState& state, const MixedPhaseSpec& spec);

}  // namespace kith::bench

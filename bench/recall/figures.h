// Reads the figures of one set off what was built and swept, and adds them to the report. Each of ours stands
// beside the rival variant that is best at that figure, and the report names it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "bench/harness/result.h"
#include "bench/harness/sweep.h"
#include "bench/recall/runners.h"

namespace kith::bench {

inline constexpr double kRecallLevels[] = {0.90, 0.95, 0.99, 0.999};

/// Everything measured of one contestant.
struct Measured {
  std::string name;  // as people read it: "hnsw", "hnswlib M16"
  std::string slug;  // as in figure names: "hnsw", "hnswlib-m16"
  BuildFigures build;
  Curve curve;                           // one thread
  std::optional<double> threaded_qps;    // at recall 0.95 on `threads` threads
  std::optional<CurvePoint> by_default;  // with the kind's default effort; ours only
  std::optional<double> batch_qps;       // of the kind's own batch call; ours only
};

struct SetMeasured {
  std::string set;
  size_t threads = 2;
  std::vector<Measured> ours;
  std::vector<Measured> rivals;
};

/// Adds `recall/<set>/<slug>/<figure>` for all contestants, and ours of the default kind once more as `best`.
/// A level that was not reached gives a note.
Result<void> add_figures(const SetMeasured& measured, Report& report);

}  // namespace kith::bench

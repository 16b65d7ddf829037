// Runbook: which rows of a data set leave an index and which come, cycle by cycle, so that one can see what
// churn does to it. A runbook is a JSON file of rules (runbooks/); the steps follow from them, the rows and a
// seed. Its kinds are those of the streaming track of big-ann-benchmarks (Simhadri et al., "Results of the
// Big ANN: NeurIPS'23 competition", 2024), and clusters that leave and return.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/vector_view.h"

namespace kith::bench {

struct Runbook {
  enum class Come : uint8_t { kShuffled, kStored, kPrincipal };  // the last: along the first principal axis
  enum class Leave : uint8_t { kOldest, kRandom, kExpired, kClusters };

  std::string name;  // of the file
  std::string about;
  size_t rows = 0;  // that are there before the first cycle, and about as many after each
  size_t cycles = 0;
  double share = 0;  // of the rows that are there: how many leave in a cycle, and as many come
  Come come = Come::kShuffled;
  Leave leave = Leave::kOldest;
  uint64_t seed = 0;
};

/// Numbers of rows of the data set. In one cycle no row is in both.
struct Cycle {
  std::vector<uint32_t> leave;
  std::vector<uint32_t> come;
};

struct Schedule {
  std::vector<uint32_t> first;
  std::vector<Cycle> cycles;
};

/// InvalidArgument naming file and field.
Result<Runbook> read_runbook(const std::string& path);

/// The steps on these rows, packed f32. Rows that came and went come again where the set has no others left,
/// the longest gone first. InvalidArgument where the set is too small for even that.
Result<Schedule> schedule_of(const Runbook& runbook, VectorBlock rows);

}  // namespace kith::bench

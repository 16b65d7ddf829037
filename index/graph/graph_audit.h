// What an audit of a graph index needs: how its layer-0 graph hangs together. For tests, `kith verify` and
// metrics; walks the whole graph, so costs about a scan of the adjacency.
#pragma once

#include "index/index.h"

namespace kith {

struct GraphAudit {
  uint64_t nodes = 0;        // linked vectors, chained ones included
  uint64_t chained = 0;      // vectors that hang at an equal one
  uint64_t edges = 0;        // of layer 0
  uint64_t unreachable = 0;  // live linked vectors that no path on layer 0 from the entry leads to
  uint32_t entry_level = 0;
  std::vector<uint64_t> degrees;  // [d] = nodes of the graph with d neighbours on layer 0
  std::vector<uint64_t> levels;   // [l] = nodes of the graph whose level is l
  std::vector<Row> examples;      // of unreachable rows, at most 16
};

/// InvalidArgument when `index` is no graph. Concurrent with everything; exact while nothing changes.
Result<GraphAudit> audit_graph(const Index& index);

}  // namespace kith

// What an audit of a graph index needs: how its layer-0 graph hangs together. For tests, `kith verify` and
// metrics; walks the whole graph, so costs about a scan of the adjacency.
#pragma once

#include "index/index.h"

namespace kith {

/// InvalidArgument when `index` is no graph. Concurrent with everything; exact while nothing changes.
Result<GraphAudit> audit_graph(const Index& index);

}  // namespace kith

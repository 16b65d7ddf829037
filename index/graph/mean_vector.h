// The mean of stored vectors, as a query: walks of kinds without levels begin near it (Vamana's medoid; NSG's
// navigating node).
#pragma once

#include "index/vector_store.h"

namespace kith {

/// Of at most 1,024 of nodes [0, nodes), nodes ≥ 1, chosen by the seed; in the form kernels want a query.
/// Fails where vectors cannot be read back from disk.
Result<std::vector<std::byte>> mean_of_sample(const VectorStore& vectors, Node nodes, uint64_t seed);

}  // namespace kith

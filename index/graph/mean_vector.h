// The mean of stored vectors, as a query: walks of kinds without levels begin near it (Vamana's medoid; NSG's
// navigating node).
#pragma once

#include <functional>

#include "index/vector_store.h"

namespace kith {

/// Of at most 1,024 of nodes [0, nodes), nodes ≥ 1, chosen by the seed, those that `counts`; in the form
/// kernels want a query. Fails where there is none, and where vectors cannot be read back from disk.
Result<std::vector<std::byte>> mean_of_sample(const VectorStore& vectors, Node nodes, uint64_t seed,
                                              const std::function<bool(Node)>& counts);

}  // namespace kith

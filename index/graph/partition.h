// Random hierarchical partitions: rows are split by which of two of them, drawn by chance, is nearer, until
// the parts are small (HCNNG: Muñoz, Gonçalves, Dias, Torres, Pattern Recognition 2019). Near rows mostly
// share a leaf.
#pragma once

#include <functional>
#include <span>

#include "base/random.h"
#include "index/vector_store.h"

namespace kith {

/// Reorders `nodes` and calls `leaf` with parts of them of at most `leaf_max` (≥ 2); every node is in one.
void partition(const VectorStore& vectors, std::span<Node> nodes, size_t leaf_max, Random& random,
               const std::function<void(std::span<const Node>)>& leaf);

}  // namespace kith

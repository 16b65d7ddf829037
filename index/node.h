// Node: an index's own dense number of a vector, in the order in which vectors were added. Rows (a
// collection's numbers) may have holes; nodes have none, so memory follows the vectors that are there.
#pragma once

#include <cstdint>

namespace kith {

using Node = uint32_t;
inline constexpr Node kNoNode = 0xffffffffu;
/// The highest bit of a node number is free for marks in candidate pools.
inline constexpr uint64_t kNodesMax = uint64_t{1} << 31;

}  // namespace kith

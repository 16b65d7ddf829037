// What checkpoints of a graph with labels=nested (nested_store.h) have besides: a section of main
//
//   LNAV  u32 groups, then per group, by their sets ascending: u32 set (as in LNOD), u32 start, u32 rows that
//         could not be joined to the others, u32 count and that many u32 numbers of groups, ascending, from
//         which edges that stay lead into it; then u32 merged sets, per set, ascending, u32 set, u32 its
//         group
//   NSUM  checksums of the extents of nested lists
//
// and extents `nested`: for each node in turn, in bits, inside and then above
//
//   6  neighbours; per neighbour b + 1: twice its number, plus 1 where the edge is forced, of 16 at most; b =
//      bits of the highest node
//
// Groups that began while the checkpoint was taken are left out, their rows are linked again after opening.
#pragma once

#include "index/extent_file.h"
#include "index/graph/graph_store.h"
#include "index/section_file.h"

namespace kith {

inline constexpr ExtentKind kNestedExtents{"nested", "KITHNEST", 1};
using EqualPairs =
    std::span<const std::pair<Node, Node>>;  // representative and member, chains in their order

/// Of linked nodes those that have lists of their own: all but those in chains, and of these the first with
/// each set of labels that the chain's representative does not have.
NodeBits nested_nodes(NodeBits linked, EqualPairs equals, const LabelTable& labels);

/// `number`: by the table's own numbers those of LNOD, 0 for none. Which groups were written comes back, by
/// the table's own numbers: without those that began meanwhile.
Result<NodeBits> write_groups(SectionFileWriter& main, const LabelGroups& groups, const NodeBits& nodes,
                              std::span<const uint32_t> number);
/// Of edges those that a reader who knows of the groups `written` alone will let pass.
Result<void> write_nested_lists(CheckpointOutput& out, SectionFileWriter& main, const GraphStore& graph,
                                const NodeBits& nodes, const NodeBits& written);

/// Places the nodes of a graph in their groups and merges sets. The groups, which are to begin when nodes are
/// linked, come back. `numbers`: the table's own, by those of LNOD.
Result<std::vector<LabelGroups::Group>> read_groups(const SectionFile& main, const NodeBits& nodes,
                                                    std::span<const LabelSetNumber> numbers,
                                                    GraphStore& graph);
/// After that. All that is given outlives the jobs. Edges that lead elsewhere than labels allow are
/// Corruption.
Result<void> read_nested_lists(const CheckpointInput& in, const SectionFile& main, const NodeBits& nodes,
                               GraphStore& graph, std::vector<OpenJob>& jobs);

}  // namespace kith

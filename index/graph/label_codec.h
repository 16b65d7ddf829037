// Labels in the `main` of a graph's checkpoint, where the graph has them (graph_codec.h):
//
//   LSET  u32 sets, then per set u32 count and that many u32 labels, ascending: those that rows carry, in the
//         order in which rows come to carry them, each once. Set 0, not among them, is that of no labels
//   LNOD  u32 w, then n × w bits (bit_stream.h): the set of each vector, set i of LSET as i + 1
//   LSTA  u32 1 where the trees of labels are whole, else 0: edges to nodes that were being linked are left
//         out, or some lead through nodes that were walked by labels of rows that have left their chains; per
//         label, ascending, u32 label, u32 start, u32 rows that could not be joined to the others
//
// By which sets nodes are walked follows from these and the chains of EQUL, with labels=nested from the
// groups (nested_codec.h), which follow. labels=fused has no starts.
#pragma once

#include "index/graph/nested_codec.h"
#include "index/section_file.h"

namespace kith {

/// `members` of the graph, and the chains that hang at them: a start that is not among them is left out. With
/// labels=nested all nodes that have lists there, and the groups that were written come back (write_groups).
Result<NodeBits> write_labels(SectionFileWriter& main, const GraphStore& graph, const NodeBits& members,
                              std::span<const std::pair<Node, Node>> equals, bool at_rest);

struct LabelStarts {
  bool at_rest = false;
  std::vector<LabelStart> starts;          // the entries of LSTA
  std::vector<LabelGroups::Group> groups;  // with labels=nested
};

/// Fills the table, empty so far, with sets and those of nodes; the table's numbers of the sets of LSET, that
/// of no labels first.
Result<std::vector<LabelSetNumber>> read_label_sets(const SectionFile& main, Node nodes, LabelTable& labels);
/// After that the starts, to be claimed when nodes are linked. `members` as above.
Result<LabelStarts> read_label_starts(const SectionFile& main, const NodeBits& members,
                                      std::span<const LabelSetNumber> numbers, GraphStore& graph);

}  // namespace kith

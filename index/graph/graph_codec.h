// Checkpoints of graph kinds: the frame of section_file.h with the kind's magic, the common sections of
// checkpoint.h, and
//
//   HEAD  u32 links, u32 degree (0: 2 links), u64 entry: node + 1, or 0 when there is none; u64 zero node
//         likewise; u64 pairs in EQUL
//   LINK  ceil(n / 8) bytes, bit i (lowest first) set when vector i is linked; the rest waits and is linked
//         after opening
//   LIST  n × degree × u32, layer 0: node + 1, 0 from the end of the list on; empty for vectors in a chain
//   MARK  n × (1 + ceil(degree / 8)) bytes: checked entries, forced bits (ListMarks)
//   UPPR  for each vector in turn, for each layer from 1 to its level: links × u32 likewise. Levels follow
//         from seed and links; kinds without levels have none
//   EQUL  pairs u32 representative, u32 member: chains of equal vectors in their order
//   CODE, CROW  where walks are on codes, see CodeStore::write
//
// Linkers need not pause: what is linked is fixed first, then each list is copied under its lock and edges to
// vectors not yet linked then are left out; what cannot be reached without these is linked again after
// opening. Opening checks every number: a node is below n, linked and in the graph (not in a chain), an upper
// neighbour has that level, no vector is in two chains.
#pragma once

#include "index/checkpoint.h"
#include "index/graph/graph_store.h"

namespace kith {

Result<void> write_graph(FileSystem& fs, const std::string& path, const GraphKind& kind,
                         const IndexSpec& spec, Node nodes, const RowTable& rows, const GraphStore& graph);

Result<SectionFile> open_graph_file(FileSystem& fs, const std::string& path, const GraphKind& kind);
/// Compares section lengths with what `nodes` vectors need, before memory is taken for them.
Result<void> check_graph_lengths(const SectionFile& file, Node nodes, const GraphStore& graph);
/// Fills `graph`, grown to `nodes` and otherwise empty.
Result<void> read_graph(const SectionFile& file, Node nodes, GraphStore& graph);

}  // namespace kith

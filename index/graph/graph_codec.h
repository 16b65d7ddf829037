// Checkpoints of graph kinds: `main` in the frame of section_file.h with the kind's magic, the common
// sections of checkpoint.h and
//
//   HEAD  u32 links, u32 degree (0: 2 links), u64 entry: node + 1, or 0 when there is none; u64 zero node
//         likewise
//   LINK  ceil(n / 8) bytes, bit i (lowest first) set when vector i is linked; the rest waits and is linked
//         after opening
//   EQUL  pairs u32 representative, u32 member: chains of equal vectors in their order
//   LSUM  checksums of the extents of lists (list_codec.h)
//   LSET, LNOD, LSTA  where rows carry labels (label_codec.h)
//   LNAV, NSUM  with labels=nested (nested_codec.h)
//   CODE, CSUM  where walks are on codes, see CodeStore::write
//
// Linkers need not pause: what is linked is fixed first, then each list is copied under its lock and edges to
// vectors not yet linked then are left out; what cannot be reached without these is linked again after
// opening.
#pragma once

#include "index/checkpoint.h"
#include "index/graph/list_codec.h"

namespace kith {

namespace graph_section {
inline constexpr uint32_t kHead = section_tag("HEAD");
inline constexpr uint32_t kLink = section_tag("LINK");
inline constexpr uint32_t kEqual = section_tag("EQUL");
inline constexpr uint32_t kListSums = section_tag("LSUM");
}  // namespace graph_section

inline constexpr ExtentKind kListExtents{"lists", "KITHLIST", 1};

/// Links and degree as HEAD says them.
struct GraphShape {
  uint32_t links;
  uint32_t degree;  // 0 for the usual one
  explicit GraphShape(const GraphOptions& options)
      : links(options.links), degree(options.degree == 2 * options.links ? 0 : options.degree) {}
};

Result<void> write_graph(CheckpointOutput& out, const GraphKind& kind, const IndexSpec& spec, Node nodes,
                         const RowTable& rows, const GraphStore& graph);

/// Its `main`.
Result<SectionFile> open_graph_file(const CheckpointInput& in, const GraphKind& kind);

}  // namespace kith

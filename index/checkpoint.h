// The sections that checkpoints of all kinds share, in the frame of section_file.h:
//
//   SPEC  u8 metric, u8 type, u16 0, u32 dim, u64 seed, u64 vectors n, u32 options, then per option u32
//   length and text of
//         name and value
//   ROWS  n × u32, ascending
//   DEAD  ceil(n / 8) bytes, bit i (lowest first) set when vector i is removed
//   VECS  n × vector_bytes(type, dim), as stored (vector_store.h)
#pragma once

#include "index/row_table.h"
#include "index/section_file.h"
#include "index/vector_store.h"

namespace kith {

constexpr uint32_t section_tag(const char (&name)[5]) {
  return static_cast<uint32_t>(name[0]) | static_cast<uint32_t>(name[1]) << 8 |
         static_cast<uint32_t>(name[2]) << 16 | static_cast<uint32_t>(name[3]) << 24;
}

/// Writes the four sections for the first `nodes` nodes.
Result<void> write_common(SectionFileWriter& writer, const IndexSpec& spec, Node nodes, const RowTable& rows,
                          const VectorStore& vectors);

struct CheckpointSpec {
  IndexSpec spec;  // kind and pool are the caller's to set
  Node nodes = 0;
};

/// Reads SPEC and checks that ROWS, DEAD and VECS have the lengths it implies.
Result<CheckpointSpec> read_spec(const SectionFile& file);
/// Fills `rows` and `vectors`, both empty. Vectors of nodes below `settled` need not stay in memory where
/// they have a file.
Result<void> read_common(const SectionFile& file, Node nodes, RowTable& rows, VectorStore& vectors,
                         Node settled = 0);

}  // namespace kith

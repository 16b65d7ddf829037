// What checkpoints of all kinds share: the file `main`, in the frame of section_file.h, with
//
//   SPEC  u8 metric, u8 type, u16 0, u32 dim, u64 seed, u64 vectors n, u32 options, then per option u32
//         length and text of name and value
//   ROWS  u32 w, then n × w bits (bit_stream.h): how many rows are left out before each, ascending
//   ROWN  instead, where rows do not ascend: the row of each
//   DEAD  ceil(n / 8) bytes, bit i (lowest first) set when vector i is removed
//   VSUM  checksums of the extents of vectors
//
// and extents of vectors (extent_file.h): vector_bytes(type, dim) each, as stored (vector_store.h).
#pragma once

#include "index/extent_file.h"
#include "index/node_bits.h"
#include "index/row_table.h"
#include "index/vector_store.h"

namespace kith {

inline constexpr const char* kMainFile = "main";

/// Writes the vectors of the first `nodes` nodes; their checksums.
Result<std::vector<uint32_t>> write_vectors(CheckpointOutput& out, Node nodes, const VectorStore& vectors);
/// Writes the four sections for them.
Result<void> write_common(SectionFileWriter& main, const IndexSpec& spec, Node nodes, const RowTable& rows,
                          std::span<const uint32_t> vector_sums);

/// A section that says something of each node.
Result<void> write_bits(SectionFileWriter& main, uint32_t tag, const NodeBits& bits);
Result<NodeBits> read_bits(const SectionFile& main, uint32_t tag, Node nodes);

struct CheckpointSpec {
  IndexSpec spec;  // kind and what a CheckpointContext gives are the caller's to set
  Node nodes = 0;
};

/// Reads SPEC and checks that there are as many vectors as it says, before memory is taken for them.
Result<CheckpointSpec> read_spec(const CheckpointInput& in, const SectionFile& main);
/// Fills `rows`, which is empty.
Result<void> read_rows(const SectionFile& main, Node nodes, RowTable& rows);

/// Fills a store, grown to `nodes` and otherwise empty, with the extents of a checkpoint.
class VectorReader {
 public:
  /// All that it is given outlives it.
  static Result<VectorReader> open(const CheckpointInput& in, const SectionFile& main, Node nodes,
                                   VectorStore& vectors);
  uint32_t extents() const { return cut_.size(); }
  Extent extent(uint32_t number) const { return cut_[number]; }
  /// Any threads, each extent once.
  Result<void> read(uint32_t extent) const;
  /// All, one after another, for a store that leaves memory and has a file: nodes below `settled` need not
  /// stay in memory.
  Result<void> read_to_file(Node settled) const;

 private:
  VectorReader(const CheckpointInput& in, Node nodes, VectorStore& vectors)
      : in_(&in), vectors_(&vectors), cut_(nodes, vectors.space().bytes()) {}
  template <typename After>
  Result<void> read(const Extent& extent, After after) const;

  const CheckpointInput* in_;
  VectorStore* vectors_;
  ExtentCut cut_;
  std::vector<uint32_t> sums_;
};

}  // namespace kith

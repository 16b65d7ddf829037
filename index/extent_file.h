// Extent files: what an index keeps of its nodes (vectors, codes, lists), a run of nodes in a file of its own
// beside `main`. A file is named after what it holds, the extent's number, how many nodes it has (that a node
// without a list is there does not show in the content) and the CRC-32C of its content:
// `vectors-3-65536-89abcdef`. So the file of that name and length in the checkpoint before, whoever wrote it,
// is this extent and is kept: what has not changed is not written again. `main` lists the checksums.
//
// The frame of section_file.h around two sections:
//   EXTN  u32 number, u32 nodes
//   DATA  as the kind of extent says
#pragma once

#include <algorithm>
#include <functional>

#include "base/thread_pool.h"
#include "index/node.h"
#include "index/section_file.h"

namespace kith {

/// What extents hold: a word for their names, and the frame's magic and version.
struct ExtentKind {
  std::string_view name;
  std::string_view magic;
  uint32_t version;
};

/// Nodes [first, end), those of one file.
struct Extent {
  uint32_t number;
  Node first;
  Node end;
  Node nodes() const { return end - first; }
};

/// How nodes [0, nodes) are cut, where each takes at most about `bytes`: 65,536 to a file, or half as many as
/// often as needed for 32 MiB, but at least 1,024. Such a run never leaves an extent of an ExtentStore.
class ExtentCut {
 public:
  ExtentCut(Node nodes, size_t bytes) : nodes_(nodes) {
    while (step_ > 1024 && step_ * bytes > size_t{32} << 20) step_ /= 2;
  }
  uint32_t size() const { return static_cast<uint32_t>((nodes_ + step_ - 1) / step_); }
  Extent operator[](uint32_t number) const {
    const uint64_t first = number * step_;
    return {number, static_cast<Node>(first), static_cast<Node>(std::min(nodes_, first + step_))};
  }
  /// Of the extent that has the node.
  uint32_t number(Node node) const { return static_cast<uint32_t>(node / step_); }
  /// Whether nodes to come go to other extents.
  bool full(const Extent& extent) const { return extent.nodes() == step_; }

 private:
  uint64_t nodes_;
  uint64_t step_ = 65'536;
};

using ByteSink = std::function<Result<void>(std::span<const std::byte>)>;
/// Gives an extent's content to a sink, part after part: the same bytes whenever it is called.
using ByteSource = std::function<Result<void>(const ByteSink&)>;

Result<uint32_t> checksum_of(const ByteSource& source);

/// Makes the file of an extent part of the checkpoint: that of the checkpoint before, or a new one. `sum` is
/// the checksum of the `length` bytes that `source` gives.
Result<void> write_extent(CheckpointOutput& out, const ExtentKind& kind, const Extent& extent, uint32_t sum,
                          uint64_t length, const ByteSource& source);
/// Corruption naming the file unless it is whole and holds these nodes with that checksum in DATA.
Result<SectionFile> open_extent(const CheckpointInput& in, const ExtentKind& kind, const Extent& extent,
                                uint32_t sum);
inline constexpr uint32_t kExtentData = section_tag("DATA");

/// A section of main: the checksums of all extents of a kind.
Result<void> write_sums(SectionFileWriter& main, uint32_t tag, std::span<const uint32_t> sums);
Result<std::vector<uint32_t>> read_sums(const SectionFile& main, uint32_t tag, const ExtentCut& cut);

/// A part of opening a checkpoint; those of one list may run at once.
using OpenJob = std::function<Result<void>()>;
/// Runs all, on the pool too where there is one, until the first error.
Result<void> run_jobs(ThreadPool* pool, std::span<const OpenJob> jobs);

}  // namespace kith

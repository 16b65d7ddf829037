// CodeStore: the codes of an index's vectors, one record a node, in extents like the vectors themselves. A
// record is written before its node can be met in any list, and not again until the node is another row's.
#pragma once

#include <memory>

#include "index/codes/vector_code.h"
#include "index/extent_file.h"
#include "index/extent_store.h"
#include "index/node_bits.h"
#include "index/vector_store.h"

namespace kith {

class CodeStore {
 public:
  CodeStore(const VectorSpace& space, std::unique_ptr<VectorCode> code, uint32_t version)
      : code_(std::move(code)), type_(space.type), version_(version), extents_(stride_for(code_->bytes())) {}

  /// "none" or "rabitq1" to "rabitq8"; bits 0 stands for none. InvalidArgument otherwise.
  static Result<uint32_t> parse_bits(std::string_view text);
  /// Whether vectors of this space can be coded so that raw distances are estimated.
  static bool serves(const VectorSpace& space);
  /// Trains on at most 16,384 of nodes [0, nodes), evenly spread.
  static Result<std::unique_ptr<CodeStore>> train(const VectorStore& vectors, Node nodes, uint32_t bits,
                                                  uint64_t seed);
  /// On vectors, packed; those that are no measure for the others leave the sample, which keeps one at least.
  static Result<std::unique_ptr<CodeStore>> train_on(const VectorSpace& space, std::vector<float>& sample,
                                                     uint32_t bits, uint64_t seed, uint32_t version);

  Result<void> grow(uint64_t count) { return extents_.grow(count); }
  /// Any threads, each node by one at a time. `vector` as it is stored.
  void encode(Node node, const void* vector);
  /// Mean squared distance between packed vectors and what their codes stand for.
  double distortion(std::span<const float> vectors) const;

  const VectorCode& code() const { return *code_; }
  /// Counts the trainings of the index: its first code is 1.
  uint32_t version() const { return version_; }
  const ExtentStore& extents() const { return extents_; }

  /// To a checkpoint: section CODE of main (u32 bits, u32 version, what training found), extents `codes` (the
  /// row of each node, zeros unless linked), section CSUM with their checksums.
  Result<void> write(CheckpointOutput& out, SectionFileWriter& main, const NodeBits& linked) const;
  /// Null when there are none. The rows are left to `jobs`, before the end of which the store is not to be
  /// used; `in` outlives them.
  static Result<std::unique_ptr<CodeStore>> read(const CheckpointInput& in, const SectionFile& main,
                                                 const VectorSpace& space, Node nodes, uint64_t seed,
                                                 std::vector<OpenJob>& jobs);

 private:
  Result<void> read_rows(const CheckpointInput& in, const Extent& extent, uint32_t sum);

  /// Whole cache lines where that wastes at most an eighth.
  static size_t stride_for(size_t bytes) {
    const size_t lines = (bytes + 63) / 64 * 64;
    return lines - bytes <= lines / 8 ? lines : bytes;
  }

  std::unique_ptr<VectorCode> code_;
  ScalarType type_;  // of vectors as they are stored
  uint32_t version_;
  ExtentStore extents_;
};

}  // namespace kith

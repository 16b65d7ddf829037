// CodeStore: the codes of an index's vectors, one record a node, in extents like the vectors themselves. A
// record is written before its node can be met in any list, and never again.
#pragma once

#include <memory>

#include "index/codes/vector_code.h"
#include "index/extent_store.h"
#include "index/section_file.h"
#include "index/vector_store.h"

namespace kith {

class CodeStore {
 public:
  explicit CodeStore(std::unique_ptr<VectorCode> code)
      : code_(std::move(code)), extents_(stride_for(code_->bytes())) {}

  /// "none" or "rabitq1" to "rabitq8"; bits 0 stands for none. InvalidArgument otherwise.
  static Result<uint32_t> parse_bits(std::string_view text);
  /// Whether vectors of this space can be coded so that raw distances are estimated.
  static bool serves(const VectorSpace& space);
  /// Trains on at most 16,384 of nodes [0, nodes), evenly spread.
  static Result<std::unique_ptr<CodeStore>> train(const VectorStore& vectors, Node nodes, uint32_t bits,
                                                  uint64_t seed);

  Result<void> grow(uint64_t count) { return extents_.grow(count); }
  /// Any threads, each node once.
  void encode(Node node, const VectorStore& vectors);

  const VectorCode& code() const { return *code_; }
  const ExtentStore& extents() const { return extents_; }

  /// Sections CODE (u32 bits, u32 0, what training found) and CROW (nodes × bytes, zeros unless linked) of a
  /// checkpoint.
  Result<void> write(SectionFileWriter& writer, const std::vector<bool>& linked) const;
  /// Null when the file has none.
  static Result<std::unique_ptr<CodeStore>> read(const SectionFile& file, const VectorSpace& space,
                                                 Node nodes, uint64_t seed);

 private:
  /// Whole cache lines where that wastes at most an eighth.
  static size_t stride_for(size_t bytes) {
    const size_t lines = (bytes + 63) / 64 * 64;
    return lines - bytes <= lines / 8 ? lines : bytes;
  }

  std::unique_ptr<VectorCode> code_;
  ExtentStore extents_;
};

}  // namespace kith

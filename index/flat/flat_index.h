// Index kind `flat`: every query measures every row that may be returned; exact.
//
// One query goes through the rows in blocks: the batch kernel writes a block of distances, those under the
// bound of the k nearest so far enter it. Many queries over f32 go through OpenBLAS (flat_batch.h).
#pragma once

#include <memory>

#include "index/row_table.h"
#include "index/top_k.h"
#include "index/vector_store.h"

namespace kith {

extern const IndexKind kFlatKind;

class FlatIndex final : public Index {
 public:
  static Result<std::unique_ptr<FlatIndex>> create(const IndexSpec& spec);
  static Result<std::unique_ptr<FlatIndex>> open(const CheckpointInput& in, const CheckpointContext& context);

  Result<void> add(std::span<const Row> rows, VectorBlock vectors) override;
  Result<void> remove(Row row) override;
  Result<SearchAnswer> search(const SearchRequest& request) const override;
  Result<void> checkpoint(CheckpointOutput& out) const override;
  IndexMemory memory() const override;
  IndexStats stats() const override;

  Result<SearchAnswer> range_search(const RangeRequest& request) const;
  Result<std::vector<SearchAnswer>> search_batch(VectorBlock queries, const SearchRequest& request) const;

 private:
  friend class FlatBatch;

  FlatIndex(const IndexSpec& spec, const VectorSpace& space);
  /// Measures all returnable rows; `top` keeps the nearest, in raw distances.
  Result<void> scan(const VectorView& query, const RowSet* allowed, Node nodes, const Stop& stop, TopK& top,
                    SearchStats& stats) const;
  SearchAnswer answer_of(TopK& top, const SearchStats& stats) const;

  IndexSpec spec_;
  VectorStore vectors_;
  ExtentArray<float> norms_;  // squared lengths, for batches; f32 with L2 only
  RowTable rows_;
};

}  // namespace kith

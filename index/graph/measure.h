// Measure: one way to take distances among stored nodes and from queries to them: on the full vectors, or on
// their codes. Walks and pruning are the same on both; distances are raw ones (vector_store.h), exact or
// estimated.
#pragma once

#include "base/aligned_buffer.h"
#include "index/graph/code_store.h"
#include "index/graph/row_scorer.h"

namespace kith {

/// A query in the form a Measure wants it.
class MeasureQuery {
 public:
  KernelQuery& vector() { return vector_; }
  std::byte* reserve(size_t bytes) {
    if (prepared_.size() < bytes) prepared_ = AlignedBuffer::allocate(bytes).value();
    return prepared_.data();
  }
  /// What reserve gave last.
  const std::byte* prepared() const { return prepared_.data(); }
  /// The vector that it was prepared from, for as long as its owner keeps it.
  VectorView source() const { return source_; }
  void set_source(VectorView source) { source_ = source; }
  /// `elements` floats of working memory.
  float* floats(size_t elements) {
    if (floats_.size() < elements) floats_.resize(elements);
    return floats_.data();
  }

 private:
  KernelQuery vector_;
  AlignedBuffer prepared_;
  VectorView source_;
  std::vector<float> floats_;
};

/// On full vectors; `kernel_query` as KernelQuery makes it.
inline RowScorer exact_scorer(const VectorStore& vectors, const void* kernel_query) {
  return {vectors.extents(), kernel_query, vectors.space().kernel, vectors.space().dim, false};
}

class Measure {
 public:
  /// `codes` null: full vectors.
  Measure(const VectorStore& vectors, const CodeStore* codes) : vectors_(&vectors), codes_(codes) {}

  const VectorSpace& space() const { return vectors_->space(); }
  const void* row(Node node) const {
    return codes_ == nullptr ? (*vectors_)[node] : codes_->extents().at(node);
  }

  /// From a vector in the kernel's form (KernelQuery), exact whatever rows are.
  RowScorer from_vector(const void* kernel_query, MeasureQuery& query) const {
    if (codes_ == nullptr) return exact_scorer(*vectors_, kernel_query);
    std::byte* prepared = query.reserve(codes_->code().query_bytes());
    const ScalarType type = query_type(space().type);
    query.set_source({static_cast<const std::byte*>(kernel_query), type, space().dim});
    const float* vector = static_cast<const float*>(kernel_query);
    if (type != ScalarType::kF32) {
      float* floats = query.floats(space().dim);
      to_f32(static_cast<const std::byte*>(kernel_query), space().dim, type, floats);
      vector = floats;
    }
    codes_->code().prepare(vector, prepared);
    return code_scorer(prepared);
  }
  RowScorer from_user(const VectorView& view, MeasureQuery& query) const {
    return from_vector(query.vector().from_user(space(), view), query);
  }
  /// From a stored node's vector.
  RowScorer from_node(Node node, MeasureQuery& query) const {
    return from_vector(query.vector().from_stored(space(), (*vectors_)[node]), query);
  }
  /// From what rows hold of a stored node: the cheapest way.
  RowScorer between(Node node, MeasureQuery& query) const {
    if (codes_ == nullptr)
      return exact_scorer(*vectors_, query.vector().from_stored(space(), (*vectors_)[node]));
    std::byte* prepared = query.reserve(codes_->code().query_bytes());
    codes_->code().prepare_stored(codes_->extents().at(node), prepared);
    query.set_source({(*vectors_)[node], space().type, space().dim});
    return code_scorer(prepared);
  }

  /// Of the candidate whose distance codes must tell (`blurred`).
  static constexpr size_t kBlurRank = 10;
  bool on_codes() const { return codes_ != nullptr; }
  Measure on_vectors() const { return {*vectors_, nullptr}; }
  /// Whether codes tell neighbours of the query apart no more: what an estimate errs by is no longer small
  /// beside the distance to `near`, which should be about the kBlurRank-th nearest to the query. It is so
  /// within clusters much tighter than they are far from the mean of all. Never where vectors leave memory:
  /// there is nothing to turn to.
  bool blurred(MeasureQuery& query, Node near) const;

 private:
  RowScorer code_scorer(const void* prepared) const {
    return {codes_->extents(), prepared, codes_->code().kernel(), space().dim, true};
  }

  const VectorStore* vectors_;
  const CodeStore* codes_;
};

}  // namespace kith

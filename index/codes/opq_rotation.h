// OpqRotation: the orthogonal matrix of optimised product quantisation (Ge, He, Ke, Sun, "Optimized Product
// Quantization for Approximate Nearest Neighbor Search", CVPR 2013, the non-parametric solution). Distances
// and inner products stay as they are, but the parts of a rotated vector depend less on each other and share
// the variance evenly, which is what a product of small codebooks is good at.
//
// Training starts from principal components dealt out so that the products of their variances are alike (the
// paper's parametric solution), then alternates: codebooks of the rotated vectors, a round of k-means; the
// rotation nearest to bringing the vectors to their codes (orthogonal Procrustes, by SVD).
#pragma once

#include <vector>

#include "base/result.h"
#include "index/codes/pq_codebook.h"

namespace kith {

class OpqRotation {
 public:
  /// `values`: dim rows of dim elements.
  OpqRotation(uint32_t dim, std::vector<float> values);

  /// Also leaves the codebook of the last round in `book`, whose sizes are set, as a start for its training.
  static Result<OpqRotation> train(PqCodebook& book, const float* vectors, size_t count, uint64_t seed);

  /// rotated = R vector; vector = transposed R rotated. `to` is another memory.
  void rotate(const float* vector, float* to) const;
  void rotate_back(const float* rotated, float* to) const;
  const std::vector<float>& values() const { return values_; }

 private:
  uint32_t dim_;
  std::vector<float> values_;
};

}  // namespace kith

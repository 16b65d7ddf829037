// PqCodebook: the product quantiser itself (Jégou, Douze, Schmid, "Product Quantization for Nearest Neighbor
// Search", TPAMI 2011, section II): a vector is cut into sub-vectors, and each is replaced by the number of
// its nearest centroid, 16 or 256 of them per sub-vector. Where the dimension is no multiple of the number of
// sub-vectors, the first ones have one dimension more.
//
// A table holds, for one query, its distance to every centroid of every sub-vector; the sum over a code's
// centroids is the distance to the vector the code stands for (section III, ADC).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "index/distance/distance.h"

namespace kith {

struct PqCodebook {
  PqCodebook() = default;
  PqCodebook(uint32_t of_dim, uint32_t of_subvectors, uint32_t of_bits);

  uint32_t dim = 0;
  uint32_t subvectors = 0;
  uint32_t bits = 8;  // 4: two numbers a byte, the even sub-vector's in the low half; 8: one

  /// Sub-vector s, from dimension first(s) on, at first(s) * centroids(): its centroids dimension by
  /// dimension.
  std::vector<float> columns;
  /// Mean squared distance of training vectors to their centroid, per sub-vector and centroid.
  std::vector<float> cell_errors;

  uint32_t centroids() const { return 1u << bits; }
  uint32_t first(uint32_t s) const { return s * (dim / subvectors) + std::min(s, dim % subvectors); }
  uint32_t dims(uint32_t s) const { return first(s + 1) - first(s); }
  size_t code_bytes() const { return (size_t{subvectors} * bits + 7) / 8; }
  size_t table_floats() const { return size_t{subvectors} * centroids(); }

  uint32_t number_at(const std::byte* code, uint32_t s) const {
    if (bits == 8) return std::to_integer<uint32_t>(code[s]);
    return std::to_integer<uint32_t>(code[s / 2]) >> (s % 2 * 4) & 15;
  }
  /// Element d (counted from first(s)) of a centroid.
  float element(uint32_t s, uint32_t centroid, uint32_t d) const {
    return columns[(size_t{first(s)} + d) * centroids() + centroid];
  }

  /// Finds the centroids of sub-vector s for packed vectors, from those there are when `warm`.
  /// InvalidArgument as train_kmeans.
  struct Rounds {
    uint32_t count = 25;
    uint64_t seed = 100;
    bool warm = false;
  };
  Result<void> train(uint32_t s, const float* vectors, size_t count, const Rounds& rounds);
  void measure_cell_errors(const float* vectors, size_t count);

  void encode(const float* vector, std::byte* code) const;
  void decode(const std::byte* code, float* vector) const;
  /// Raw distances of the vector's pieces to all centroids: table_floats() of them.
  void fill_table(Metric metric, const float* vector, float* table) const;
};

}  // namespace kith

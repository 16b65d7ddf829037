// FlatBatch: many queries at once over f32 rows, by matrix product.
//
// A tile of queries times a tile of rows is one sgemm; ‖q‖² + ‖x‖² − 2 q·x gives L2 from it. That sum
// cancels: its error is up to about dim · 2⁻²⁴ of the squared lengths, which can exceed the distance itself.
// So the product only excludes: a row whose approximate distance less the bound of its error is not below the
// k-th best exact distance so far is out; every other one is measured by the kernel, and only kernel
// distances enter the answer. Answers are those of one query at a time, but for the last bit of a distance
// (kernels add up a row in another order at the end of a list than within it). The error bound is the usual
// one of a dot product, γ = n u / (1 − n u) with u = 2⁻²⁴ (Higham, Accuracy and Stability of Numerical
// Algorithms, 2nd ed., §3.1), for any order of summation.
//
// Other element types, filtered requests and values out of float's range go one query at a time, on all
// threads.
#pragma once

#include <mutex>
#include <vector>

#include "index/flat/flat_index.h"

namespace kith {

/// ‖x‖² of an f32 row, 0 for other types.
float squared_norm(const VectorStore& vectors, Node node);

class FlatBatch {
 public:
  FlatBatch(const FlatIndex& index, VectorBlock queries, const SearchRequest& request);
  Result<std::vector<SearchAnswer>> run();

 private:
  struct Tile;

  bool by_product() const;
  void run_one(size_t query);
  void run_tile(size_t first, size_t count);
  void scan_rows(Tile& tile, Node first, Node count);
  void take(Tile& tile, size_t query, Node first, Node count, const float* products);
  void measure(Tile& tile, size_t query);
  void fail(const Error& error);
  bool failed();

  const FlatIndex& index_;
  const VectorSpace& space_;
  VectorBlock queries_;
  const SearchRequest& request_;
  Node nodes_;
  std::vector<SearchAnswer> answers_;
  std::mutex mutex_;
  Result<void> result_;  // guarded by mutex_
};

}  // namespace kith

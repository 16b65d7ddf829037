// Exact nearest neighbours by scanning all rows, the measure of every recall figure.
//
// Rows are compared in f32 by the distance kernels; every row whose f32 distance could, within the rounding
// error bound of a dim-term sum (Higham, "Accuracy and Stability of Numerical Algorithms", §3.1), belong to
// the top k is then compared again in double. Ties go to the lower row, so the answer is unique.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/stop.h"
#include "base/thread_pool.h"
#include "base/vector_view.h"
#include "datasets/reader.h"
#include "index/distance/distance.h"

namespace kith {

/// In double, in the units of Neighbor::distance (squared L2, -inner product, 1 - cosine, Hamming bits). NaN
/// gives +inf. Both of the same dimension; types may differ, except that kBit goes with kBit.
double exact_distance(Metric metric, VectorView a, VectorView b);

/// The k nearest of `base` for each of `queries`; rows are -1 from min(k, base.count) on. InvalidArgument
/// where dims or metric do not fit or base has ≥ 2^31 rows. `pool` may be null.
Result<Neighbors> exact_neighbors(VectorBlock base, VectorBlock queries, Metric metric, uint32_t k,
                                  ThreadPool* pool, const Stop& stop = {});

/// Writes .ivecs, by temp file and rename.
Result<void> write_neighbors(const std::string& path, const Neighbors& neighbors);
/// Writes .fvecs, .bvecs, .fbin, .u8bin or .npy by the extension, from a matrix of fitting type; by temp file
/// and rename.
Result<void> write_matrix(const std::string& path, const Matrix& matrix);

}  // namespace kith

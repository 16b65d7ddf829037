// k-means: centroids that minimise the squared distance of the rows to their nearest one (Lloyd 1957). FAISS
// runs the rounds and revives empty clusters; the nearest centroid, where nearly all time goes, is found by
// our own kernels. The same rows, specification and start give the same centroids on every CPU.
//
// Fewer rows than centroids are refused: the rows would be the centroids, and a code trained on them would
// know nothing else. Equal rows are fine: centroids may then be (nearly) equal too.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace kith {

struct KMeansSpec {
  uint32_t dim = 0;
  uint32_t centroids = 0;
  uint32_t iterations = 20;
  uint64_t seed = 100;
};

/// The centroids, packed, of `count` packed rows: all of them are read in every round, so sample before.
/// `start` (packed centroids, or empty: a random choice of rows) is improved. InvalidArgument when there are
/// fewer rows than centroids or a row has a NaN or an infinity. Runs on the calling thread.
Result<std::vector<float>> train_kmeans(const KMeansSpec& spec, const float* rows, size_t count,
                                        std::vector<float> start = {});

}  // namespace kith

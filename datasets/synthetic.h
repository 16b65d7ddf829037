// Seeded sets of vectors: clustered mixtures that look like embeddings, and adversaries that break indexes.
//
// Clustered rows lie near a low-dimensional plane through their cluster's centre: centre + basis · z + noise,
// z of `intrinsic_dim` normals. Real embeddings have such low intrinsic dimension, and it, not `dim`, decides
// how hard a set is for a graph (Levina and Bickel, "Maximum Likelihood Estimation of Intrinsic Dimension",
// NIPS 2004). Row i depends on (seed, i) only: equal on every machine and thread count, and a longer set
// begins with the shorter one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "datasets/reader.h"

namespace kith {

struct ClusteredSpec {
  size_t rows = 10'000;
  size_t queries = 100;
  uint32_t dim = 128;
  uint32_t clusters = 100;
  uint32_t intrinsic_dim = 12;  // ≤ dim is used
  float spread = 0.5f;          // within a cluster, relative to the distance between centres
  bool normalised = false;      // rows and queries of length 1
  uint64_t seed = 1;
};

struct VectorSet {
  Matrix base;
  Matrix queries;  // from the same mixture, not in base
};

/// f32 rows. `pool` may be null.
VectorSet make_clustered(const ClusteredSpec& spec, ThreadPool* pool = nullptr);

enum class Adversary : uint8_t {
  kDuplicates,    // each of rows/10 vectors about ten times
  kAllEqual,      // one vector
  kFarOutliers,   // one row in a hundred in a tight cluster very far from the rest
  kCollinear,     // all on one line through the origin
  kUnnormalised,  // lengths over eight decades
};
inline constexpr Adversary kAdversaries[] = {Adversary::kDuplicates, Adversary::kAllEqual,
                                             Adversary::kFarOutliers, Adversary::kCollinear,
                                             Adversary::kUnnormalised};
const char* adversary_name(Adversary adversary);

/// f32 rows of the given kind.
Matrix make_adversarial(Adversary adversary, size_t rows, uint32_t dim, uint64_t seed);

}  // namespace kith

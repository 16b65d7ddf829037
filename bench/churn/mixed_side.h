// MixedSide: what takes the mixed load: Kith through its public calls, or a rival. One thread writes, one
// searches.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "base/vector_view.h"
#include "index/distance/distance.h"
#include "index/index.h"

namespace kith::bench {

struct MixedSideSpec {
  uint32_t dim = 0;
  Metric metric = Metric::kL2;
  size_t rows_max = 0;
  size_t threads = 2;              // of a build
  std::string directory;           // for Kith's database: empty
  std::string kind{kDefaultKind};  // of Kith's index
  IndexOptions index;              // its options
};

class MixedSide {
 public:
  virtual ~MixedSide() = default;
  /// The first rows, 0, 1, ...; once. Returns when all are linked.
  virtual Result<void> load(VectorBlock vectors) = 0;
  /// Rows first, first + 1, ... come with these vectors, or get them instead of those that they had. All of
  /// that is done when it returns, on disk too where the side has one.
  virtual Result<void> write(uint32_t first, VectorBlock vectors) = 0;
  /// Waits for what is still done about writes that have returned.
  virtual Result<void> settle() = 0;
  /// Of the searches that follow. Not while one is under way.
  virtual void set_effort(uint32_t effort) = 0;
  /// Nearest first; how many of `out` were filled.
  virtual Result<size_t> search(VectorView query, std::span<uint32_t> out) const = 0;
};

/// A database in the directory with default options, SYNC writes.
Result<std::unique_ptr<MixedSide>> make_kith_side(const MixedSideSpec& spec);
/// hnswlib, in memory only. A row that gets another vector is marked deleted and its place given to that.
Result<std::unique_ptr<MixedSide>> make_hnswlib_side(const MixedSideSpec& spec);

}  // namespace kith::bench

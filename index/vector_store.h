// VectorStore: an index's copy of its vectors, and how distances among them are taken.
//
// Rows start on 64 bytes where that wastes little. Cosine over f32 keeps vectors scaled to length 1 and works
// with the negated inner product, one multiplication an element instead of three; `offset` makes it a cosine
// distance again. All other pairs keep the bytes as given. Distances inside an index ("raw") are those of the
// kernel, squared for L2.
#pragma once

#include <span>
#include <vector>

#include "base/vector_view.h"
#include "index/distance/distance.h"
#include "index/extent_store.h"
#include "index/index.h"

namespace kith {

inline constexpr uint32_t kDimMax = 65'535;

/// Metric, type and dimension with the kernel that serves them.
struct VectorSpace {
  Metric metric = Metric::kL2;
  ScalarType type = ScalarType::kF32;
  uint32_t dim = 0;
  bool normalised = false;  // stored vectors have length 1 (or 0)
  float offset = 0;         // distance of Neighbor = raw distance + offset
  DistanceFn kernel = nullptr;

  /// InvalidArgument when metric, type or dim do not go together.
  static Result<VectorSpace> of(Metric metric, ScalarType type, uint32_t dim);

  size_t bytes() const { return vector_bytes(type, dim); }
  /// InvalidArgument when the query's type or dimension is not this space's.
  Result<void> check_query(const VectorView& query) const;
  /// The same for vectors to be stored.
  Result<void> check_block(std::span<const Row> rows, const VectorBlock& vectors) const;

  bool operator==(const VectorSpace&) const = default;
};

/// A query in the form the kernel wants: a view of the caller's bytes, or a scaled or widened copy.
class KernelQuery {
 public:
  /// A query as it came from outside.
  const void* from_user(const VectorSpace& space, const VectorView& query);
  /// A stored vector, to measure its distance to others.
  const void* from_stored(const VectorSpace& space, const std::byte* vector);

 private:
  std::vector<float> copy_;
};

class VectorStore {
 public:
  explicit VectorStore(const VectorSpace& space);

  const VectorSpace& space() const { return space_; }
  Result<void> grow(uint64_t count) { return extents_.grow(count); }
  /// Writes vector `node`, which must not be visible to readers yet.
  void set(Node node, const std::byte* vector);
  /// Writes bytes in stored form (from a checkpoint).
  void set_stored(Node node, const std::byte* vector);
  const std::byte* operator[](Node node) const { return extents_.at(node); }

  const ExtentStore& extents() const { return extents_; }
  size_t stride() const { return extents_.stride(); }
  uint64_t contiguous(Node node) const { return extents_.contiguous(node); }

 private:
  VectorSpace space_;
  ExtentStore extents_;
};

}  // namespace kith

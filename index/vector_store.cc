#include "index/vector_store.h"

#include <cstring>

#include "index/distance/normalize.h"

namespace kith {
namespace {

/// Whole cache lines where that wastes at most an eighth; else so that small vectors straddle no line.
size_t stride_for(size_t bytes) {
  if (bytes <= 64) {
    size_t power = 4;
    while (power < bytes) power *= 2;
    return power;
  }
  const size_t lines = (bytes + 63) / 64 * 64;
  return lines - bytes <= bytes / 8 ? lines : (bytes + 15) / 16 * 16;
}

}  // namespace

Result<VectorSpace> VectorSpace::of(Metric metric, ScalarType type, uint32_t dim) {
  if (dim == 0 || dim > kDimMax) return invalid_argument("dim is {}; give 1 to {}", dim, kDimMax);
  TRY(validate_metric(metric, type));
  VectorSpace space{metric, type, dim};
  space.normalised = metric == Metric::kCosine && type == ScalarType::kF32;
  space.offset = space.normalised ? 1 : 0;
  space.kernel = distance_kernel(space.normalised ? Metric::kInnerProduct : metric, type);
  CHECK(space.kernel != nullptr);
  return space;
}

Result<void> VectorSpace::check_query(const VectorView& query) const {
  if (query.dim != dim) return invalid_argument("the query has {} dimensions, the index {}", query.dim, dim);
  if (query.type != query_type(type))
    return invalid_argument("the query is {}, but an index of {} takes {}", scalar_name(query.type),
                            scalar_name(type), scalar_name(query_type(type)));
  return {};
}

Result<void> VectorSpace::check_block(std::span<const Row> rows, const VectorBlock& vectors) const {
  if (rows.size() != vectors.count)
    return invalid_argument("{} rows for {} vectors", rows.size(), vectors.count);
  if (vectors.dim != dim)
    return invalid_argument("vectors have {} dimensions, the index {}", vectors.dim, dim);
  if (vectors.type != type)
    return invalid_argument("vectors are {}, the index keeps {}", scalar_name(vectors.type),
                            scalar_name(type));
  return {};
}

const void* KernelQuery::from_user(const VectorSpace& space, const VectorView& query) {
  if (!space.normalised) return query.data;
  copy_.resize(space.dim);
  std::memcpy(copy_.data(), query.data, space.bytes());
  normalize(copy_.data(), space.dim);
  return copy_.data();
}

const void* KernelQuery::from_stored(const VectorSpace& space, const std::byte* vector) {
  if (query_type(space.type) == space.type) return vector;
  copy_.resize(space.dim);
  to_f32(vector, space.dim, space.type, copy_.data());
  return copy_.data();
}

VectorStore::VectorStore(const VectorSpace& space) : space_(space), extents_(stride_for(space.bytes())) {}

void VectorStore::set(Node node, const std::byte* vector) {
  set_stored(node, vector);
  if (space_.normalised) normalize(reinterpret_cast<float*>(extents_.at(node)), space_.dim);
}

void VectorStore::set_stored(Node node, const std::byte* vector) {
  std::memcpy(extents_.at(node), vector, space_.bytes());
}

}  // namespace kith

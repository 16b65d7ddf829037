#include "index/graph/mean_vector.h"

#include <cmath>

#include "base/random.h"

namespace kith {

Result<std::vector<std::byte>> mean_of_sample(const VectorStore& vectors, Node nodes, uint64_t seed,
                                              const std::function<bool(Node)>& counts) {
  constexpr Node kSample = 1024;
  const VectorSpace& space = vectors.space();
  std::vector<double> sums(space.dim);
  std::vector<float> vector(space.dim);
  Node count = 0;
  FetchedRows room;
  SearchStats stats;
  for (Node i = 0; i < std::min(nodes, kSample); ++i) {
    const Node node = nodes <= kSample ? i : static_cast<Node>(mix64(seed + i) % nodes);
    if (!counts(node)) continue;
    ++count;
    const void* const* row = TRY(vectors.fetch({&node, 1}, room, stats));
    to_f32(static_cast<const std::byte*>(*row), space.dim, space.type, vector.data());
    for (uint32_t d = 0; d < space.dim; ++d) sums[d] += double{vector[d]};
  }
  if (count == 0) return failed_precondition("there is no vector to take the mean of");
  const ScalarType type = query_type(space.type);
  const bool whole = type == ScalarType::kI8 || type == ScalarType::kU8;
  for (uint32_t d = 0; d < space.dim; ++d) {
    const double mean = sums[d] / count;
    const double value = type == ScalarType::kBit ? mean - 0.5 : whole ? std::round(mean) : mean;
    vector[d] = static_cast<float>(value);
  }
  std::vector<std::byte> out(vector_bytes(type, space.dim));
  CHECK(from_f32(vector.data(), space.dim, type, out.data()).ok());
  return out;
}

}  // namespace kith

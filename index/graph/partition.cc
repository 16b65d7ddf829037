#include "index/graph/partition.h"

#include <algorithm>

namespace kith {
namespace {

/// How many of `nodes`, now in front, are nearer to the first of two drawn ones.
size_t split(const VectorStore& vectors, std::span<Node> nodes, Random& random) {
  const VectorSpace& space = vectors.space();
  const Node centres[2] = {nodes[random.below(nodes.size())], nodes[random.below(nodes.size())]};
  KernelQuery first_query, second_query;
  const void* first = first_query.from_stored(space, vectors[centres[0]]);
  const void* second = second_query.from_stored(space, vectors[centres[1]]);
  const auto nearer_to_first = [&](Node node) {
    const void* row = vectors[node];
    float distances[2];
    space.kernel(first, &row, 1, space.dim, distances);
    space.kernel(second, &row, 1, space.dim, distances + 1);
    return distances[0] < distances[1];
  };
  const auto border = std::partition(nodes.begin(), nodes.end(), nearer_to_first);
  const auto front = static_cast<size_t>(border - nodes.begin());
  // Ties, or one far row: halves by chance, so that the depth stays logarithmic.
  if (front >= nodes.size() / 32 && front <= nodes.size() - nodes.size() / 32 && front > 0 &&
      front < nodes.size())
    return front;
  for (size_t i = nodes.size(); i > 1; --i) std::swap(nodes[i - 1], nodes[random.below(i)]);
  return nodes.size() / 2;
}

}  // namespace

void partition(const VectorStore& vectors, std::span<Node> nodes, size_t leaf_max, Random& random,
               const std::function<void(std::span<const Node>)>& leaf) {
  if (nodes.size() <= leaf_max) return leaf(nodes);
  const size_t front = split(vectors, nodes, random);
  partition(vectors, nodes.first(front), leaf_max, random, leaf);
  partition(vectors, nodes.subspan(front), leaf_max, random, leaf);
}

}  // namespace kith

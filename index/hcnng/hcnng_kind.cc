#include "index/hcnng/hcnng_kind.h"

#include <algorithm>
#include <limits>

#include "index/graph/batch_linker.h"
#include "index/graph/graph_index.h"
#include "index/graph/partition.h"
#include "index/option_reader.h"

namespace kith {
namespace {

constexpr uint32_t kTreeDegree = 3;

struct TreeEdge {
  float distance;
  Node a, b;
};

/// The minimum spanning tree of a leaf by Prim's rule, but that no row takes a fourth edge.
class LeafTree {
 public:
  LeafTree(const VectorStore& vectors, std::span<const Node> leaf) : leaf_(leaf), size_(leaf.size()) {
    distances_.resize(size_ * size_);
    std::vector<const void*> rows;
    for (const Node node : leaf) rows.push_back(vectors[node]);
    KernelQuery query;
    for (size_t i = 0; i < size_; ++i)
      vectors.space().kernel(query.from_stored(vectors.space(), vectors[leaf[i]]), rows.data(), size_,
                             vectors.space().dim, distances_.data() + i * size_);
  }

  void grow(std::vector<TreeEdge>& out) {
    degrees_.assign(size_, 0);
    inside_.assign(size_, false);
    nearest_.assign(size_, 0);
    inside_[0] = true;
    for (size_t added = 1; added < size_; ++added) {
      size_t best = size_;
      for (size_t i = 0; i < size_; ++i)
        if (!inside_[i] && (best == size_ || at(i, nearest_[i]) < at(best, nearest_[best]))) best = i;
      const size_t from = nearest_[best];
      out.push_back({at(best, from), leaf_[best], leaf_[from]});
      inside_[best] = true;
      ++degrees_[best];
      const bool full = ++degrees_[from] == kTreeDegree;
      for (size_t i = 0; i < size_; ++i) {
        if (inside_[i]) continue;
        if (full && nearest_[i] == from) find_nearest(i);
        if (at(i, best) < at(i, nearest_[i])) nearest_[i] = best;
      }
    }
  }

 private:
  float at(size_t i, size_t j) const { return distances_[i * size_ + j]; }

  /// Among the rows of the tree that may take an edge; a leaf of the tree always may.
  void find_nearest(size_t i) {
    size_t best = size_;
    for (size_t j = 0; j < size_; ++j)
      if (inside_[j] && degrees_[j] < kTreeDegree && (best == size_ || at(i, j) < at(i, best))) best = j;
    nearest_[i] = best;
  }

  std::span<const Node> leaf_;
  size_t size_;
  std::vector<float> distances_;
  std::vector<uint32_t> degrees_;
  std::vector<bool> inside_;
  std::vector<size_t> nearest_;  // of the tree, for rows outside it
};

/// The nearest of a node's edges in all trees, each neighbour once.
void write_union(GraphStore& graph, Node node, std::vector<Candidate> edges) {
  std::sort(edges.begin(), edges.end(), [](const Candidate& a, const Candidate& b) {
    return a.distance < b.distance || (a.distance == b.distance && a.node < b.node);
  });
  std::vector<Node> ids;
  for (const Candidate& edge : edges)
    if (ids.size() < graph.options().degree && std::find(ids.begin(), ids.end(), edge.node) == ids.end())
      ids.push_back(edge.node);
  graph.base().assign(node, ids);
}

Result<void> build_hcnng(const BuildInput& in) {
  GraphStore& graph = in.graph;
  std::vector<std::vector<TreeEdge>> trees(graph.options().trees);
  const auto grow_one = [&](size_t tree) {
    if (!in.stop.check()) return;
    std::vector<Node> order(in.nodes.begin(), in.nodes.end());
    Random random(mix64(graph.seed() + tree));
    partition(graph.vectors(), order, graph.options().leaf, random,
              [&](std::span<const Node> leaf) { LeafTree(graph.vectors(), leaf).grow(trees[tree]); });
  };
  if (in.pool != nullptr) {
    in.pool->parallel_for(trees.size(), 1, grow_one);
  } else {
    for (size_t tree = 0; tree < trees.size(); ++tree) grow_one(tree);
  }
  TRY(in.stop.check());
  std::vector<std::vector<Candidate>> edges(in.nodes.back() + 1);
  for (std::vector<TreeEdge>& tree : trees) {
    for (const TreeEdge& edge : tree) {
      edges[edge.a].push_back({edge.distance, edge.b});
      edges[edge.b].push_back({edge.distance, edge.a});
    }
    tree = {};
  }
  for_all(in.pool, in.nodes.size(),
          [&](size_t i) { write_union(graph, in.nodes[i], std::move(edges[in.nodes[i]])); });
  return {};
}

Result<GraphOptions> parse_hcnng(const IndexOptions& options, const VectorSpace& space) {
  OptionReader reader(options, "hcnng");
  GraphOptions out;
  out.trees = reader.number("trees", out.trees, 1, 80);
  out.leaf = reader.number("leaf", out.leaf, 4, 5000);
  out.degree = out.degree_kept = std::max(8u, kTreeDegree * out.trees + 4);
  out.ef_construction = reader.number("ef_construction", 100, 1, 10'000);
  out.ef = reader.number("ef", out.ef, 1, 100'000);
  read_delete_option(reader, out);
  out.pending_max = reader.number("pending_max", out.pending_max, 1, 1u << 30);
  read_code_options(reader, space, 0, out);
  TRY(reader.finish());
  return out;
}

}  // namespace

constexpr GraphKind kHcnngGraph = {
    .name = "hcnng",
    .summary = "union of spanning trees in random partitions: built at once, then grows in place",
    .magic = "KITHHCNN",
    .build = build_hcnng,
    .parse = parse_hcnng,
};

constinit const IndexKind kHcnngKind = index_kind_of<kHcnngGraph>();

}  // namespace kith

// LabelLayer: layer 0 as a walk sees it that keeps to nodes which carry a label of the query
// (FilteredGreedySearch of Filtered-DiskANN, Gollapudi et al., WWW 2023). Others are neither measured nor
// passed through: edges are chosen so that a label's nodes lead to each other (linker_labels.cc).
#pragma once

#include <utility>

#include "index/graph/adjacency.h"
#include "index/graph/visited_set.h"

namespace kith {

/// `Walks` is bool(Node).
template <typename Walks>
class LabelLayer {
 public:
  LabelLayer(const AdjacencyStore& lists, Walks walks) : lists_(lists), walks_(std::move(walks)) {}

  uint32_t degree_max() const { return lists_.capacity(); }
  void prefetch(Node node) const { lists_.prefetch(node); }

  size_t read_fresh(Node node, VisitedSet& visited, Node* out) const {
    const size_t fresh = visited.keep_fresh(out, lists_.read(node, out));
    size_t count = 0;
    for (size_t i = 0; i < fresh; ++i) {
      out[count] = out[i];
      count += walks_(out[i]);
    }
    return count;
  }

 private:
  const AdjacencyStore& lists_;
  Walks walks_;
};

}  // namespace kith

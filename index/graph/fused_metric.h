// The fused metric: vectors and attributes as one distance, so that a walk goes at once to what is near and
// to what has the attributes asked for (NHQ: Wang et al., NeurIPS 2023). Attributes are labels here, one for
// each value of each attribute (index/labels.h).
//
//   lists    d² · (1 + 2 · share), share that of the labels which two nodes do not have in common: relative,
//            so right at any scale, however data grow
//   queries  raw + w · missing, missing how many of the labels asked for a node lacks: w is three quarters of
//            the median of the query's own distances to nodes all over the graph. (NHQ has a w for each data
//            set, found by hand, from 9 to 480,000.)
//
// With all that is asked for a node is as far as it is without attributes, so what matches needs no other
// order afterwards. An attribute of which a query asks nothing costs nothing.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "index/graph/adjacency.h"
#include "index/graph/label_table.h"
#include "index/graph/visited_set.h"
#include "index/vector_store.h"

namespace kith {

/// The least that raw distances may be: what d² of zero is. Not of inner products, which have none.
inline float raw_floor(const VectorSpace& space) {
  return space.normalised ? -1.0f : 0.0f;
}

/// By how much d² between nodes that are walked by these sets is longer in the fused metric. Nobody differs
/// from a node that is walked by every label.
inline float fused_stretch(const LabelTable& table, LabelSetNumber a, LabelSetNumber b) {
  constexpr float kWeight = 2;  // 1 in NHQ; what it costs and brings: docs/architecture.md
  if (a == b || table.universal(a) || table.universal(b)) return 1;
  const auto own = table.labels(a), other = table.labels(b);
  size_t common = 0;
  for (auto mine = own.begin(), theirs = other.begin(); mine != own.end() && theirs != other.end();) {
    const Label label = *mine, their_label = *theirs;
    common += label == their_label;
    mine += label <= their_label;
    theirs += their_label <= label;
  }
  const size_t all = std::max(own.size(), other.size());
  return 1 + kWeight * static_cast<float>(all - common) / static_cast<float>(all);
}

/// What one search asks of labels.
class FusedQuery {
 public:
  FusedQuery(const LabelTable& table, const LabelQuery& query) : table_(table), query_(query) {}

  /// To be chosen before the first distance; 0 until then.
  void set_weight(float weight) { weight_ = weight; }

  /// What labels add to a node's distance.
  float extra(Node node) const {
    const size_t lacks = missing(table_.walk_set(node));
    return lacks == 0 ? 0 : weight_ * static_cast<float>(lacks);  // the weight may be infinite
  }

 private:
  size_t missing(LabelSetNumber set) const {
    if (query_.labels.empty() || table_.universal(set)) return 0;
    size_t carried = 0;
    for (const Label label : query_.labels) carried += table_.has(set, label);
    if (query_.match == LabelMatch::kAny) return carried == 0 ? 1 : 0;
    return query_.labels.size() - carried;
  }

  const LabelTable& table_;
  const LabelQuery& query_;
  float weight_ = 0;
};

/// A pool that is offered fused distances instead of those measured. `Fuse` is float(float, Node).
template <typename Pool, typename Fuse>
class FusedPool {
 public:
  FusedPool(Pool& pool, std::vector<float>& scratch, Fuse fuse)
      : pool_(pool), fused_(scratch), fuse_(std::move(fuse)) {}

  template <typename Filter>
  void offer(const float* distances, const Node* nodes, size_t count, Filter&& filter) {
    if (fused_.size() < count) fused_.resize(count);
    for (size_t i = 0; i < count; ++i) fused_[i] = fuse_(distances[i], nodes[i]);
    pool_.offer(fused_.data(), nodes, count, filter);
  }
  Node next() { return pool_.next(); }
  Node peek() { return pool_.peek(); }

 private:
  Pool& pool_;
  std::vector<float>& fused_;
  Fuse fuse_;
};

/// Layer 0 without the neighbours whose labels alone put them beyond what the pool takes: they need not be
/// measured. `Least` is float(Node), the least that a node's fused distance may be.
template <typename Pool, typename Least>
class FusedLayer {
 public:
  FusedLayer(const AdjacencyStore& lists, const Pool& pool, Least least)
      : lists_(lists), pool_(pool), least_(std::move(least)) {}

  uint32_t degree_max() const { return lists_.capacity(); }
  void prefetch(Node node) const { lists_.prefetch(node); }

  size_t read_fresh(Node node, VisitedSet& visited, Node* out) const {
    const size_t fresh = visited.keep_fresh(out, lists_.read(node, out));
    const float bound = pool_.bound();
    size_t count = 0;
    for (size_t i = 0; i < fresh; ++i) {
      out[count] = out[i];
      count += least_(out[i]) < bound;
    }
    return count;
  }

 private:
  const AdjacencyStore& lists_;
  const Pool& pool_;
  Least least_;
};

}  // namespace kith

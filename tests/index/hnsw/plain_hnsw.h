// The paper's algorithms as plainly as they can be written, to hold the fast ones against: two heaps, one
// distance at a time, no chains of equal vectors, no forced edges, no threads. Malkov and Yashunin, TPAMI
// 2018/20, Algorithms 1, 2, 4 and 5, with the choices of hnswlib where the paper leaves one (fewer candidates
// than m are all kept; a tie keeps a candidate; one entry a layer). Squared L2. Distances are counted.
#pragma once

#include <algorithm>
#include <cmath>
#include <queue>
#include <set>

#include "tests/support/vectors.h"

namespace kith::test {

class PlainHnsw {
 public:
  PlainHnsw(const Vectors& vectors, size_t m, size_t ef_construction, uint64_t seed)
      : vectors_(vectors), m_(m), ef_construction_(ef_construction), random_(seed) {
    for (uint32_t node = 0; node < vectors.rows; ++node) insert(node);
  }

  /// Distances of the 10 nearest found, ascending.
  std::vector<float> search(const float* query, size_t ef) {
    uint32_t from = entry_;
    for (size_t layer = lists_[entry_].size(); --layer > 0;)
      from = search_layer(query, from, 1, layer)[0].second;
    std::vector<float> found;
    for (const auto& [distance, node] : search_layer(query, from, ef, 0)) found.push_back(distance);
    found.resize(std::min<size_t>(found.size(), 10));
    return found;
  }

  size_t counted = 0;

 private:
  using Found = std::vector<std::pair<float, uint32_t>>;  // near to far

  float distance(const float* a, const float* b) {
    ++counted;
    float sum = 0;
    for (uint32_t d = 0; d < vectors_.dim; ++d) sum += (a[d] - b[d]) * (a[d] - b[d]);
    return sum;
  }

  Found search_layer(const float* query, uint32_t from, size_t ef, size_t layer) {
    std::vector<bool> visited(lists_.size());
    std::priority_queue<std::pair<float, uint32_t>> best;  // farthest on top
    std::priority_queue<std::pair<float, uint32_t>, Found, std::greater<>> open;
    const float first = distance(query, vectors_.row(from));
    visited[from] = true;
    best.emplace(first, from);
    open.emplace(first, from);
    while (!open.empty() && open.top().first <= best.top().first) {
      const uint32_t node = open.top().second;
      open.pop();
      for (const uint32_t neighbor : lists_[node][layer]) {
        if (visited[neighbor]) continue;
        visited[neighbor] = true;
        const float far = distance(query, vectors_.row(neighbor));
        if (best.size() == ef && far >= best.top().first) continue;
        best.emplace(far, neighbor);
        open.emplace(far, neighbor);
        if (best.size() > ef) best.pop();
      }
    }
    Found found(best.size());
    for (size_t i = found.size(); i-- > 0; best.pop()) found[i] = best.top();
    return found;
  }

  Found select(const Found& candidates, size_t max) {
    if (candidates.size() < max) return candidates;
    Found kept;
    for (const auto& candidate : candidates) {
      if (kept.size() == max) break;
      bool good = true;
      for (const auto& other : kept)
        good =
            good && distance(vectors_.row(candidate.second), vectors_.row(other.second)) >= candidate.first;
      if (good) kept.push_back(candidate);
    }
    return kept;
  }

  void insert(uint32_t node) {
    const double uniform = 1 - random_.uniform();
    const auto level = static_cast<size_t>(-std::log(uniform) / std::log(static_cast<double>(m_)));
    lists_.emplace_back(level + 1);
    if (node == 0) return;
    const float* vector = vectors_.row(node);
    const size_t top = lists_[entry_].size() - 1;
    uint32_t from = entry_;
    for (size_t layer = top; layer > level; --layer) from = search_layer(vector, from, 1, layer)[0].second;
    for (size_t layer = std::min(level, top) + 1; layer-- > 0;) {
      const Found found = search_layer(vector, from, ef_construction_, layer);
      from = found[0].second;
      for (const auto& [far, neighbor] : select(found, m_)) connect(node, neighbor, far, layer);
    }
    if (level > top) entry_ = node;
  }

  void connect(uint32_t node, uint32_t neighbor, float far, size_t layer) {
    lists_[node][layer].push_back(neighbor);
    std::vector<uint32_t>& list = lists_[neighbor][layer];
    const size_t max = layer == 0 ? 2 * m_ : m_;
    list.push_back(node);
    if (list.size() <= max) return;
    Found candidates{{far, node}};
    for (size_t i = 0; i + 1 < list.size(); ++i)
      candidates.emplace_back(distance(vectors_.row(list[i]), vectors_.row(neighbor)), list[i]);
    std::sort(candidates.begin(), candidates.end());
    list.clear();
    for (const auto& kept : select(candidates, max)) list.push_back(kept.second);
  }

  const Vectors& vectors_;
  size_t m_, ef_construction_;
  Random random_;
  std::vector<std::vector<std::vector<uint32_t>>> lists_;  // [node][layer]
  uint32_t entry_ = 0;
};

}  // namespace kith::test

#include "index/graph/nn_descent.h"

#include <algorithm>
#include <atomic>

#include "index/graph/batch_linker.h"
#include "index/graph/node_locks.h"
#include "index/graph/partition.h"

namespace kith {
namespace {

constexpr size_t kSample = 12;        // new and old neighbours a node brings to a round, each way
constexpr size_t kTrees = 4;          // partitions to start from
constexpr size_t kRoundsMax = 12;     // as in the paper
constexpr double kDone = 0.002;       // of all entries changed in a round
constexpr Node kFresh = 0x80000000u;  // mark of entries not yet joined; node numbers leave the bit free

}  // namespace

KnnGraph::KnnGraph(std::span<const Node> nodes, uint32_t k)
    : k_(k),
      positions_(nodes.empty() ? 0 : nodes.back() + 1),
      entries_(nodes.size() * k),
      sizes_(nodes.size()) {
  for (size_t i = 0; i < nodes.size(); ++i) positions_[nodes[i]] = static_cast<uint32_t>(i);
}

uint32_t KnnGraph::read(Node node, Node* out) const {
  uint32_t count = 0;
  for (const Candidate& candidate : list(node)) out[count++] = candidate.node;
  return count;
}

class NnDescent {
 public:
  NnDescent(const VectorStore& vectors, std::span<const Node> nodes, uint32_t k, uint64_t seed,
            ThreadPool* pool)
      : vectors_(vectors), nodes_(nodes), seed_(seed), pool_(pool), graph_(nodes, k), bounds_(nodes.size()) {
    for (auto& bound : bounds_)
      bound.store(std::numeric_limits<float>::infinity(), std::memory_order_relaxed);
  }

  Result<KnnGraph> run(const Stop& stop) {
    for_all(pool_, kTrees, [&](size_t tree) { start_from_partition(tree); });
    for (size_t round = 0; round < kRoundsMax; ++round) {
      TRY(stop.check());
      changed_ = 0;
      sample(round);
      for_all(pool_, nodes_.size(), [&](size_t i) { join(i); });
      if (static_cast<double>(changed_) < kDone * static_cast<double>(graph_.entries_.size())) break;
    }
    for (Candidate& entry : graph_.entries_) entry.node &= ~kFresh;
    return std::move(graph_);
  }

 private:
  void start_from_partition(size_t tree) {
    std::vector<Node> order(nodes_.begin(), nodes_.end());
    Random random(mix64(seed_ + tree));
    partition(vectors_, order, std::max<size_t>(graph_.k_, 32), random, [&](std::span<const Node> leaf) {
      for (size_t i = 0; i + 1 < leaf.size(); ++i) measure(leaf[i], leaf.subspan(i + 1));
    });
  }

  /// Offers node and others to each other.
  void measure(Node node, std::span<const Node> others) {
    constexpr size_t kStep = 64;
    const void* rows[kStep];
    float distances[kStep];
    KernelQuery query;
    const VectorSpace& space = vectors_.space();
    const void* prepared = query.from_stored(space, vectors_[node]);
    for (size_t begin = 0; begin < others.size(); begin += kStep) {
      const size_t count = std::min(kStep, others.size() - begin);
      for (size_t i = 0; i < count; ++i) rows[i] = vectors_[others[begin + i]];
      space.kernel(prepared, rows, count, space.dim, distances);
      for (size_t i = 0; i < count; ++i) {
        if (others[begin + i] == node) continue;
        offer(node, {distances[i], others[begin + i]});
        offer(others[begin + i], {distances[i], node});
      }
    }
  }

  void offer(Node to, Candidate candidate) {
    const uint32_t at = graph_.positions_[to];
    if (!(candidate.distance < bounds_[at].load(std::memory_order_relaxed))) return;
    const auto guard = locks_.lock(to);
    Candidate* entries = graph_.entries_.data() + size_t{at} * graph_.k_;
    uint32_t& size = graph_.sizes_[at];
    for (uint32_t i = 0; i < size; ++i)
      if ((entries[i].node & ~kFresh) == candidate.node) return;
    const size_t position = graph::upper_bound(entries, size, candidate.distance);
    if (position == graph_.k_) return;
    const uint32_t kept = std::min(size, graph_.k_ - 1);
    graph::insert_at(entries, position, kept, {candidate.distance, candidate.node | kFresh});
    size = kept + 1;
    if (size == graph_.k_) bounds_[at].store(entries[size - 1].distance, std::memory_order_relaxed);
    changed_.fetch_add(1, std::memory_order_relaxed);
  }

  /// Who meets whom in this round: some new and old neighbours, forwards and backwards.
  void sample(size_t round) {
    fresh_.assign(nodes_.size(), {});
    old_.assign(nodes_.size(), {});
    Random random(mix64(seed_ ^ (round + 1)));
    const auto add = [&](std::vector<Node>& list, Node node) {
      if (list.size() < 2 * kSample) return list.push_back(node);
      const size_t at = random.below(4 * kSample);
      if (at < list.size()) list[at] = node;
    };
    for (size_t i = 0; i < nodes_.size(); ++i) {
      Candidate* entries = graph_.entries_.data() + i * graph_.k_;
      size_t fresh = 0, old = 0;
      for (uint32_t j = 0; j < graph_.sizes_[i]; ++j) {
        const bool is_fresh = (entries[j].node & kFresh) != 0;
        if ((is_fresh ? fresh : old)++ >= kSample) continue;
        entries[j].node &= ~kFresh;
        std::vector<std::vector<Node>>& lists = is_fresh ? fresh_ : old_;
        add(lists[i], entries[j].node);
        add(lists[graph_.positions_[entries[j].node]], nodes_[i]);
      }
    }
  }

  void join(size_t i) {
    std::vector<Node>& fresh = fresh_[i];
    std::sort(fresh.begin(), fresh.end());
    fresh.erase(std::unique(fresh.begin(), fresh.end()), fresh.end());
    for (size_t j = 0; j < fresh.size(); ++j) {
      measure(fresh[j], std::span(fresh).subspan(j + 1));
      measure(fresh[j], old_[i]);
    }
  }

  const VectorStore& vectors_;
  std::span<const Node> nodes_;
  uint64_t seed_;
  ThreadPool* pool_;
  KnnGraph graph_;
  std::vector<std::atomic<float>> bounds_;  // distances not below it are of no use; by position
  NodeLocks locks_;
  std::vector<std::vector<Node>> fresh_, old_;  // of the round, by position
  std::atomic<uint64_t> changed_{0};
};

Result<KnnGraph> nn_descent(const VectorStore& vectors, std::span<const Node> nodes, uint32_t k,
                            uint64_t seed, ThreadPool* pool, const Stop& stop) {
  return NnDescent(vectors, nodes, k, seed, pool).run(stop);
}

}  // namespace kith

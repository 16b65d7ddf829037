#include "index/hnsw/hnsw_graph.h"

#include <cmath>

#include "base/random.h"
#include "index/option_reader.h"

namespace kith {

Result<HnswOptions> HnswOptions::parse(const IndexOptions& options) {
  OptionReader reader(options, "hnsw");
  HnswOptions out;
  out.m = reader.number("m", out.m, 2, 128);
  out.ef_construction = reader.number("ef_construction", out.ef_construction, 1, 10'000);
  out.ef = reader.number("ef", out.ef, 1, 100'000);
  out.pending_max = reader.number("pending_max", out.pending_max, 1, 1u << 30);
  out.keep_pruned = reader.flag("keep_pruned", out.keep_pruned);
  out.extend_candidates = reader.flag("extend_candidates", out.extend_candidates);
  TRY(reader.finish());
  return out;
}

HnswGraph::HnswGraph(const VectorSpace& space, const HnswOptions& options, uint64_t seed)
    : options_(options),
      seed_(seed),
      level_scale_(1 / std::log(static_cast<double>(options.m))),
      vectors_(space),
      base_(2 * options.m),
      upper_(options.m),
      marks_(ListMarks::bytes(2 * options.m)) {}

Result<void> HnswGraph::grow(Node count) {
  TRY(vectors_.grow(count));
  TRY(base_.grow(count));
  TRY(marks_.grow(count));
  TRY(upper_first_.grow(count));
  TRY(linked_.grow(count));
  TRY(equals_.grow(count));
  for (; grown_ < count; ++grown_) {
    const uint64_t first = upper_used_.load(std::memory_order_relaxed);
    const uint64_t used = first + level(grown_);
    TRY(upper_.grow(used));
    upper_first_[grown_] = static_cast<uint32_t>(first);
    upper_used_.store(used, std::memory_order_relaxed);
  }
  return {};
}

uint32_t HnswGraph::level(Node node) const {
  const uint64_t bits = mix64(seed_ ^ mix64(node)) >> 11;
  const double uniform = static_cast<double>(bits + 1) * 0x1.0p-53;
  return std::min(kLevelMax, static_cast<uint32_t>(-std::log(uniform) * level_scale_));
}

std::optional<HnswEntry> HnswGraph::entry() const {
  const uint64_t entry = entry_.load(std::memory_order_acquire);
  if (entry == 0) return std::nullopt;
  return HnswEntry{static_cast<Node>(entry), static_cast<uint32_t>(entry >> 32) - 1};
}

void HnswGraph::offer_entry(Node node, uint32_t level) {
  const uint64_t offered = uint64_t{level + 1} << 32 | node;
  uint64_t current = entry_.load(std::memory_order_relaxed);
  while (current >> 32 < level + 1 &&
         !entry_.compare_exchange_weak(current, offered, std::memory_order_acq_rel)) {
  }
}

void HnswGraph::add_equal(Node representative, Node node) {
  std::lock_guard lock(equals_mutex_);
  const auto [end, first] = chain_ends_.try_emplace(representative, representative);
  equals_[end->second].store(node + 1, std::memory_order_release);
  end->second = node;
  equal_count_.fetch_add(1, std::memory_order_release);
}

std::vector<bool> HnswGraph::reachable(Node nodes) const {
  std::vector<bool> seen(nodes);
  std::vector<Node> queue;
  const auto reach = [&](Node node) {
    if (node >= nodes || seen[node]) return;
    seen[node] = true;
    queue.push_back(node);
  };
  if (const auto way_in = entry()) reach(way_in->node);
  std::vector<Node> neighbors(base_.capacity());
  for (size_t next = 0; next < queue.size(); ++next) {
    const uint32_t degree = base_.read(queue[next], neighbors.data());
    for (uint32_t i = 0; i < degree; ++i) reach(neighbors[i]);
    reach(next_equal(queue[next]));
  }
  return seen;
}

void HnswGraph::set_zero_node(Node node) {
  Node none = kNoNode;
  zero_node_.compare_exchange_strong(none, node, std::memory_order_acq_rel);
}

}  // namespace kith

#include "index/graph/graph_store.h"

#include <cmath>

#include "base/random.h"

namespace kith {

void read_code_options(OptionReader& reader, const VectorSpace& space, uint32_t fallback, GraphOptions& out) {
  const std::string_view memory = reader.text("memory", "vectors");
  out.vectors_on_disk = memory == "codes";
  if (!out.vectors_on_disk && memory != "vectors")
    reader.refuse("memory", invalid_argument("'{}' is neither vectors nor codes", memory));
  out.code_bits = !out.vectors_on_disk ? fallback : fallback == 0 ? 4 : std::min(fallback + 1, 4u);
  out.retrain = reader.flag("retrain", true);
  const std::string_view text = reader.text("codes", "");
  if (text.empty()) return;
  const Result<uint32_t> bits = CodeStore::parse_bits(text);
  if (!bits) {
    reader.refuse("codes", bits.error());
  } else if (*bits > 0 && !CodeStore::serves(space)) {
    reader.refuse("codes", invalid_argument("no codes for {} over {}; give none", metric_name(space.metric),
                                            scalar_name(space.type)));
  } else {
    out.code_bits = *bits;
  }
}

void read_delete_option(OptionReader& reader, GraphOptions& out) {
  const bool nested = out.labels == LabelEdges::kNested;
  const std::string_view text = reader.text("deletes", nested ? "keep" : "in-place");
  constexpr std::string_view kNames[] = {"in-place", "consolidate", "drop", "keep"};
  const auto found = static_cast<size_t>(std::find(std::begin(kNames), std::end(kNames), text) - kNames);
  out.deletes = static_cast<Deletes>(found);
  if (found == std::size(kNames)) {
    reader.refuse("deletes", invalid_argument("'{}' is none of in-place, consolidate, drop, keep", text));
  } else if (nested && out.deletes != Deletes::kKeep) {
    reader.refuse("deletes", invalid_argument("{} is not for labels=nested; give keep", text));
  }
}

GraphStore::GraphStore(const VectorSpace& space, const GraphOptions& options, uint64_t seed)
    : options_(options),
      seed_(seed),
      level_scale_(options.levels ? 1 / std::log(static_cast<double>(options.links)) : 0),
      vectors_(space, options.vectors_on_disk),
      base_(options.degree),
      upper_(options.links * options.gamma),
      marks_(ListMarks::bytes(options.degree)) {
  if (options.labels != LabelEdges::kNone) labels_ = std::make_unique<LabelTable>(options.universal_label);
  if (options.labels == LabelEdges::kNested)
    nested_ = std::make_unique<NestedStore>(*labels_, options.groups_max);
}

Result<void> GraphStore::grow(Node count) {
  TRY(vectors_.grow(count));
  TRY(codes_.grow(count));
  TRY(base_.grow(count));
  TRY(marks_.grow(count));
  TRY(upper_first_.grow(count));
  TRY(linked_.grow(count));
  TRY(equals_.grow(count));
  if (labels_ != nullptr) TRY(labels_->grow(count));
  if (nested_ != nullptr) TRY(nested_->grow(count));
  for (Node node = grown(); node < count; ++node) {
    const uint64_t first = upper_used_.load(std::memory_order_relaxed);
    const uint64_t used = first + level(node);
    TRY(upper_.grow(used));
    upper_first_[node] = static_cast<uint32_t>(first);
    upper_used_.store(used, std::memory_order_relaxed);
    grown_.store(node + 1, std::memory_order_release);
  }
  return {};
}

uint32_t GraphStore::level(Node node) const {
  if (!options_.levels) return 0;
  const uint64_t bits = mix64(seed_ ^ mix64(node)) >> 11;
  const double uniform = static_cast<double>(bits + 1) * 0x1.0p-53;
  return std::min(kLevelMax, static_cast<uint32_t>(-std::log(uniform) * level_scale_));
}

std::optional<GraphEntry> GraphStore::entry() const {
  const uint64_t entry = entry_.load(std::memory_order_acquire);
  if (entry == 0) return std::nullopt;
  return GraphEntry{static_cast<Node>(entry), static_cast<uint32_t>(entry >> 32) - 1};
}

/// As many as stay in the cache beside what a walk touches.
void GraphStore::choose_landmarks(Node nodes) {
  constexpr size_t kBytes = 16 << 10;
  const CodeStore* codes = this->codes();
  const size_t stride = codes != nullptr ? codes->extents().stride() : vectors_.stride();
  const auto wanted = static_cast<uint32_t>(std::clamp<size_t>(kBytes / stride, 32, Landmarks::kMax));
  const std::lock_guard lock(landmarks_mutex_);
  uint32_t count = 0;
  for (uint64_t number = 0; nodes > 0 && number < 2 * wanted && count < wanted; ++number)
    if (const Node node = start(number, nodes); node != kNoNode) landmarks_.set(count++, node);
  landmarks_.resize(count);
}

void GraphStore::offer_entry(Node node, uint32_t level) {
  const uint64_t offered = uint64_t{level + 1} << 32 | node;
  uint64_t current = entry_.load(std::memory_order_relaxed);
  while (current >> 32 < level + 1 &&
         !entry_.compare_exchange_weak(current, offered, std::memory_order_acq_rel)) {
  }
}

void GraphStore::leave_entry(Node node, Node near) {
  landmarks_.replace(node, near);
  if (entry()->node != node) return;
  Node highest = near;
  for (Node other = 0; options_.levels && other < grown(); ++other)
    if (linked(other) && !leaving(other) && base_.has_any(other) && level(other) > level(highest))
      highest = other;
  entry_.store(uint64_t{level(highest) + 1} << 32 | highest, std::memory_order_release);
}

/// What is first of its set is settled with its place in the chain, in one step: checkpoints take the first
/// in the chain to have the lists (nested_nodes).
bool GraphStore::add_equal(Node representative, Node node) {
  std::lock_guard lock(equals_mutex_);
  has_equals_.store(true, std::memory_order_release);
  const auto [end, first] = chain_ends_.try_emplace(representative, representative);
  equals_[end->second].store(node + 1, std::memory_order_release);
  end->second = node;
  if (nested_ == nullptr) return false;
  const LabelSetNumber set = labels_->set_of(node);
  return set != labels_->set_of(representative) && nested_->claim(representative, set);
}

NodeBits GraphStore::reachable(Node nodes) const {
  constexpr size_t kAhead = 8;  // lists on their way to the cache
  NodeBits seen(nodes);
  std::vector<Node> queue(nodes);
  size_t end = 0;
  const auto reach = [&](Node node) {
    if (node >= nodes || seen.has(node)) return;
    seen.set(node);
    queue[end++] = node;
  };
  if (const auto way_in = entry()) reach(way_in->node);
  std::vector<Node> neighbors(base_.capacity());
  for (size_t next = 0; next < end; ++next) {
    if (next + kAhead < end) base_.prefetch(queue[next + kAhead]);
    const uint32_t degree = base_.read(queue[next], neighbors.data());
    for (uint32_t i = 0; i < degree; ++i) reach(neighbors[i]);
    reach(next_equal(queue[next]));
  }
  return seen;
}

NodeBits GraphStore::reachable_by(Label label, Node nodes) const {
  NodeBits reached(nodes);
  std::vector<Node> stack;
  const auto reach = [&](Node node) {
    if (node >= nodes || reached.has(node) || !labels_->walked_by(node, label)) return;
    reached.set(node);
    stack.push_back(node);
  };
  reach(labels_->start(label));
  std::vector<Node> neighbors(base_.capacity());
  while (!stack.empty()) {
    const uint32_t degree = base_.read(stack.back(), neighbors.data());
    stack.pop_back();
    for (const Node neighbor : std::span(neighbors).first(degree)) reach(neighbor);
  }
  return reached;
}

void GraphStore::set_zero_node(Node node) {
  Node none = kNoNode;
  zero_node_.compare_exchange_strong(none, node, std::memory_order_acq_rel);
}

}  // namespace kith

#include "index/graph/batch_linker.h"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace kith {

void connect_all(GraphStore& graph, ScratchPool<LinkScratch>& scratch, ThreadPool* pool,
                 std::vector<TargetEdge>& edges) {
  std::sort(edges.begin(), edges.end(), [](const TargetEdge& a, const TargetEdge& b) {
    return std::tuple(a.to, a.layer, a.edge.node) < std::tuple(b.to, b.layer, b.edge.node);
  });
  std::vector<size_t> starts;  // of the edges to one target
  for (size_t i = 0; i < edges.size(); ++i)
    if (i == 0 || edges[i].to != edges[i - 1].to) starts.push_back(i);
  starts.push_back(edges.size());
  for_all(pool, starts.size() - 1, [&](size_t group) {
    const auto lease = scratch.borrow();
    Linker linker(graph, *lease);
    for (size_t i = starts[group]; i < starts[group + 1]; ++i)
      linker.connect(edges[i].to, edges[i].layer, edges[i].edge);
  });
}

void BatchLinker::link(Node begin, Node end) {
  for (Node next = begin; begin < end; begin = next) {
    next = std::min(end, begin + std::max<Node>(1, begin / 50));
    link_batch(begin, next);
  }
}

void BatchLinker::link_batch(Node begin, Node end) {
  begin_ = begin;
  const size_t count = end - begin;
  plans_.assign(count, {});
  skipped_.assign(count, false);
  for (size_t i = 0; i < count; ++i) skipped_[i] = rows_.removed(begin + static_cast<Node>(i));
  if (graph_.codes() != nullptr)
    for_all(pool_, count, [&](size_t i) { graph_.encode(begin_ + static_cast<Node>(i)); });
  if (!graph_.entry()) {
    const auto first = std::find(skipped_.begin(), skipped_.end(), false) - skipped_.begin();
    if (first < static_cast<ptrdiff_t>(count)) {
      const auto scratch = scratch_.borrow();
      Linker(graph_, *scratch).link_first(begin + static_cast<Node>(first));
      skipped_[static_cast<size_t>(first)] = true;
    }
  }
  find_twins();
  for_all(pool_, count, [&](size_t i) {
    if (skipped_[i] || twins_[i] != kNoNode) return;
    const auto scratch = scratch_.borrow();
    Linker(graph_, *scratch).find_place(begin_ + static_cast<Node>(i), begin_);
    plans_[i] = std::move(scratch->plan);
  });
  choose_parents();
  apply_edges();
  finish();
}

void BatchLinker::find_twins() {
  twins_.assign(plans_.size(), kNoNode);
  std::unordered_map<std::string_view, Node> seen;
  for (size_t i = 0; i < plans_.size(); ++i) {
    const Node node = begin_ + static_cast<Node>(i);
    if (skipped_[i] && graph_.entry()->node != node) continue;
    const auto* bytes = reinterpret_cast<const char*>(graph_.vectors()[node]);
    const auto [first, fresh] = seen.try_emplace({bytes, graph_.space().bytes()}, node);
    if (!fresh) twins_[i] = first->second;
  }
}

/// In the order of the nodes, since each forced edge takes room.
void BatchLinker::choose_parents() {
  const auto scratch = scratch_.borrow();
  Linker linker(graph_, *scratch);
  std::unordered_map<Node, uint32_t> taken;
  for (size_t i = 0; i < plans_.size(); ++i) {
    LinkPlan& plan = plans_[i];
    if (plan.equal != kNoNode || plan.selected.empty()) continue;
    linker.choose_parent(begin_ + static_cast<Node>(i), plan, [&](Node node) {
      const auto found = taken.find(node);
      return found == taken.end() ? 0 : found->second;
    });
    ++taken[plan.selected[0][plan.parent].node];
  }
}

void BatchLinker::apply_edges() {
  for_all(pool_, plans_.size(), [&](size_t i) {
    if (plans_[i].equal != kNoNode || plans_[i].selected.empty()) return;
    const auto scratch = scratch_.borrow();
    Linker(graph_, *scratch).write_lists(begin_ + static_cast<Node>(i), plans_[i]);
  });
  edges_.clear();
  for (size_t i = 0; i < plans_.size(); ++i) {
    const LinkPlan& plan = plans_[i];
    if (plan.equal != kNoNode) continue;
    for (uint32_t layer = 0; layer < plan.selected.size(); ++layer) {
      for (size_t j = 0; j < plan.selected[layer].size(); ++j) {
        const PruneCandidate& to = plan.selected[layer][j];
        const bool forced = layer == 0 && j == plan.parent;
        edges_.push_back({to.node, layer, {to.distance, begin_ + static_cast<Node>(i), false, forced}});
      }
    }
  }
  connect_all(graph_, scratch_, pool_, edges_);
}

void BatchLinker::finish() {
  const auto scratch = scratch_.borrow();
  Linker linker(graph_, *scratch);
  for (size_t i = 0; i < plans_.size(); ++i) {
    const Node node = begin_ + static_cast<Node>(i);
    const Node twin = twins_[i];
    const Node equal = twin == kNoNode ? plans_[i].equal : plans_[twin - begin_].equal;
    if (equal != kNoNode || twin != kNoNode) {
      linker.hang(equal != kNoNode ? equal : twin, node);
    } else {
      plans_[i].selected.empty() ? graph_.set_linked(node) : linker.finish(node);
      linker.renew_ways_in(node, node, false);
    }
  }
}

}  // namespace kith

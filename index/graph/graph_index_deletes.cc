// Removed rows leave the graph some time after they are removed, many at a time: on the pool, or on the
// thread of whoever removes them where there is none. Until then they are in it, and are not returned.
#include <algorithm>

#include "base/schedule.h"
#include "index/graph/graph_index.h"
#include "index/graph/label_tree.h"

namespace kith {
namespace {

constexpr size_t kTogether = in_schedules(3, 128);  // nodes that leave at a time
constexpr size_t kAtOnce = in_schedules(2, 16);     // of these, while linkers wait
constexpr size_t kShare = 2;  // that whoever removes one prepares to leave, where others do not keep up
constexpr size_t kWaitMin =
    in_schedules(4, 512);               // that wait to, before whoever removes more takes some out himself
constexpr Node kWaitShare = 200;        // or one node in so many, if that is more
constexpr Node kSweepShare = 80;        // one node in so many has left before lists are swept of them
constexpr Node kConsolidateShare = 20;  // one row in so many is to leave before lists are consolidated
constexpr Node kLabelShare = 100;       // or trees of labels are followed
constexpr size_t kPagesMax = 4096;      // used again at a time where each may take a page until it is linked

}  // namespace

Result<void> GraphIndex::remove(Row row) {
  const Node node = rows_.find(row);
  if (node == kNoNode || !rows_.remove(node)) return {};
  if (graph_.labels() != nullptr) graph_.labels()->count_removed(node);
  if (graph_.options().deletes != Deletes::kKeep) leave(node);
  count_changes(1);
  return {};
}

void GraphIndex::leave(Node node) {
  size_t waiting = 0;
  {
    const std::lock_guard lock(leaving_mutex_);
    leaving_.push_back(node);
    waiting = leaving_.size() + ready_.size();
  }
  tombstones_.fetch_add(1, std::memory_order_relaxed);
  const size_t enough = together();
  if (waiting < enough || waits_for_build()) return;
  const bool alone = tidies_alone();
  if (!alone) queue_.ask_for_tidying();
  const size_t most = enough + std::max<size_t>(kWaitMin, rows_.size() / kWaitShare);
  if (!alone && waiting < most) return;
  if (!alone && leave_singly()) return (void)bypass_some(kShare);
  std::unique_lock tidying(tidy_mutex_, std::defer_lock);
  const bool waits = !alone && waiting >= 2 * most && saving_ == 0;  // others do not keep up
  if (waits ? (tidying.lock(), true) : tidying.try_lock()) take_out_some();
}

/// Whether what each of them needs around it is done for one after the other, by anybody.
bool GraphIndex::leave_singly() const {
  return graph_.options().deletes == Deletes::kInPlace && !graph_.has_label_trees();
}

/// How many leave at a time: the more, the less often what takes a look at all lists is due.
size_t GraphIndex::together() const {
  const size_t live = rows_.live_count();
  if (graph_.options().deletes == Deletes::kConsolidate) return std::max(kTogether, live / kConsolidateShare);
  return graph_.has_label_trees() ? std::max(kTogether, live / kLabelShare) : kTogether;
}

/// One step; what is left asks for another, so that linking has its turn.
void GraphIndex::tidy() {
  renew_some();
  const std::unique_lock tidying(tidy_mutex_, std::try_to_lock);
  if (!tidying.owns_lock() || waiting_to_leave() < together()) return;
  take_out_some();
  if (waiting_to_leave() >= together()) queue_.ask_for_tidying();
}

/// All that wait now and can leave, those with chains once these are gone.
Result<void> GraphIndex::take_out_all(const Stop& stop) {
  {
    const std::lock_guard tidying(tidy_mutex_);
    retry_held();
  }
  for (int pass = 0; pass < 2; ++pass) {
    for (size_t waiting = waiting_to_leave(); waiting > 0;) {
      TRY(stop.check());
      const std::lock_guard tidying(tidy_mutex_);
      const size_t taken = take_out_some();
      if (taken == 0) break;  // somebody else did
      waiting -= std::min(waiting, taken);
    }
    const std::lock_guard tidying(tidy_mutex_);
    if (chained_ == 0) break;
    sweep();
  }
  return {};
}

size_t GraphIndex::waiting_to_leave() const {
  const std::lock_guard lock(leaving_mutex_);
  return leaving_.size() + ready_.size();
}

void GraphIndex::retry_held() {
  const std::lock_guard lock(leaving_mutex_);
  leaving_.insert(leaving_.end(), held_.begin(), held_.end());
  held_.clear();
}

/// The caller holds tidy_mutex_. Of how many it was seen whether they can leave.
size_t GraphIndex::take_out_some() {
  std::vector<Node> going;
  size_t seen = 0;
  if (leave_singly()) {
    seen = bypass_some(together());
    const std::lock_guard lock(leaving_mutex_);
    going.swap(ready_);
  } else {
    seen = choose_leaving(together(), going);
  }
  const size_t some = std::max(seen, going.size());
  if (!going.empty()) take_out(std::move(going));
  if (left_to_sweep() >= std::max<size_t>(rows_.size() / kSweepShare, 1)) sweep();
  return some;
}

/// Of some that wait those that can leave, which are marked; how many were seen.
size_t GraphIndex::choose_leaving(size_t most, std::vector<Node>& going) {
  const std::optional<GraphEntry> entry = graph_.entry();
  const std::lock_guard lock(leaving_mutex_);
  const auto begin = leaving_.end() - static_cast<ptrdiff_t>(std::min(most, leaving_.size()));
  std::vector<Node> some(begin, leaving_.end());
  leaving_.erase(begin, leaving_.end());
  std::sort(some.begin(), some.end());
  for (const Node node : some) {
    const bool member = graph_.linked(node) && !graph_.left(node);
    if (member && graph_.base().has_any(node)) {  // others may hang at it
      (graph_.next_equal(node) == kNoNode ? going : held_).push_back(node);
    } else if (!graph_.linked(node) || (entry && entry->node == node)) {
      held_.push_back(node);
    } else if (!graph_.set_leaving(node)) {  // it was never linked
      tombstones_.fetch_sub(1, std::memory_order_relaxed);
      left_.push_back(node);
    } else {  // hangs in a chain, out of which a sweep takes it
      tombstones_.fetch_sub(1, std::memory_order_relaxed);
      ++chained_;
    }
  }
  for (const Node node : going) graph_.set_leaving(node);
  return some.size();
}

/// Prepares some that wait to leave; how many were seen.
size_t GraphIndex::bypass_some(size_t most) {
  std::vector<Node> going;
  const size_t seen = choose_leaving(most, going);
  schedule_point();
  if (!going.empty()) repair_around(going, *link_scratch_.borrow());
  const std::lock_guard lock(leaving_mutex_);
  ready_.insert(ready_.end(), going.begin(), going.end());
  return seen;
}

size_t GraphIndex::left_to_sweep() const {
  const std::lock_guard lock(leaving_mutex_);
  return left_.size() + chained_;
}

void GraphIndex::has_left(Node node) {
  tombstones_.fetch_sub(1, std::memory_order_relaxed);
  const std::lock_guard lock(leaving_mutex_);
  left_.push_back(node);
}

/// The caller holds tidy_mutex_.
void GraphIndex::take_out(std::vector<Node> going) {
  const auto scratch = link_scratch_.borrow();
  const bool trees = graph_.has_label_trees();
  schedule_point();
  if (trees) {
    // Linkers that were under way may have joined rows by them. None does from now on, nor hangs any there.
    const std::unique_lock linking = without_linkers();
    std::erase_if(going, [&](Node node) { return graph_.next_equal(node) != kNoNode && stay(node); });
    end_label_trees(graph_, rows_.size());
  }
  if (!leave_singly()) repair_around(going, *scratch);
  if (trees) {
    const std::shared_lock linking = beside_linkers();
    mend_label_trees(graph_, *scratch, going, rows_.size());
  }
  for (std::span<const Node> rest = going; !rest.empty();) {
    const std::unique_lock linking = without_linkers();
    const auto some = rest.first(std::min(kAtOnce, rest.size()));
    rest = rest.subspan(some.size());
    for (const Node node : some) {
      // A linker that was under way may have hung a row there.
      if (graph_.next_equal(node) == kNoNode && Linker(graph_, *scratch).leave(node)) {
        has_left(node);
        continue;
      }
      if (trees) Linker(graph_, *scratch).join_labels_again(node);
      stay(node);
    }
  }
}

/// Until all those that could not leave try again. True.
bool GraphIndex::stay(Node node) {
  graph_.set_linked(node);
  const std::lock_guard lock(leaving_mutex_);
  held_.push_back(node);
  return true;
}

void GraphIndex::repair_around(std::span<const Node> leaving, LinkScratch& scratch) {
  const auto bypass = [&](Node node) {
    const GracePeriod::Reader reader(free_.grace());
    const std::shared_lock linking = beside_linkers();
    Linker(graph_, scratch).bypass(node, rows_.size());
  };
  std::shared_lock<std::shared_mutex> linking;
  switch (graph_.options().deletes) {
    case Deletes::kInPlace:
      std::ranges::for_each(leaving, bypass);
      break;
    case Deletes::kConsolidate:
      linking = beside_linkers();
      for (Node node = 0; node < rows_.size(); ++node)
        if (graph_.linked(node) && !graph_.leaving(node)) Linker(graph_, scratch).consolidate(node);
      break;
    case Deletes::kDrop:
    case Deletes::kKeep:
      break;
  }
}

/// The tree is whole but where an edge of it found no room beside others, or came from an older file.
void GraphIndex::join_unreached(LinkScratch& scratch) {
  const Node nodes = rows_.size();
  NodeBits linked(nodes);  // first: what is linked by now can be reached from now on
  for (Node node = 0; node < nodes; ++node)
    if (graph_.linked(node) && !graph_.leaving(node) && graph_.base().has_any(node)) linked.set(node);
  const NodeBits reached = graph_.reachable(nodes);
  for (Node node = 0; node < nodes; ++node)
    if (linked.has(node) && !reached.has(node) && !rows_.removed(node))
      Linker(graph_, scratch).join_again(node, rows_.size());
}

/// Of edges to nodes that have left, which are free then. Those that could not leave try again.
void GraphIndex::sweep() {
  std::vector<Node> left;
  const size_t chained = chained_;
  {
    const std::lock_guard lock(leaving_mutex_);
    left.swap(left_);
  }
  {
    const auto scratch = link_scratch_.borrow();
    const std::shared_lock linking = beside_linkers();
    Linker linker(graph_, *scratch);
    for (Node node = 0; node < rows_.size(); ++node)
      if (schedule_point(); graph_.linked(node) && !graph_.left(node)) linker.drop_left(node);
    join_unreached(*scratch);
    schedule_point();
    for (const Node member : graph_.drop_equals([&](Node node) { return graph_.leaving(node); })) {
      graph_.set_left(member);
      left.push_back(member);
    }
    if (graph_.options().entry_moves && !graph_.options().levels) graph_.choose_landmarks(rows_.size());
    set_free(left);
  }
  chained_ -= chained;
  retry_held();
}

/// Nothing leads to these, which have left: neither lists nor the sets of labels.
void GraphIndex::set_free(std::span<const Node> left) {
  if (LabelTable* labels = graph_.labels()) {
    std::vector<LabelSetNumber> sets;
    for (const Node node : left) sets.push_back(labels->set_of(node));
    std::sort(sets.begin(), sets.end());
    sets.erase(std::unique(sets.begin(), sets.end()), sets.end());
    for (const LabelSetNumber set : sets)
      labels->drop_nodes(set, [&](Node node) { return graph_.left(node); });
  }
  if (reuses()) free_.give(left);
}

/// Of an index that is being opened: they leave, or have left and are free.
void GraphIndex::read_removed(Node nodes) {
  for (Node node = 0; graph_.labels() != nullptr && node < nodes; ++node)
    if (rows_.removed(node)) graph_.labels()->count_removed(node);
  if (graph_.options().deletes == Deletes::kKeep) return;
  for (const Node member : graph_.drop_equals([&](Node node) { return rows_.removed(node); }))
    graph_.set_left(member);
  const std::optional<GraphEntry> entry = graph_.entry();
  bool led_to = false;
  std::vector<Node> left;
  for (Node node = 0; node < nodes; ++node) {
    if (!rows_.removed(node)) continue;
    if (graph_.base().has_any(node) || graph_.next_equal(node) != kNoNode || node == graph_.zero_node() ||
        (entry && entry->node == node)) {
      leaving_.push_back(node);
      tombstones_.fetch_add(1, std::memory_order_relaxed);
    } else {
      led_to = led_to || (graph_.linked(node) && !graph_.left(node));  // as no file of ours says
      graph_.set_left(node);
      left.push_back(node);
    }
  }
  const auto scratch = link_scratch_.borrow();
  for (Node node = 0; node < nodes && led_to; ++node) Linker(graph_, *scratch).drop_left(node);
  set_free(left);
}

/// At a time.
size_t GraphIndex::reused_max() const {
  constexpr size_t kMost = ReusedQueue::kCapacity;
  return graph_.vectors().leaves_memory() ? std::min(kMost, kPagesMax) : kMost;
}

/// Of an index that is being opened: what waits to be linked and has linked nodes behind it, perhaps nearly
/// all, as those that were used again have. These wait as such.
std::vector<Node> GraphIndex::first_waiting(Node nodes) const {
  std::vector<Node> waiting;
  while (nodes > 0 && !graph_.linked(nodes - 1)) --nodes;
  for (Node node = 0; reuses() && node < nodes && waiting.size() < reused_max(); ++node)
    if (!graph_.linked(node)) waiting.push_back(node);
  return waiting;
}

/// Nodes for so many rows: those that are free, then new ones.
std::vector<Node> GraphIndex::nodes_for(size_t rows) {
  std::vector<Node> nodes, not_yet;
  size_t back = saving_ > 0 ? 0 : std::min({rows, free_.count(), reused_max()});
  if (backlog_ > 0) back = std::min(back, reused_.room());  // these do not wait for linkers
  if (back > 0) reused_.make_room(back);
  for (; back > 0; --back) {
    const Node node = free_.take();
    if (node >= queue_.prefix()) {  // the queue would link it as one of its own
      not_yet.push_back(node);
      continue;
    }
    nodes.push_back(node);
    graph_.come_back(node);
    schedule_point();
  }
  if (!not_yet.empty()) free_.give(not_yet);
  for (Node next = rows_.size(); nodes.size() < rows; ++next) nodes.push_back(next);
  return nodes;
}

}  // namespace kith

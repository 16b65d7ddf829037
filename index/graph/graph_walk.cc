#include "index/graph/graph_walk.h"

#include <algorithm>
#include <cmath>

#include "index/graph/starts.h"

namespace kith {
namespace {

constexpr size_t kScanStep = 256;       // rows a kernel call in exact scans, at most
constexpr size_t kScanBytes = 1 << 20;  // of them, at most
constexpr uint64_t kStepDegree = 16;    // distances that a walk takes per candidate of its beam, about
constexpr Node kFewRemoved = 16;        // up to one row in so many removed, walks ignore that they are
constexpr size_t kRerankStep = 16;      // rows a kernel call in reranking
constexpr float kRerankSigmas = 2;      // of the estimate's error: a row this far beyond the k-th is left out
constexpr size_t kSigmasBeam = 64;      // up to this beam; half of one more each time it doubles
constexpr float kReadSigmas = 2.5f;     // the same where only rows within the bound are read
constexpr size_t kReadsTurn = 32;       // rows read at once in reranking, or k: enough to keep a disk busy
constexpr size_t kPatience = 12;        // hops that change nothing among the best k, see LinearPool::reset
constexpr uint64_t kChainSteps = 4096;  // members of a chain of equal vectors between two looks at `stop`

}  // namespace

GraphWalk::GraphWalk(const GraphIndex& index, WalkScratch& scratch, const VectorView& query,
                     const RowSet* allowed, const Stop& stop)
    : index_(index),
      graph_(index.graph()),
      scratch_(scratch),
      allowed_(allowed),
      stop_(stop),
      codes_(graph_.codes()),
      exact_(Measure(graph_.vectors(), nullptr).from_user(query, scratch.query)),
      nodes_(index.rows().size()),
      returnable_(nodes_ - std::min<uint64_t>(nodes_, index.rows().removed_count())),
      filtered_(allowed != nullptr || index.rows().removed_count() > nodes_ / kFewRemoved) {
  if (allowed != nullptr) returnable_ = std::min(returnable_, allowed->size());
}

bool GraphWalk::returnable(Node node) {
  if (index_.rows().removed(node)) return false;
  if (allowed_ == nullptr) return true;
  ++stats_.predicate_evaluations;
  return allowed_->contains(index_.rows().row(node));
}

bool GraphWalk::any_returnable(Node node) {
  for (uint64_t step = 1; node < nodes_; node = graph_.next_equal(node), ++step) {
    if (returnable(node)) return true;
    if (step % kChainSteps == 0 && !stop_.check()) return false;  // whoever asks next gets the error
  }
  return false;
}

/// A walk whose filter passes a share s takes about beam · degree / s distances, a scan of what passes s · n.
bool GraphWalk::scan_is_cheaper(uint64_t beam) const {
  if (nodes_ <= beam) return true;
  if (!filtered_) return false;
  const double share = static_cast<double>(returnable_) / nodes_;
  return share * static_cast<double>(returnable_) <= static_cast<double>(beam * kStepDegree);
}

Result<SearchAnswer> GraphWalk::nearest(uint32_t k, uint32_t effort) {
  const uint64_t beam = std::min<uint64_t>(std::max(k, effort), std::max<Node>(nodes_, 1));
  const size_t wanted = std::min<uint64_t>(k, returnable_);
  TopK top(std::min<uint64_t>(k, nodes_));
  TopK pending(std::min<uint64_t>(k, nodes_));
  if (scan_is_cheaper(beam)) {
    TRY(scan_all(top));
    return merge(top, pending, k);
  }
  TRY(scan_pending(pending));
  TRY(walk_nearest(beam, k));
  TRY(collect(top));
  if (!filtered_ && returnable_ < nodes_ && !top.full()) {  // too many of the beam were removed rows
    filtered_ = true;
    TRY(walk_nearest(beam, k));
    top = TopK(top.capacity());
    TRY(collect(top));
  }
  TRY(stop_.check());
  SearchAnswer answer = merge(top, pending, k);
  if (answer.neighbors.size() >= wanted) return answer;
  // The walk came back short: rows it could not reach, or `allowed` holds rows that are not here. Exact,
  // then.
  TopK all(std::min<uint64_t>(k, nodes_));
  TopK none(0);
  TRY(scan_all(all));
  return merge(all, none, k);
}

Result<SearchAnswer> GraphWalk::within(float radius, uint32_t rows_max, uint32_t effort) {
  TopK top(std::min<uint64_t>(rows_max, nodes_));
  TopK pending(std::min<uint64_t>(rows_max, nodes_));
  if (scan_is_cheaper(effort)) {
    TRY(scan_all(top));
  } else {
    TRY(scan_pending(pending));
    const size_t beam = std::min<uint64_t>(effort, nodes_);
    const bool reads = codes_ != nullptr && graph_.vectors().leaves_memory();
    const RowScorer scorer = reads ? code_scorer() : exact_;
    TRY(walk(beam, beam, scorer));
    TRY(widen_to_radius(radius, scorer, top));
  }
  SearchAnswer answer = merge(top, pending, rows_max);
  auto& found = answer.neighbors;
  found.erase(
      std::find_if(found.begin(), found.end(), [&](const Neighbor& n) { return !(n.distance <= radius); }),
      found.end());
  return answer;
}

Result<void> GraphWalk::measure(std::span<const Node> nodes, float* out) {
  exact_.score(TRY(graph_.vectors().fetch(nodes, scratch_.fetched, stats_)), nodes.size(), out);
  exact_.count(nodes.size(), stats_);
  return {};
}

size_t GraphWalk::scan_step() const {
  return std::clamp<size_t>(kScanBytes / graph_.vectors().stride(), 1, kScanStep);
}

Result<void> GraphWalk::scan(std::span<const Node> nodes, TopK& top) {
  const size_t step = scan_step();
  float distances[kScanStep];
  for (; !nodes.empty(); nodes = nodes.subspan(std::min(step, nodes.size()))) {
    const auto some = nodes.first(std::min(step, nodes.size()));
    TRY(measure(some, distances));
    for (size_t i = 0; i < some.size(); ++i)
      if (distances[i] <= top.bound()) top.push({distances[i], index_.rows().row(some[i])});
    TRY(stop_.check());
  }
  return {};
}

Result<void> GraphWalk::scan_all(TopK& top) {
  std::vector<Node> nodes;
  Result<void> scanned;
  const auto flush = [&] {
    scanned = scan(nodes, top);
    nodes.clear();
    return scanned.ok();
  };
  const auto visit = [&](Node node) {
    if (node >= nodes_ || index_.rows().removed(node)) return true;
    nodes.push_back(node);
    return nodes.size() < kScanStep || flush();
  };
  if (allowed_ != nullptr) {
    allowed_->for_each([&](Row row) { return visit(index_.rows().find(row)); });
  } else {
    for (Node node = 0; node < nodes_ && visit(node); ++node) {
    }
  }
  TRY(std::move(scanned));
  return scan(nodes, top);
}

Result<void> GraphWalk::scan_pending(TopK& top) {
  std::vector<Node> nodes;
  for (Node node = index_.pending_prefix(); node < nodes_; ++node)
    if (!graph_.linked(node) && returnable(node)) nodes.push_back(node);
  stats_.pending_scanned += nodes.size();
  return scan(nodes, top);
}

Result<void> GraphWalk::walk_nearest(size_t beam, size_t k) {
  if (codes_ != nullptr) {
    const Measure measure(graph_.vectors(), codes_);
    TRY(walk(beam, k, code_scorer()));
    const size_t near = std::min(std::max(k, Measure::kBlurRank), found_count());
    if (near == 0 || !measure.blurred(scratch_.code, found(near - 1).node)) return {};
    codes_ = nullptr;
  }
  return walk(beam, k, exact_);
}

Result<void> GraphWalk::walk(size_t beam, size_t k, const RowScorer& scorer) {
  beam_ = beam;
  scratch_.linear.reset(beam, k, kPatience + beam / 3);
  scratch_.filtered.reset(beam);
  const std::optional<GraphEntry> entry = graph_.entry();
  if (!entry) return {};
  nodes_ = index_.rows().size();  // the entry may be newer than the search
  Candidate nearest = way_in(graph_, *entry, scorer, nodes_, scratch_.step, stats_);
  for (uint32_t layer = entry->level; layer > 0; --layer)
    nearest = descend(graph_, scorer, layer, nearest, scratch_.step, stats_);
  scratch_.visited.reset(nodes_);
  scratch_.visited.insert(nearest.node);
  const BaseLayer base{&graph_.base()};
  if (!filtered_) {
    scratch_.linear.insert(nearest.distance, nearest.node, true);
    add_starts(graph_, scorer, 0, nodes_, scratch_.visited, stats_,
               [&](float distance, Node node) { scratch_.linear.insert(distance, node, true); });
    return beam_search(base, scorer, AllNodes{}, scratch_.linear, scratch_.visited, scratch_.step, stop_,
                       stats_);
  }
  scratch_.filtered.insert(nearest.distance, nearest.node, any_returnable(nearest.node));
  add_starts(graph_, scorer, 0, nodes_, scratch_.visited, stats_, [&](float distance, Node node) {
    scratch_.filtered.insert(distance, node, any_returnable(node));
  });
  return beam_search(
      base, scorer, [this](Node node) { return any_returnable(node); }, scratch_.filtered, scratch_.visited,
      scratch_.step, stop_, stats_);
}

/// Visits what the walk found, nearest first, until `visit` returns false.
template <typename Visit>
void GraphWalk::for_each_found(Visit visit) const {
  for (size_t i = 0; i < found_count(); ++i)
    if (!visit(found(i))) return;
}

Result<void> GraphWalk::collect(TopK& top) {
  if (codes_ != nullptr) return rerank(top);
  for_each_found([&](Candidate candidate) {
    const bool wanted_still = candidate.distance <= top.bound();
    if (wanted_still) push_group(candidate, top);
    return wanted_still;
  });
  return {};
}

/// How far off a candidate's estimate may be. That of one serves all: errors of codes near one another differ
/// little.
float GraphWalk::code_error(Candidate near, float sigmas) {
  return codes_->code().error_bound_near(scratch_.code.prepared(), codes_->extents().at(near.node),
                                         near.distance, sigmas);
}

/// Who asks for a wide beam wants the last rows too, and those are the ones that a bound misses.
float GraphWalk::rerank_sigmas() const {
  const float doublings = std::log2(static_cast<float>(std::max(beam_, kSigmasBeam)) / kSigmasBeam);
  return kRerankSigmas + doublings / 2;
}

/// Candidates come in order of their estimates, so the first one that is too far by its bound ends it. Whole
/// steps, for a few more cost next to nothing and find what the bound, which holds for most codes only, would
/// have missed.
Result<void> GraphWalk::rerank(TopK& top) {
  if (graph_.vectors().leaves_memory()) return rerank_from_disk(top);
  const size_t size = found_count();
  Node nodes[kRerankStep];
  float distances[kRerankStep];
  float width = -1;
  const auto prefetch = [&](size_t begin) {
    for (size_t i = begin; i < std::min(size, begin + kRerankStep); ++i)
      exact_.prefetch(exact_.row(found(i).node));
  };
  prefetch(0);
  for (size_t begin = 0; begin < size; begin += kRerankStep) {
    if (top.full()) {
      if (width < 0) width = code_error(found(begin), rerank_sigmas());
      if (found(begin).distance - width > top.bound()) break;
    }
    const size_t count = std::min(kRerankStep, size - begin);
    prefetch(begin + count);
    for (size_t i = 0; i < count; ++i) nodes[i] = found(begin + i).node;
    TRY(measure({nodes, count}, distances));
    for (size_t i = 0; i < count; ++i)
      if (distances[i] <= top.bound()) push_group({distances[i], nodes[i]}, top);
  }
  return {};
}

/// Where each vector costs a read they are counted, and so are the turns of the disk: first k, then as many
/// at once as the bound leaves open, but for a long tail of them the turn before is waited for, which narrows
/// it.
Result<void> GraphWalk::rerank_from_disk(TopK& top) {
  const size_t size = found_count();
  Node nodes[kScanStep];
  float distances[kScanStep];
  float width = -1;
  for (size_t begin = 0, count = 0; begin < size; begin += count) {
    if (top.full() && width < 0) width = code_error(found(begin), std::max(kReadSigmas, rerank_sigmas()));
    const size_t turn = top.full() ? std::max(kReadsTurn, top.capacity()) : top.capacity();
    const size_t most = std::min({size - begin, scan_step(), turn});
    for (count = 0; count < most; ++count) {
      const Candidate candidate = found(begin + count);
      if (top.full() && candidate.distance - width > top.bound()) break;
      nodes[count] = candidate.node;
    }
    if (count == 0) break;
    TRY(measure({nodes, count}, distances));
    for (size_t i = 0; i < count; ++i)
      if (distances[i] <= top.bound()) push_group({distances[i], nodes[i]}, top);
  }
  return {};
}

void GraphWalk::push_group(Candidate candidate, TopK& top) {
  size_t pushed = 0;
  for (uint64_t step = 1; candidate.node < nodes_;
       candidate.node = graph_.next_equal(candidate.node), ++step) {
    if (step % kChainSteps == 0 && !stop_.check()) return;
    if (!returnable(candidate.node)) continue;
    top.push({candidate.distance, index_.rows().row(candidate.node)});
    if (++pushed == top.capacity()) return;  // the rest of the chain is no nearer
  }
}

/// So may one whose estimate is no number.
bool GraphWalk::may_lie_within(float radius, Candidate estimate) {
  return estimate.distance <= radius || !(estimate.distance - code_error(estimate, kReadSigmas) > radius);
}

Result<void> GraphWalk::start_ring(float radius, bool estimates, TopK& top) {
  Node nodes[kScanStep];
  float distances[kScanStep];
  const size_t step = scan_step();
  scratch_.ring.clear();
  for (size_t next = 0; next < found_count();) {
    size_t count = 0;
    for (; next < found_count() && count < step; ++next) {
      const Candidate candidate = found(next);
      if (estimates ? !may_lie_within(radius, candidate) : candidate.distance > radius) continue;
      nodes[count] = candidate.node;
      distances[count++] = candidate.distance;
    }
    if (estimates) TRY(measure({nodes, count}, distances));
    for (size_t i = 0; i < count; ++i) {
      if (!(distances[i] <= radius)) continue;
      scratch_.ring.push_back({distances[i], nodes[i]});
      push_group(scratch_.ring.back(), top);
    }
  }
  return {};
}

/// Of the nodes that were gathered with `code` keeps those worth a read; how many.
size_t GraphWalk::keep_within(float radius, const RowScorer& code, size_t count) {
  StepScratch& step = scratch_.step;
  code.score(step.rows.data(), count, step.distances.data());
  code.count(count, stats_);
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i)
    if (may_lie_within(radius, {step.distances[i], step.nodes[i]})) step.nodes[kept++] = step.nodes[i];
  return kept;
}

/// From what the walk found within the radius, on to all that can be reached from there without leaving it.
/// The radius shrinks to that of the nearest rows_max when there are more.
Result<void> GraphWalk::widen_to_radius(float user_radius, const RowScorer& scorer, TopK& top) {
  const float offset = graph_.space().offset;  // rounding of the subtraction must not cut off the rim
  const float radius = offset == 0 ? user_radius : user_radius - offset + 1e-6f;
  std::vector<Candidate>& ring = scratch_.ring;
  StepScratch& step = scratch_.step;
  TRY(start_ring(radius, scorer.codes, top));
  // The walk has seen the neighbours of all these and kept only the nearest of them: they are asked again.
  scratch_.visited.reset(nodes_);
  for (const Candidate& seen : ring) scratch_.visited.insert(seen.node);
  step.reserve(graph_.base().capacity());
  for (size_t next = 0; next < ring.size(); ++next) {
    if (next % 32 == 31) TRY(stop_.check());
    if (ring[next].distance > top.bound()) continue;
    size_t count =
        graph::gather_unvisited(BaseLayer{&graph_.base()}, scorer, ring[next].node, scratch_.visited, step);
    if (scorer.codes) count = keep_within(std::min(radius, top.bound()), scorer, count);
    TRY(measure({step.nodes.data(), count}, step.distances.data()));
    ++stats_.hops;
    for (size_t i = 0; i < count; ++i) {
      const Candidate found{step.distances[i], step.nodes[i]};
      if (!(found.distance <= radius) || found.distance > top.bound()) continue;
      ring.push_back(found);
      push_group(found, top);
    }
  }
  return stop_.check();
}

/// Both nearest first, each row once, in the distances that callers see.
SearchAnswer GraphWalk::merge(TopK& graph, TopK& pending, size_t k) {
  SearchAnswer answer;
  answer.stats = stats_;
  answer.neighbors = graph.take();
  std::vector<Neighbor> extra = pending.take();
  auto& all = answer.neighbors;
  if (!extra.empty()) {
    all.insert(all.end(), extra.begin(), extra.end());
    std::sort(all.begin(), all.end(), [](const Neighbor& a, const Neighbor& b) { return a.row < b.row; });
    all.erase(std::unique(all.begin(), all.end(),
                          [](const Neighbor& a, const Neighbor& b) { return a.row == b.row; }),
              all.end());
    std::sort(all.begin(), all.end());
    if (all.size() > k) all.resize(k);
  }
  if (const float offset = graph_.space().offset; offset != 0)
    for (Neighbor& neighbor : all) neighbor.distance += offset;
  return answer;
}

}  // namespace kith

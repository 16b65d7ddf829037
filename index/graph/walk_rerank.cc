// GraphWalk's last step: from what a walk found to the k nearest in exact distances.
#include <algorithm>
#include <cmath>

#include "index/graph/graph_walk.h"

namespace kith {
namespace {

constexpr size_t kRerankStep = 16;   // rows a kernel call in reranking
constexpr float kRerankSigmas = 2;   // of the estimate's error: a row this far beyond the k-th is left out
constexpr size_t kSigmasBeam = 64;   // up to this beam; half of one more each time it doubles
constexpr float kReadSigmas = 2.5f;  // the same where only rows within the bound are read
constexpr size_t kReadsTurn = 32;    // rows read at once in reranking, or k: enough to keep a disk busy

}  // namespace

Result<void> GraphWalk::collect(TopK& top) {
  if (codes_ != nullptr) return rerank(top);
  for (size_t i = 0; i < found_count() && found(i).distance <= top.bound(); ++i) push_group(found(i), top);
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
  if (plan_ == FilterPlan::kCodeScan) {  // it lists equal vectors one by one
    if (filter_.returnable(candidate.node)) top.push({candidate.distance, index_.rows().row(candidate.node)});
    return;
  }
  const LabelTable* const labels =
      plan_ == FilterPlan::kLabels && graph_.nested() ? graph_.labels() : nullptr;
  if (labels != nullptr && candidate.node == left_out_) return;
  const LabelSetNumber set = labels == nullptr ? 0 : labels->set_of(candidate.node);
  size_t pushed = 0;
  for (uint64_t step = 1; candidate.node < nodes_;
       candidate.node = graph_.next_equal(candidate.node), ++step) {
    if (step % RowFilter::kChainSteps == 0 && !stop_.check()) return;
    if (labels != nullptr && labels->set_of(candidate.node) != set) continue;
    if (!filter_.returnable(candidate.node)) continue;
    top.push({candidate.distance, index_.rows().row(candidate.node)});
    if (++pushed == top.capacity()) return;  // the rest of the chain is no nearer
  }
}

}  // namespace kith

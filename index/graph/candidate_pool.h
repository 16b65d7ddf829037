// Candidate pools of a beam search: what to expand next, and what to return.
//
// LinearPool serves walks that may return every node: one sorted array of at most `beam` candidates, each
// marked when expanded, with a cursor at the first that is not (the "NeighborPriorityQueue" of DiskANN; two
// heaps cost more at the beams in use). FilteredPool serves walks that may return only some nodes: it keeps a
// heap of all candidates and a sorted beam of accepted ones, and goes on until the beam is full and nothing
// nearer is left to expand, which is SEARCH-LAYER of Malkov and Yashunin with W holding accepted nodes only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "index/node.h"

namespace kith {

struct Candidate {
  float distance;
  Node node;
};

namespace graph {

/// Position after the last entry whose distance is ≤ `distance`.
inline size_t upper_bound(const Candidate* sorted, size_t size, float distance) {
  size_t begin = 0;
  while (size > 0) {
    const size_t half = size / 2;
    const bool right = sorted[begin + half].distance <= distance;
    begin = right ? begin + half + 1 : begin;
    size = right ? size - half - 1 : half;
  }
  return begin;
}

inline void insert_at(Candidate* sorted, size_t position, size_t size, Candidate candidate) {
  std::memmove(sorted + position + 1, sorted + position, (size - position) * sizeof(Candidate));
  sorted[position] = candidate;
}

}  // namespace graph

class LinearPool {
 public:
  /// The walk ends when `patience` steps in a row have brought nothing among the nearest `watched`, for then
  /// little more will come (early termination as in KBest): of the queries that need a wide beam for a high
  /// recall most are answered long before it is exhausted. Once the beam is full only its
  /// nearest `expanded` are expanded; those behind them are kept for the answer.
  void reset(size_t beam, size_t watched = 0, size_t patience = SIZE_MAX, size_t expanded = SIZE_MAX) {
    if (entries_.size() < beam + 1) entries_.resize(beam + 1);
    watched_ = watched;
    patience_ = patience;
    expanded_ = expanded;
    quiet_ = 0;
    beam_ = beam;
    size_ = 0;
    cursor_ = 0;
    bound_ = std::numeric_limits<float>::infinity();
  }

  void insert(float distance, Node node, bool /*accepted*/) {
    if (!(distance < bound_) && size_ == beam_) return;
    fresh_.assign(1, {distance, node});
    merge(1);
  }

  /// Keeps the expanded candidates that leave the beam, which are the way that a walk came, at the end of
  /// `trail`; null ends that.
  void keep_trail(std::vector<Candidate>* trail) { trail_ = trail; }

  /// Keeps all that is offered, near or not, in `met`, emptied first; null ends that.
  void keep_met(std::vector<Candidate>* met) {
    met_ = met;
    if (met_ != nullptr) met_->clear();
  }

  /// Takes in those of `count` candidates that are near enough.
  template <typename Filter>
  void offer(const float* distances, const Node* nodes, size_t count, const Filter& /*all pass*/) {
    if (fresh_.size() < count) fresh_.resize(count);
    if (met_ != nullptr)
      for (size_t i = 0; i < count; ++i) met_->push_back({distances[i], nodes[i]});
    Candidate* fresh = fresh_.data();
    size_t kept = 0;
    for (size_t i = 0; i < count; ++i) {  // no branch: few of them are near enough, none knows which
      fresh[kept] = {distances[i], nodes[i]};
      kept += distances[i] < bound_;
    }
    if (kept == 0) return;
    for (size_t i = 1; i < kept; ++i) {
      const Candidate candidate = fresh[i];
      size_t hole = i;
      for (; hole > 0 && fresh[hole - 1].distance > candidate.distance; --hole) fresh[hole] = fresh[hole - 1];
      fresh[hole] = candidate;
    }
    merge(std::min(kept, beam_));
  }

  /// The nearest candidate not expanded yet, now marked; kNoNode at the end of the walk.
  Node next() {
    Candidate* entries = entries_.data();
    const size_t end = expandable();
    while (cursor_ < end && (entries[cursor_].node & kExpanded)) ++cursor_;
    if (cursor_ >= end || ++quiet_ > patience_) return kNoNode;
    const Node node = entries[cursor_].node;
    entries[cursor_++].node |= kExpanded;
    return node;
  }

  /// The one that `next` would return, or kNoNode: a hint for prefetching.
  Node peek() const {
    const Candidate* entries = entries_.data();
    const size_t end = expandable();
    size_t at = cursor_;
    while (at < end && (entries[at].node & kExpanded)) ++at;
    return at < end ? entries[at].node : kNoNode;
  }

  /// After the walk: drops candidates that do not pass.
  template <typename Filter>
  void keep(Filter&& passes) {
    size_t kept = 0;
    for (size_t i = 0; i < size_; ++i)
      if (passes(entries_[i].node & ~kExpanded)) entries_[kept++] = entries_[i];
    size_ = kept;
  }

  size_t size() const { return size_; }
  /// Nearest first.
  Candidate operator[](size_t i) const { return {entries_[i].distance, entries_[i].node & ~kExpanded}; }

 private:
  static constexpr Node kExpanded = 0x80000000u;

  /// Merges the first `count` of fresh_, sorted, into the beam in one pass from its far end; equal distances
  /// come after those that were there.
  void merge(size_t count) {
    Candidate* entries = entries_.data();
    const Candidate* fresh = fresh_.data();
    size_t old = size_;
    size_ = std::min(size_ + count, beam_);
    for (size_t over = old + count - size_; over > 0; --over) {
      if (entries[old - 1].distance > fresh[count - 1].distance) {
        --old;
        if (trail_ != nullptr && (entries[old].node & kExpanded))
          trail_->push_back({entries[old].distance, entries[old].node & ~kExpanded});
      } else {
        --count;
      }
    }
    for (size_t hole = old + count; count > 0;) {
      if (old > 0 && entries[old - 1].distance > fresh[count - 1].distance) {
        entries[--hole] = entries[--old];
      } else {
        entries[--hole] = fresh[--count];
        if (hole < cursor_) cursor_ = hole;
        if (hole < watched_) quiet_ = 0;
      }
    }
    if (size_ == beam_) bound_ = entries[beam_ - 1].distance;
  }

  /// A full beam may be expanded in part only.
  size_t expandable() const { return size_ == beam_ ? std::min(size_, expanded_) : size_; }

  std::vector<Candidate> entries_;
  std::vector<Candidate>* trail_ = nullptr;
  std::vector<Candidate>* met_ = nullptr;
  std::vector<Candidate> fresh_;
  size_t beam_ = 0;
  size_t size_ = 0;
  size_t watched_ = 0;
  size_t patience_ = 0;
  size_t expanded_ = 0;
  size_t quiet_ = 0;   // steps since one brought something among the watched
  size_t cursor_ = 0;  // no candidate before it is unexpanded
  float bound_ = 0;
};

class FilteredPool {
 public:
  void reset(size_t beam) {
    if (accepted_.size() < beam + 1) accepted_.resize(beam + 1);
    beam_ = beam;
    size_ = 0;
    heap_.clear();
    bound_ = std::numeric_limits<float>::infinity();
  }

  template <typename Filter>
  void offer(const float* distances, const Node* nodes, size_t count, Filter& filter) {
    for (size_t i = 0; i < count; ++i)
      if (distances[i] < bound_) insert(distances[i], nodes[i], filter(nodes[i]));
  }

  void insert(float distance, Node node, bool accepted) {
    if (!(distance < bound_) && size_ == beam_) return;
    heap_.push_back({distance, node});
    std::push_heap(heap_.begin(), heap_.end(), farther);
    if (!accepted) return;
    const size_t position = graph::upper_bound(accepted_.data(), size_, distance);
    const size_t kept = size_ < beam_ ? size_ : beam_ - 1;
    graph::insert_at(accepted_.data(), position, kept, {distance, node});
    size_ = kept + 1;
    if (size_ == beam_) bound_ = accepted_[beam_ - 1].distance;
  }

  Node next() {
    if (heap_.empty()) return kNoNode;
    if (size_ == beam_ && heap_.front().distance > bound_) return kNoNode;
    const Node node = heap_.front().node;
    std::pop_heap(heap_.begin(), heap_.end(), farther);
    heap_.pop_back();
    return node;
  }

  Node peek() const { return heap_.empty() ? kNoNode : heap_.front().node; }

  size_t size() const { return size_; }
  Candidate operator[](size_t i) const { return accepted_[i]; }
  /// What is not nearer is taken no more.
  float bound() const { return bound_; }

 private:
  static bool farther(const Candidate& a, const Candidate& b) { return a.distance > b.distance; }

  std::vector<Candidate> heap_;      // nearest at the front
  std::vector<Candidate> accepted_;  // sorted, the first size_ count
  size_t beam_ = 0;
  size_t size_ = 0;
  float bound_ = 0;
};

}  // namespace kith

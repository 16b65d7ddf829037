#include "index/graph/select_neighbors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "index/graph/fused_metric.h"

namespace kith {
namespace {

constexpr size_t kStep = 8;        // rows a kernel call: a full group of the widest kernels
constexpr float kRungStep = 1.1f;  // between rungs of the ladder
constexpr float kOccluded = std::numeric_limits<float>::infinity();

/// Raw distances as squared Euclidean ones: scale · raw + shift, and of inner products both squared lengths.
struct Euclidean {
  float scale = 1;
  float shift = 0;

  explicit Euclidean(const VectorSpace& space) {
    if (space.metric == Metric::kCosine || space.metric == Metric::kInnerProduct) scale = 2;
    if (space.normalised) shift = 2;
  }
  float squared(float raw, float norm_a, float norm_b) const {
    return std::max(0.0f, scale * raw + shift + norm_a + norm_b);
  }
};

/// How far kept r occludes candidate c. Raw distances compared as they are.
struct Nearer {
  float operator()(const PruneCandidate& c, float /*kept*/, float raw, float /*squared*/) const {
    return raw < c.distance ? kOccluded : 0;
  }
};

/// d²(p, c) / d²(r, c), of the two the one farther from the centre as c: rungs keep out of order.
struct Ratio {
  float operator()(const PruneCandidate& c, float kept, float /*raw*/, float squared) const {
    return std::max(c.squared, kept) / squared;
  }
};

/// The same by nearer ones alone.
struct NearerRatio {
  float operator()(const PruneCandidate& c, float kept, float /*raw*/, float squared) const {
    return kept > c.squared ? 0 : c.squared / squared;
  }
};

/// Law of cosines at the centre.
struct Angle {
  float cosine;
  float operator()(const PruneCandidate& c, float kept, float /*raw*/, float squared) const {
    const float limit = c.squared + kept - 2 * cosine * std::sqrt(c.squared * kept);
    return squared < limit ? kOccluded : 0;
  }
};

class Selection {
 public:
  Selection(const Measure& measure, Node centre, uint32_t max, PruneScratch& scratch, LabelRule labels,
            const LabelTable* fused)
      : measure_(measure),
        space_(measure.space()),
        euclidean_(space_),
        centre_(centre),
        max_(max),
        scratch_(scratch),
        labels_(labels),
        fused_(fused) {
    scratch.kept.clear();
    scratch.all.clear();
    scratch.fresh.clear();
    for (const PruneCandidate& candidate : scratch.candidates) forced_left_ += candidate.forced;
  }

  /// What rules on Euclidean distances need.
  void prepare_squared() {
    norms_ = space_.metric == Metric::kInnerProduct;
    if (norms_) centre_norm_ = norm(centre_);
    for (PruneCandidate& candidate : scratch_.candidates) {
      const float own = norms_ ? norm(candidate.node) : 0;
      candidate.squared =
          euclidean_.squared(candidate.distance, centre_norm_, own) * stretch(centre_, candidate.node);
    }
  }

  /// For rules on distances that are not those by which candidates came.
  void sort_by_squared() {
    std::ranges::sort(scratch_.candidates, {},
                      [](const PruneCandidate& c) { return std::pair(c.squared, c.node); });
  }

  /// Keeps every candidate that no kept one occludes by more than `limit`.
  template <bool kShortcut, bool kSquared, typename Occlusion>
  void pass(float limit, Occlusion occlusion) {
    for (PruneCandidate& candidate : scratch_.candidates) {
      if (scratch_.kept.size() == max_) break;
      if (candidate.node == kNoNode) continue;
      if (candidate.forced) {
        --forced_left_;
      } else {
        if (scratch_.kept.size() + forced_left_ >= max_) continue;
        const auto& against = kShortcut && candidate.checked ? scratch_.fresh : scratch_.all;
        if (occluded<kSquared>(candidate, against, limit, occlusion)) continue;
      }
      keep(candidate);
    }
  }

  /// What candidates are compared with from now on.
  void compare_with_all() {
    for (const PruneCandidate& candidate : scratch_.candidates) add(scratch_.all, candidate);
  }

  /// Leaves in `edges`, which are candidates, those that others and edges before them do not occlude by more
  /// than `limit`, with what they are occluded by.
  void drop_occluded(std::vector<PruneCandidate>& edges, float limit) {
    std::erase_if(edges, [&](PruneCandidate& edge) {
      if (occluded<true>(edge, scratch_.all, limit, NearerRatio{})) return true;
      if (edge.occlusion <= 1) add(scratch_.all, edge);
      return false;
    });
  }

  void keep_nearest() {
    for (PruneCandidate& candidate : scratch_.candidates) {
      if (scratch_.kept.size() == max_) break;
      if (candidate.forced) --forced_left_;
      if (candidate.forced || scratch_.kept.size() + forced_left_ < max_) take(candidate, true);
    }
  }

  void fill() {
    for (PruneCandidate& candidate : scratch_.candidates) {
      if (scratch_.kept.size() == max_) break;
      if (candidate.node != kNoNode) take(candidate, false);
    }
  }

 private:
  float norm(Node node) {
    ++scratch_.measured;
    return -measure_.between(node, scratch_.query).score_one(node);
  }

  template <bool kSquared, typename Occlusion>
  bool occluded(PruneCandidate& candidate, const PruneScratch::Rows& against, float limit,
                Occlusion occlusion) {
    if (candidate.occlusion > limit) return true;
    const size_t count = against.rows.size();
    if (candidate.compared == count) return false;
    const RowScorer scorer = measure_.between(candidate.node, scratch_.query);
    const float own = kSquared && norms_ ? candidate_norm(candidate) : 0;
    float raw[kStep];
    while (candidate.compared < count) {
      const size_t begin = candidate.compared;
      const size_t step = std::min(kStep, count - begin);
      scorer.score(against.rows.data() + begin, step, raw);
      scratch_.measured += step;
      candidate.compared = static_cast<uint16_t>(begin + step);
      for (size_t i = 0; i < step; ++i) {
        float squared = 0;
        if constexpr (kSquared)
          squared = euclidean_.squared(raw[i], own, norms_ ? against.norms[begin + i] : 0) *
                    stretch(candidate.node, against.nodes[begin + i]);
        const float by = occlusion(candidate, against.squared[begin + i], raw[i], squared);
        if (by > candidate.occlusion &&
            labels_.may_occlude(centre_, candidate.node, against.nodes[begin + i]))
          candidate.occlusion = by;
      }
      if (candidate.occlusion > limit) return true;
    }
    return false;
  }

  /// What the fused metric makes of a squared distance.
  float stretch(Node a, Node b) const {
    return fused_ == nullptr ? 1 : fused_stretch(*fused_, fused_->walk_set(a), fused_->walk_set(b));
  }

  /// Its squared length, by what is known of it.
  float candidate_norm(const PruneCandidate& c) const {
    return c.squared - centre_norm_ - euclidean_.scale * c.distance;
  }

  void keep(PruneCandidate& candidate) {
    add(scratch_.all, candidate);
    if (!candidate.checked) add(scratch_.fresh, candidate);
    take(candidate, true);
  }

  void add(PruneScratch::Rows& rows, const PruneCandidate& candidate) const {
    rows.rows.push_back(measure_.row(candidate.node));
    rows.nodes.push_back(candidate.node);
    rows.squared.push_back(candidate.squared);
    if (norms_) rows.norms.push_back(candidate_norm(candidate));
  }

  void take(PruneCandidate& candidate, bool checked) {
    scratch_.kept.push_back({candidate.distance, candidate.node, checked, checked && candidate.forced});
    candidate.node = kNoNode;
  }

  const Measure& measure_;
  const VectorSpace& space_;
  Euclidean euclidean_;
  Node centre_;
  uint32_t max_;
  PruneScratch& scratch_;
  LabelRule labels_;
  const LabelTable* fused_;
  size_t forced_left_ = 0;
  bool norms_ = false;  // are needed
  float centre_norm_ = 0;
};

bool nearer(const PruneCandidate& a, const PruneCandidate& b) {
  return a.distance < b.distance || (a.distance == b.distance && a.node < b.node);
}

}  // namespace

void select_neighbors(const Measure& measure, const PruneRule& rule, Node centre, uint32_t max,
                      bool keep_pruned, PruneScratch& scratch, LabelRule labels) {
  Selection selection(measure, centre, max, scratch, rule.fused ? LabelRule() : labels,
                      rule.fused ? labels.table : nullptr);
  if (rule.kind == PruneRule::Kind::kClosest || rule.kind == PruneRule::Kind::kTwoHops) {
    selection.keep_nearest();
  } else if (rule.kind == PruneRule::Kind::kAngle) {
    selection.prepare_squared();
    const float radians = rule.degrees * std::numbers::pi_v<float> / 180;
    selection.pass<true, true>(1, Angle{std::cos(radians)});
  } else if (!rule.ladder() && !rule.fused) {
    selection.pass<true, false>(1, Nearer{});
  } else {
    selection.prepare_squared();
    if (rule.fused) selection.sort_by_squared();
    for (float rung = 1;; rung = std::min(rung * kRungStep, rule.alpha)) {
      selection.pass<false, true>(rung * rung, Ratio{});
      if (rung == rule.alpha || scratch.kept.size() == max) break;
    }
    std::sort(scratch.kept.begin(), scratch.kept.end(), nearer);
  }
  if (keep_pruned) selection.fill();
}

void select_worthy(const Measure& measure, const PruneRule& rule, Node centre, size_t fill,
                   std::vector<PruneCandidate>& edges, PruneScratch& scratch, LabelRule labels) {
  Selection selection(measure, centre, 0, scratch, labels, nullptr);
  selection.prepare_squared();
  selection.compare_with_all();
  scratch.candidates.swap(edges);
  selection.prepare_squared();
  scratch.candidates.swap(edges);
  std::sort(edges.begin(), edges.end(), nearer);
  selection.drop_occluded(edges, rule.alpha * rule.alpha);
  const auto others = std::stable_partition(edges.begin(), edges.end(),
                                            [](const PruneCandidate& edge) { return edge.occlusion <= 1; });
  std::ranges::stable_sort(others, edges.end(), {}, &PruneCandidate::occlusion);
  const auto essential = static_cast<size_t>(others - edges.begin());
  edges.resize(std::min(edges.size(), std::max(essential, fill)));
  for (PruneCandidate& edge : edges) edge = {edge.distance, edge.node};
  std::sort(edges.begin(), edges.end(), nearer);
}

}  // namespace kith

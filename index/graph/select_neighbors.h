// select_neighbors: which of its candidates a node links to. Candidates come from near to far, and one is
// kept unless one kept before it occludes it. What occludes is the rule:
//
//   kClosest   nothing: the nearest are kept (NSW; k-NN graphs)
//   kRelative  kept r occludes c of centre p when α·d(r, c) < d(p, c): at α = 1 the relative neighbourhood
//              rule of HNSW (Malkov and Yashunin, Algorithm 4) and NSG, above it RobustPrune of Vamana
//              (Subramanya et al., NeurIPS 2019). With α > 1 the list is filled on a ladder: first the edges
//              that pass at 1, then, while there is room, those that pass at a larger one
//   kAngle     r occludes c when the angle r p c is below `degrees` (NSSG, Fu et al., TPAMI 2021)
//   kTwoHops   nothing by distance: what a filter will leave of a list is not known. On layer 0 lists are
//              compressed instead (select_recoverable.h)
//
// Convention: d is the true Euclidean distance, whatever the metric, and α and angles are given on it. It is
// taken squared from the raw distance of vector_store.h: L2 as it is; Hamming likewise (bits are 0/1
// coordinates); cosine 2·raw + 2 over vectors kept at length 1, else 2·raw; inner product |a|² + |b|² +
// 2·raw. (A test on negated inner products themselves would turn around where they change sign.) At α = 1 the
// raw distances are compared as they are, which is the same but for inner products: there it is the rule of
// ip-NSW (Morozov and Babenko, NeurIPS 2018), by which long vectors become hubs, as they are answers to most
// queries.
//
// Cheap because: candidates are measured against the kept ones by calls of the batch kernel, a few rows at a
// time, nearest first, since most fall early. What was measured on one rung of the ladder is not measured on
// the next. And where there is no ladder, candidates known to have passed against each other (the `checked`
// prefix that an earlier pruning of the same list left) are not measured again: the result is the same.
//
// `forced` candidates are kept whatever the rule says: the edges that hold the graph together (linker.h).
#pragma once

#include <vector>

#include "index/graph/candidate_pool.h"
#include "index/graph/label_table.h"
#include "index/graph/measure.h"

namespace kith {

struct PruneRule {
  enum class Kind : uint8_t { kClosest, kRelative, kAngle, kTwoHops };
  Kind kind = Kind::kRelative;
  float alpha = 1;     // of kRelative, ≥ 1
  float degrees = 60;  // of kAngle
  bool fused = false;  // with labels: distances are those of the fused metric, and labels spare nothing

  bool ladder() const { return kind == Kind::kRelative && alpha > 1; }
};

struct PruneCandidate {
  float distance;  // raw, to the centre
  Node node;
  bool checked = false;  // passed the rule against all other checked ones
  bool forced = false;
  uint16_t compared = 0;  // with so many of the kept
  float squared = 0;      // Euclidean distance to the centre, squared
  float occlusion = 0;    // by the worst of those compared: d²(p, c) / d²(r, c), or 0 and infinity
};

/// When labels let a kept candidate occlude another one.
struct LabelRule {
  enum class Kind : uint8_t {
    kShared,  // LabelTable::may_occlude
    kUp,      // of edges that lead to more labels: the other has all labels of the kept one
    kDown,    // of where such edges come from: the kept one has all labels of the other
  };
  const LabelTable* table = nullptr;  // null: always
  Kind kind = Kind::kShared;

  LabelRule(const LabelTable* labels = nullptr, Kind which = Kind::kShared) : table(labels), kind(which) {}
  bool may_occlude(Node centre, Node candidate, Node kept) const {
    if (table == nullptr) return true;
    if (kind == Kind::kShared) return table->may_occlude(centre, candidate, kept);
    const LabelSetNumber theirs = table->walk_set(candidate), keeper = table->walk_set(kept);
    return kind == Kind::kUp ? table->within(keeper, theirs) : table->within(theirs, keeper);
  }
};

struct PruneScratch {
  std::vector<PruneCandidate> candidates;  // input, near to far
  std::vector<PruneCandidate> kept;        // output

  /// The kept ones as kernels want them.
  struct Rows {
    std::vector<const void*> rows;
    std::vector<float> squared;  // to the centre
    std::vector<float> norms;    // squared lengths; inner product only
    std::vector<Node> nodes;
    void clear() {
      rows.clear();
      nodes.clear();
      squared.clear();
      norms.clear();
    }
  };
  Rows all;
  Rows fresh;  // those that are not checked
  MeasureQuery query;
  uint64_t measured = 0;  // distances taken, ever
};

/// Selects at most `max` of scratch.candidates into scratch.kept, near to far, all checked. With
/// `keep_pruned` the nearest rejected ones fill what is left (not checked). At most `max` candidates may be
/// forced. A kept one occludes only where `labels` allow it, too.
void select_neighbors(const Measure& measure, const PruneRule& rule, Node centre, uint32_t max,
                      bool keep_pruned, PruneScratch& scratch, LabelRule labels = {});

/// Of edges that are to come into a full list, scratch.candidates (near to far), those worth a pruning of it:
/// what nothing nearer there occludes at 1, and of what passes at α the least occluded, `fill` more at most
/// less the others. For rules with a ladder. Near to far.
void select_worthy(const Measure& measure, const PruneRule& rule, Node centre, size_t fill,
                   std::vector<PruneCandidate>& edges, PruneScratch& scratch, LabelRule labels);

}  // namespace kith

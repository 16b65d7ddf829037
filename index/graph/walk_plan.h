// WalkPlan: which FilterPlan a search under a filter begins with, how wide it walks, and where it goes on
// when that did not answer. Plain arithmetic on how many rows are allowed; a planner that knows more of the
// data asks for a plan by name.
#pragma once

#include <cstdint>

#include "index/index.h"

namespace kith {

struct PlanInput {
  uint64_t nodes = 0;    // of the index; ≥ 1
  uint64_t matches = 0;  // rows that may be returned, at most; ≤ nodes
  uint64_t k = 0;
  uint64_t effort = 0;
  bool codes = false;   // the index measures on codes
  bool labels = false;  // there are edges for the labels asked for
  uint32_t gamma = 1;   // above 1: lists are made for two hops where one row in so many passes (ACORN-γ)
  uint64_t distances_max = 0;  // as in SearchRequest
  FilterPlan fallback = FilterPlan::kAuto;

  double share() const { return static_cast<double>(matches) / static_cast<double>(nodes); }
};

/// Bits of the rows allowed are worth their making. Numbers are not given twice, so these may lie far apart.
constexpr bool bits_pay(uint64_t blocks, uint64_t nodes) {
  return blocks <= 1 + 32 * nodes / RowSet::kBlockRows;
}

/// Accepted nodes that an inline walk keeps. It goes through about 1 / share of them, so a wide beam is not
/// needed to see enough of the rows; the beam over all nodes that it amounts to is wider than that of a walk
/// without a filter by g(share) = 1, 2, 2^(-log10 share) (the adaptive L of DiskANN).
uint64_t inline_width(const PlanInput& input);
/// Candidates of the first walk of kPost: so many that k of them will be allowed and their neighbourhood was
/// searched as `effort` says. ≤ nodes.
uint64_t post_width(const PlanInput& input);
/// Candidates that a scan of codes keeps for its exact distances.
uint64_t code_scan_width(const PlanInput& input);

/// Never kAuto. Of what was asked for only what the index can do: kScan where there are no codes to scan.
FilterPlan first_plan(FilterPlan asked, const PlanInput& input);
/// After a walk that spent its budget or came back short.
FilterPlan next_plan(FilterPlan asked, FilterPlan failed, const PlanInput& input);
/// Distances that a walk may take before it is given up.
uint64_t walk_budget(FilterPlan asked, FilterPlan plan, const PlanInput& input);

}  // namespace kith

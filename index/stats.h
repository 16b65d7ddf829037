// Counters that every search fills. explain, tests and the planner's calibration read these and nothing else.
#pragma once

#include <cstdint>

namespace kith {

struct SearchStats {
  uint64_t full_distances = 0;         // distances on full vectors (ndc)
  uint64_t code_distances = 0;         // distances on quantised codes (nqc)
  uint64_t hops = 0;                   // graph nodes expanded
  uint64_t predicate_evaluations = 0;  // rows asked of a filter
  uint64_t walk_evaluations = 0;       // those of them that walks through all nodes met (inline, post)
  uint64_t walk_passes = 0;            // of these, rows that passed: what share does around the query
  uint64_t pending_scanned = 0;        // rows not yet linked, scanned exactly
  uint64_t ios = 0;                    // device reads
  uint64_t bytes_read = 0;             // bytes of those reads

  void add(const SearchStats& other) {
    full_distances += other.full_distances;
    code_distances += other.code_distances;
    hops += other.hops;
    predicate_evaluations += other.predicate_evaluations;
    walk_evaluations += other.walk_evaluations;
    walk_passes += other.walk_passes;
    pending_scanned += other.pending_scanned;
    ios += other.ios;
    bytes_read += other.bytes_read;
  }
};

}  // namespace kith

// Limits: the one typed table of what a request may ask. Validators check with it, docs/api.md is compared
// with it.
//
// A limit belongs to the embedding API as much as to the wire: a collection refuses what the server would
// refuse. Limits that exist only on the wire stand beside it in server/api/wire_limits.h.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace kith {

struct Limit {
  const char* name;
  uint64_t min;
  uint64_t max;
  uint64_t fallback;  // the value when a request says 0 or nothing; 0 = there is none
  const char* meaning;

  constexpr bool allows(uint64_t value) const { return value >= min && value <= max; }

  /// InvalidArgument naming `field`, the value and the bounds.
  Result<void> check(std::string_view field, uint64_t value) const {
    if (allows(value)) return {};
    return invalid_argument("{}: {} is outside {}..{} (limit '{}'); ask for a value within", field, value,
                            min, max, name);
  }
};

namespace limits {
inline constexpr uint64_t kMiB = 1ull << 20;

inline constexpr Limit kK{"k", 1, 10'000, 10, "hits per search"};
inline constexpr Limit kOffset{"offset", 0, 100'000, 0, "nearest rows skipped by a search"};
inline constexpr Limit kEffort{"effort", 0, 100'000, 0, "beam width of a search; 0 = the index kind's own"};
inline constexpr Limit kBatchQueries{"batch_queries", 1, 1'000, 0, "queries per SearchBatch"};
inline constexpr Limit kBatchPoints{"batch_points", 1, 10'000, 0, "points per batch of writes"};
inline constexpr Limit kBatchBytes{"batch_bytes", 1, 64 * kMiB, 0, "bytes per batch of writes"};
inline constexpr Limit kIds{"ids", 1, 10'000, 0, "ids per Get or Delete"};
inline constexpr Limit kScrollLimit{"scroll_limit", 1, 10'000, 100, "points per Scroll"};
inline constexpr Limit kRangeLimit{"range_limit", 1, 10'000, 1'000, "hits per RangeSearch"};
inline constexpr Limit kDim{"dim", 1, 65'535, 0, "dimensions of a vector field"};
inline constexpr Limit kFields{"fields", 1, 16, 0, "vector fields per collection"};
inline constexpr Limit kIdBytes{"id_bytes", 1, 1'024, 0, "bytes of a text id"};
inline constexpr Limit kNameBytes{"name_bytes", 1, 255, 0, "bytes of a collection or field name"};
inline constexpr Limit kCollections{"collections", 0, 10'000, 0, "collections per directory"};
inline constexpr Limit kPayloadBytes{"payload_bytes", 0, kMiB, 0, "bytes of a point's payload"};
inline constexpr Limit kMemoryBytesMax{"memory_bytes_max", 0, 1ull << 50, 0,
                                       "bytes of memory that a collection may take; 0 = no limit of its own"};
inline constexpr Limit kExpiresAt{"expires_at_ms", 0, 253'402'300'799'999, 0,
                                  "when a point expires, in milliseconds since 1970; 0 = never"};
inline constexpr Limit kPayloadFields{"payload_fields", 0, 256, 0, "declared payload fields of a collection"};
inline constexpr Limit kPayloadPathBytes{"payload_path_bytes", 1, 256, 0,
                                         "bytes of the names in a declared path"};
inline constexpr Limit kLabels{"labels", 0, 64, 0, "different values of a point at paths declared as labels"};
inline constexpr Limit kExamples{"examples", 1, 100, 0, "positive and negative examples of a Recommend"};
inline constexpr Limit kGroupSize{"group_size", 1, 100, 1, "hits of a group"};
inline constexpr Limit kGroupHits{"group_hits", 1, 10'000, 0, "groups of a search, times the hits of each"};
inline constexpr Limit kGroupBytes{"group_bytes", 0, 16 * kMiB, 0,
                                   "bytes of the values of a search's groups"};
inline constexpr Limit kDiversityCandidates{"diversity_candidates", 1, 1'000, 0,
                                            "nearest points among which a diverse search chooses"};
inline constexpr Limit kDiversityBytes{"diversity_bytes", 1, 64 * kMiB, 0, "bytes of their vectors"};
inline constexpr Limit kCursorBytes{"cursor_bytes", 0, 4'096, 0, "bytes of a cursor of an ordered Scroll"};
inline constexpr Limit kFacetLimit{"facet_limit", 1, 10'000, 10, "values per Facet"};
inline constexpr Limit kFacetBytes{"facet_bytes", 0, 64 * kMiB, 0,
                                   "bytes of values that a Facet reads from payloads"};
inline constexpr Limit kFilterDepth{"filter_depth", 1, 32, 0, "levels of nodes in a filter"};
inline constexpr Limit kFilterNodes{"filter_nodes", 1, 1'000, 0, "nodes in a filter"};
inline constexpr Limit kFilterValues{"filter_values", 0, 10'000, 0,
                                     "values, ids and polygon corners in a filter"};
inline constexpr Limit kFilterPathNames{"filter_path_names", 1, 16, 0, "names in a path of a filter"};
inline constexpr Limit kFilterBytes{"filter_bytes", 0, kMiB, 0,
                                    "bytes of a filter as text or JSON, and of all strings in one"};
}  // namespace limits

/// In the order in which documentation lists them.
inline constexpr const Limit* kLimits[] = {&limits::kK,
                                           &limits::kOffset,
                                           &limits::kEffort,
                                           &limits::kBatchQueries,
                                           &limits::kBatchPoints,
                                           &limits::kBatchBytes,
                                           &limits::kIds,
                                           &limits::kScrollLimit,
                                           &limits::kRangeLimit,
                                           &limits::kDim,
                                           &limits::kFields,
                                           &limits::kIdBytes,
                                           &limits::kNameBytes,
                                           &limits::kPayloadBytes,
                                           &limits::kExpiresAt,
                                           &limits::kMemoryBytesMax,
                                           &limits::kCollections,
                                           &limits::kPayloadFields,
                                           &limits::kPayloadPathBytes,
                                           &limits::kLabels,
                                           &limits::kExamples,
                                           &limits::kGroupSize,
                                           &limits::kGroupHits,
                                           &limits::kGroupBytes,
                                           &limits::kDiversityCandidates,
                                           &limits::kDiversityBytes,
                                           &limits::kCursorBytes,
                                           &limits::kFacetLimit,
                                           &limits::kFacetBytes,
                                           &limits::kFilterDepth,
                                           &limits::kFilterNodes,
                                           &limits::kFilterValues,
                                           &limits::kFilterPathNames,
                                           &limits::kFilterBytes};

}  // namespace kith

// Options of kind hnsw, as a user writes them ("m" → "32").
#pragma once

#include "index/index.h"

namespace kith {

struct HnswOptions {
  uint32_t m = 16;                 // neighbours a new node selects; lists hold m above layer 0 and 2 m on it
  uint32_t ef_construction = 200;  // beam of an insertion
  uint32_t ef = 64;                // beam of a search that names no effort
  uint32_t pending_max = 65'536;   // rows waiting to be linked before add waits too
  bool keep_pruned = false;        // fill lists up with the nearest rejected candidates
  bool extend_candidates = false;  // offer the candidates' neighbours to the selection too

  /// InvalidArgument naming the option.
  static Result<HnswOptions> parse(const IndexOptions& options);
};

}  // namespace kith

// GraphOptions: what tells one graph kind from another, and what a user may set ("m" → "32"); each kind's own
// parser (GraphKind) fills it from its names and defaults.
#pragma once

#include "index/graph/select_neighbors.h"
#include "index/index.h"
#include "index/option_reader.h"

namespace kith {

struct GraphOptions {
  PruneRule rule;                  // of a new node's links and of lists that are full
  uint32_t links = 16;             // neighbours a new node selects; capacity of lists above layer 0
  uint32_t degree = 32;            // capacity of lists on layer 0
  uint32_t degree_kept = 32;       // what pruning leaves at most of a list that was full
  bool levels = false;             // layers above layer 0, each with 1 / links of the nodes below
  uint32_t ef_construction = 200;  // beam of an insertion
  uint32_t ef = 64;                // beam of a search that names no effort
  uint32_t pending_max = 65'536;   // rows waiting to be linked before add waits too
  bool keep_pruned = false;        // fill lists up with the nearest rejected candidates
  uint32_t starts = 0;             // of a walk on layer 0, besides the entry: random ones
  bool deterministic = false;      // the same graph whatever the threads; add links before it returns
  uint32_t code_bits = 0;          // of the codes that walks and linking measure on; 0 = on full vectors
  bool extend_candidates = false;  // offer the candidates' neighbours to the selection too
};

/// Option `codes`: none, rabitq1 … rabitq8.
void read_code_option(OptionReader& reader, GraphOptions& options);

/// A kind of graph: a row of constants.
struct GraphKind {
  const char* name;
  const char* summary;
  std::string_view magic;                                      // of its checkpoints, 8 characters
  Result<GraphOptions> (*parse)(const IndexOptions& options);  // InvalidArgument naming the option
};

}  // namespace kith

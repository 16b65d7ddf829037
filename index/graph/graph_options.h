// GraphOptions: what tells one graph kind from another, and what a user may set ("m" → "32"); each kind's own
// parser (GraphKind) fills it from its names and defaults.
#pragma once

#include "index/graph/select_neighbors.h"
#include "index/index.h"
#include "index/labels.h"
#include "index/option_reader.h"

namespace kith {

class GraphStore;

/// What edges know of labels (linker_labels.cc).
enum class LabelEdges : uint8_t {
  kNone,
  kFiltered,  // FilteredVamana: a row's labels choose its candidates, and the pruning rule spares them
  kStitched,  // StitchedVamana: the first rows are built at once, label by label; later ones as above
  kNested,    // UNG: further lists lead to rows of the same labels, and of these and more (nested_store.h)
  kFused,     // NHQ: labels are attributes, and part of the distance (fused_metric.h)
};

/// What becomes of rows that are removed.
enum class Deletes : uint8_t {
  kInPlace,      // their neighbours are joined to others at once (IP-DiskANN), and walks meet them no more
  kConsolidate,  // when they are many, all lists that lead to them take over where these lead (FreshDiskANN)
  kDrop,         // edges to them are dropped, and nothing takes their place: to compare with
  kKeep,         // they stay in the graph, and are not returned
};

struct GraphOptions {
  PruneRule rule;                  // of a new node's links and of lists that are full
  uint32_t links = 16;             // neighbours a new node selects; capacity of lists above layer 0
  uint32_t degree = 32;            // capacity of lists on layer 0
  uint32_t degree_kept = 32;       // what pruning leaves at most of a list that was full
  bool levels = false;             // layers above layer 0, each with 1 / links of the nodes below
  uint32_t ef_construction = 200;  // beam of an insertion
  uint32_t ef = 64;                // beam of a search that names no effort
  uint32_t pending_max = 65'536;   // rows waiting to be linked before add waits too
  bool entry_moves = false;        // to near the mean of the data, each time its size has doubled
  bool keep_pruned = false;        // fill lists up with the nearest rejected candidates
  uint32_t starts = 0;             // of a walk on layer 0, besides the entry: random ones
  bool deterministic = false;      // the same graph whatever the threads; add links before it returns
  uint32_t neighbors = 40;         // k of the k-NN graph of a batch build
  uint32_t candidates = 500;       // of a node in a batch build
  uint32_t trees = 20;             // of partitions
  uint32_t leaf = 500;             // rows of a partition's leaf at most
  uint32_t code_bits = 0;          // of the codes that walks and linking measure on; 0 = on full vectors
  bool retrain = true;             // codes, when what is stored drifts away from what they were trained on
  bool vectors_on_disk = false;    // memory=codes: full vectors are in a file, read to rerank
  bool extend_candidates = false;  // offer the candidates' neighbours to the selection too
  uint32_t gamma = 1;              // of the rule kTwoHops: lists lead to so many times as many nodes
  uint32_t verbatim = 0;           // of the same: how many of a list's nodes are not compressed
  Deletes deletes = Deletes::kInPlace;
  LabelEdges labels = LabelEdges::kNone;
  Label universal_label = kNoLabel;  // rows with it match every label asked for
  uint32_t groups_max = 4096;        // of kNested: sets of labels with a graph of their own
  uint32_t cross_edges = 6;          // of the same: that come to a new row from rows of fewer labels

  bool fused() const { return labels == LabelEdges::kFused; }
};

/// What a batch builder builds from.
struct BuildInput {
  GraphStore& graph;            // grown; the lists of members are to be written, with their `checked` marks
  std::span<const Node> nodes;  // all that the graph is to hold, ascending, no two equal; at least two
  Node middle;                  // of them: where walks will begin
  ThreadPool* pool;             // may be null
  Stop stop;
};

/// Options `codes`: none, or rabitq1 … rabitq8 where codes serve the space, `fallback` bits unless given;
/// `retrain`: true or false; and `memory`: vectors, or codes, which leaves full vectors on disk and codes of
/// one bit more, up to 4, unless others are given.
void read_code_options(OptionReader& reader, const VectorSpace& space, uint32_t fallback, GraphOptions& out);

/// Option `deletes`: in-place, consolidate, drop or keep.
void read_delete_option(OptionReader& reader, GraphOptions& out);

/// Builds a graph at once. Connectivity is not its care. Returns the stop's error between its phases.
using GraphBuild = Result<void> (*)(const BuildInput& input);

/// A kind of graph: a row of constants.
struct GraphKind {
  const char* name;
  const char* summary;
  std::string_view magic;  // of its checkpoints, 8 characters
  /// Null: every row is linked as it comes. Else: the first rows are built into a graph at once, later ones
  /// are linked as they come.
  GraphBuild build;
  /// InvalidArgument naming the option.
  Result<GraphOptions> (*parse)(const IndexOptions& options, const VectorSpace& space);
  bool labels = false;  // rows may carry some, where the options say so
};

}  // namespace kith

// Index: what every kind of vector index can do, and the table row (IndexKind) by which the rest of Kith
// finds a kind.
//
// Seven virtuals, one call per query; inside, kinds use kernels and templates. Abilities that not every kind
// has are function pointers of its IndexKind, null where absent: a virtual never refuses. A kind owns its
// copy of the vectors.
//
// Threads: add and remove are called by one writer at a time per index; search, memory, stats and checkpoint
// run concurrently with the writer and with each other. Readers take no lock that a writer holds while it
// works.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/io/checkpoint_files.h"
#include "base/io/file_system.h"
#include "base/result.h"
#include "base/row_bits.h"
#include "base/stop.h"
#include "base/thread_pool.h"
#include "base/vector_view.h"
#include "index/distance/distance.h"
#include "index/labels.h"
#include "index/stats.h"

namespace kith {

struct Neighbor {
  float distance;  // smaller is nearer, see distance.h
  Row row;
};

/// Nearer first; equal distances in row order, so answers are deterministic.
constexpr bool operator<(const Neighbor& a, const Neighbor& b) {
  return a.distance < b.distance || (a.distance == b.distance && a.row < b.row);
}

/// Kind-specific settings as written by the user ("m" → "32"); a kind refuses names and values it does not
/// know.
using IndexOptions = std::vector<std::pair<std::string, std::string>>;

/// The kind of whoever names none.
inline constexpr std::string_view kDefaultKind = "vamana";

struct IndexSpec {
  std::string kind{kDefaultKind};
  Metric metric = Metric::kL2;
  ScalarType type = ScalarType::kF32;
  uint32_t dim = 0;  // 1..65,535
  IndexOptions options;
  ThreadPool* pool =
      nullptr;  // for background and batch work; null: everything happens on the calling thread
  uint64_t seed = 100;
  /// Where the index may keep a scratch file while it is open; null: options that need one are refused.
  /// Outlives the index.
  FileSystem* fs = nullptr;
  std::string directory;
};

/// A row that comes to be known by another number.
struct Renaming {
  Row from;
  Row to;
};

/// How a search finds the nearest of the rows that are allowed. Whichever is asked for, the answer has
/// min(k, live allowed rows) hits: a walk that comes back short, or has taken more distances than a scan
/// would, ends as a scan. Kinds without a graph scan.
enum class FilterPlan : uint8_t {
  kAuto,      // the index chooses, by how many rows are allowed
  kScan,      // exact distances to all allowed rows: exact
  kCodeScan,  // estimates of all allowed rows, then exact distances to the best; kScan where there are no
              // codes
  kInline,    // the beam walks the whole graph, and allowed rows alone enter the answer
  kTwoHop,    // the beam walks allowed rows alone, over the neighbours of those that are not
  kPost,      // walks as without a filter, wider until enough of what they find is allowed
  kLabels,    // the beam walks rows of the labels asked for alone, or before all others (labels=fused), on
              // edges made for them; kAuto where there are none
};
inline constexpr size_t kFilterPlans = 7;
constexpr std::string_view filter_plan_name(FilterPlan plan) {
  constexpr std::string_view kNames[kFilterPlans] = {"auto",    "scan", "code-scan", "inline",
                                                     "two-hop", "post", "labels"};
  return kNames[static_cast<size_t>(plan)];
}

struct SearchRequest {
  VectorView query;  // query_type(spec.type), spec.dim
  uint32_t k = 10;   // ≥ 1
  /// Beam width (ef) of graphs; below k, without `allowed`, so many of the k candidates are expanded. 0 = the
  /// kind's default, k at least.
  uint32_t effort = 0;
  const RowSet* allowed = nullptr;  // only these rows may be returned; null = all live rows
  /// The rows of `allowed`, where many searches share them; null: a search that needs them makes its own. Only
  /// with `allowed`.
  const RowBits* allowed_bits = nullptr;
  /// Only rows that carry labels so; with `allowed`, rows of both. Of an index made for labels.
  const LabelQuery* labels = nullptr;
  FilterPlan plan =
      FilterPlan::kAuto;  // only with `allowed` or `labels`, but for kScan: exact distances to all
  /// A walk under a plan asked for by name is given up after so many distances; 0 = as many as a scan of
  /// the allowed rows takes.
  uint64_t distances_max = 0;
  /// What a walk goes on as that was given up or came back short: kScan or kCodeScan; any other: the index
  /// chooses.
  FilterPlan fallback = FilterPlan::kAuto;
  /// A row that walks of a graph do not go through, unless they come in by it or others are equal to it: so a
  /// vector that is stored is searched as if it were not, without being led by its own edges. Scans find it.
  Row left_out = kNoRow;
  Stop stop;
};

struct SearchAnswer {
  std::vector<Neighbor> neighbors;  // nearest first, min(k, live allowed rows) of them
  SearchStats stats;
  /// Of a search with `allowed` or `labels`, or a scan: what was begun with, and what the answer is from.
  /// kAuto otherwise.
  FilterPlan plan_begun = FilterPlan::kAuto;
  FilterPlan plan = FilterPlan::kAuto;
};

struct IndexMemory {
  uint64_t vector_bytes = 0;     // full vectors
  uint64_t structure_bytes = 0;  // adjacency, codes, tables
  uint64_t disk_bytes = 0;       // scratch files; not in total
  uint64_t total() const { return vector_bytes + structure_bytes; }
};

struct IndexStats {
  uint64_t rows = 0;      // live
  uint64_t removed = 0;   // tombstones still held
  uint64_t pending = 0;   // searchable by exact scan, not yet part of the structure
  uint64_t rows_end = 0;  // one above the highest row ever added, removed ones included; 0 before the first
  uint32_t code_version = 0;  // how many times its codes were trained; 0: it has none
};

class Index {
 public:
  virtual ~Index() = default;

  /// Adds vectors[i] as rows[i]; rows are new and ascending. When it returns the rows are searchable: kinds
  /// that build in the background answer for pending rows by exact scan. Blocks when too many are pending
  /// (back-pressure).
  virtual Result<void> add(std::span<const Row> rows, VectorBlock vectors) = 0;

  /// Tombstones a row: no search that starts later returns it. Unknown and removed rows are ignored.
  virtual Result<void> remove(Row row) = 0;

  virtual Result<SearchAnswer> search(const SearchRequest& request) const = 0;

  /// Writes all of the index that was there when it was called: the same files for the same state, those that
  /// only grow kept where they have not. docs/formats.md draws them. On error `out` is to be abandoned.
  virtual Result<void> checkpoint(CheckpointOutput& out) const = 0;

  virtual IndexMemory memory() const = 0;
  virtual IndexStats stats() const = 0;
};

/// What an opened index works with; the rest of its IndexSpec is in the checkpoint.
struct CheckpointContext {
  ThreadPool* pool = nullptr;  // as in IndexSpec; also opens in parallel
  FileSystem* fs = nullptr;    // for a scratch file, as in IndexSpec
  std::string directory = {};
  /// Rows that will be added to bring the index up to date: adding them does not wait for linkers, and later
  /// adds wait only until no more are pending than then. Not where vectors leave memory.
  uint64_t backlog = 0;
};

struct RangeRequest {
  VectorView query;
  float radius = 0;  // a distance as in Neighbor, inclusive
  uint32_t rows_max = 10'000;
  uint32_t effort = 0;
  const RowSet* allowed = nullptr;
  Stop stop;
};

/// How the graph of an index hangs together.
struct GraphAudit {
  uint64_t nodes = 0;        // linked vectors, chained ones included
  uint64_t pending = 0;      // vectors not linked yet, not audited
  uint64_t chained = 0;      // vectors that hang at an equal one
  uint64_t edges = 0;        // of layer 0
  uint64_t unreachable = 0;  // live linked vectors that no path on layer 0 from the entry leads to
  uint32_t entry_level = 0;
  std::vector<uint64_t> degrees;  // [d] = nodes of the graph with d neighbours on layer 0
  std::vector<uint64_t> levels;   // [l] = nodes of the graph whose level is l
  std::vector<Row> examples;      // of unreachable rows, at most 16
};

/// One row per kind in index/registry.cc. `create` and `open` are never null; the rest is null where the kind
/// lacks it.
struct IndexKind {
  const char* name;
  const char* summary;  // one line for `kith info` and docs
  bool exact;
  /// Checks the spec (dim, metric × type, options) and builds an empty index.
  Result<std::unique_ptr<Index>> (*create)(const IndexSpec& spec);
  /// Opens what checkpoint wrote. Never trusts the files: Corruption names file and offset.
  Result<std::unique_ptr<Index>> (*open)(const CheckpointInput& in, const CheckpointContext& context);
  /// All rows within a radius, nearest first, at most rows_max.
  Result<SearchAnswer> (*range_search)(const Index& index, const RangeRequest& request);
  /// Many queries at once (packed block of query_type); faster than one by one. All other fields as in
  /// `request`.
  Result<std::vector<SearchAnswer>> (*search_batch)(const Index& index, VectorBlock queries,
                                                    const SearchRequest& request);
  /// Waits until no row is pending.
  Result<void> (*settle)(Index& index, const Stop& stop);
  /// Walks the whole graph; about a scan of its lists. Concurrent with everything, exact while nothing
  /// changes.
  Result<GraphAudit> (*audit)(const Index& index);
  /// Makes searches cheaper for queries like these, a sample of those expected (packed block of query_type),
  /// where queries come from elsewhere than rows do: text asking for images. Takes about a search and ten
  /// links a query; waits for pending rows. Concurrent with everything.
  Result<void> (*learn)(Index& index, VectorBlock queries, const Stop& stop);
  /// Index::add of rows that carry labels, labels[i] those of rows[i]; rows of `add` carry none.
  /// InvalidArgument where the index was made without labels.
  Result<void> (*add_labeled)(Index& index, std::span<const Row> rows, VectorBlock vectors,
                              std::span<const LabelSet> labels);
  /// Index::add of rows that replace others: replaced[i] is one that is there, or kNoRow. What has the vector
  /// of the row that it replaces need not be added: such rows are returned instead, for `rename`. The writer
  /// calls it once all is added, before it removes anything; checkpoints that begin meanwhile wait for that.
  Result<std::vector<Renaming>> (*add_replacing)(Index& index, std::span<const Row> rows, VectorBlock vectors,
                                                 std::span<const Row> replaced);
  /// What add_replacing returned since the last call. Takes no time; a search finds each row under one of its
  /// two numbers.
  void (*rename)(Index& index, std::span<const Renaming> rows);
};

}  // namespace kith

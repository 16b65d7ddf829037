// What the recall suite races: our index kinds and the rivals, each built from the same rows in the same
// process and offered to the sweep as a Contestant. Also what building took: time and memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "bench/harness/sets/bench_set.h"
#include "bench/harness/sweep.h"
#include "bench/rivals/rival.h"
#include "index/index.h"

namespace kith::bench {

struct BuildFigures {
  double seconds = 0;                // first row handed over to index settled
  uint64_t bytes = 0;                // of the index, vectors included, by its own count
  uint64_t raw_bytes = 0;            // of the rows it was given
  std::optional<uint64_t> peak_rss;  // growth of the process while building, see MemoryProbe
};

/// One of our kinds, ready to search. `label` is as in figure names: "hnsw", "hnsw-u8" for rows kept as u8,
/// "hnsw-f16" for rows rounded to f16, "hnsw-disk" for full vectors left on disk, in a scratch file beside
/// the executable.
class OurRun {
 public:
  /// Adds all rows of the set on `threads` CPUs and waits until the index has settled.
  static Result<std::unique_ptr<OurRun>> build(const BenchSet& set, const std::string& label, size_t threads);

  const std::string& label() const { return label_; }
  const IndexKind& kind() const { return *kind_; }
  const Index& index() const { return *index_; }
  const BuildFigures& figures() const { return figures_; }
  /// Lives no longer than this. Effort 0 = the kind's default.
  Contestant contestant();
  /// Queries per second of the kind's own batch call; none where it has none.
  Result<std::optional<double>> batch_qps(size_t queries, uint32_t k) const;

 private:
  OurRun(const BenchSet& set, std::string label) : set_(set), label_(std::move(label)) {}
  const Matrix& base() const { return native_ ? set_.native_base : set_.base; }
  const Matrix& queries() const { return native_ ? set_.native_queries : set_.queries; }
  Result<void> create(size_t threads);
  Result<void> fill();

  const BenchSet& set_;
  std::string label_;
  bool native_ = false;  // rows in the file's own type
  bool half_ = false;    // rows as f16
  const IndexKind* kind_ = nullptr;
  std::unique_ptr<ThreadPool> pool_;  // before the index, which uses it to its end
  std::unique_ptr<Index> index_;
  BuildFigures figures_;
  uint32_t effort_ = 0;
};

/// hnswlib with M = `links`, efConstruction 200.
class RivalRun {
 public:
  static Result<std::unique_ptr<RivalRun>> build(const BenchSet& set, size_t links, size_t threads);

  std::string name() const;  // "hnswlib M16"
  std::string slug() const;  // "hnswlib-m16"
  const BuildFigures& figures() const { return figures_; }
  Contestant contestant();

 private:
  RivalRun(const BenchSet& set, size_t links) : set_(set), links_(links) {}
  void prepare_queries();

  const BenchSet& set_;
  size_t links_;
  std::unique_ptr<Rival> rival_;
  std::vector<float> unit_queries_;  // for cosine, empty otherwise
  BuildFigures figures_;
};

}  // namespace kith::bench

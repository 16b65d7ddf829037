// MixedHistory: which vectors stood at which rows and when, written down by the one thread that writes, so
// that answers found meanwhile can be judged afterwards by what was there when they were found.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "bench/churn/mixed_rows.h"
#include "datasets/reader.h"
#include "index/distance/distance.h"

namespace kith::bench {

/// An answer, and how many row writes had returned when it was asked for, and had begun when it was there.
struct MixedAsked {
  size_t query = 0;
  uint64_t returned = 0;
  uint64_t begun = 0;
  std::vector<uint32_t> found;  // rows, nearest first
};

class MixedHistory {
 public:
  /// At first rows 0 .. count-1 have the vectors of those numbers. All arguments outlive this.
  MixedHistory(const MixedRows& rows, size_t count, VectorBlock queries, Metric metric, ThreadPool& pool);

  /// The writer's: rows first .. first+count-1 are about to get the vectors of the next numbers ...
  uint64_t begin_write(uint32_t first, size_t count);
  /// ... and have got them.
  void end_write() { returned_.store(log_.size(), std::memory_order_release); }
  uint64_t next_number() const { return next_number_; }

  uint64_t returned() const { return returned_.load(std::memory_order_acquire); }
  uint64_t begun() const { return begun_.load(std::memory_order_acquire); }

  /// Recall@k, by distance, of answers in the order in which they were asked, none of them before those of
  /// the call before. Exact answers are those among the rows that nobody was writing meanwhile; a row that
  /// was being written counts by the better of its two vectors. No write is under way.
  Result<double> recall(std::span<const MixedAsked> asked, uint32_t k);
  /// Rows as they are after all writes that have returned.
  VectorBlock now();

 private:
  struct Write {
    uint32_t row;
    uint64_t number;
  };

  void replay(uint64_t writes);
  std::vector<uint32_t> still_rows(const MixedAsked& asked, std::span<const int32_t> rows, uint32_t k) const;
  double distance(const MixedAsked& asked, uint32_t row) const;
  size_t hits(const MixedAsked& asked, double bound, uint32_t k) const;

  const MixedRows& rows_;
  const VectorBlock queries_;
  const Metric metric_;
  ThreadPool& pool_;
  std::vector<Write> log_;  // the writer's; read by others while it does not write
  uint64_t next_number_;
  std::atomic<uint64_t> begun_{0};
  std::atomic<uint64_t> returned_{0};
  Matrix state_;  // of rows, after so many writes of the log:
  uint64_t replayed_ = 0;
};

}  // namespace kith::bench

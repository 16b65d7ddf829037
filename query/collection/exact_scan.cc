#include "query/collection/exact_scan.h"

#include <algorithm>
#include <cstring>

#include "index/distance/distance.h"

namespace kith {
namespace {

constexpr size_t kChunkBytes = 256u << 10;
constexpr size_t kChunkRows = 256;
constexpr uint64_t kPieceRows = 4096;  // below this a piece of its own is not worth a thread

/// The k nearest so far: a heap whose front is the farthest kept.
class Nearest {
 public:
  Nearest(size_t k, float distance_max) : k_(k), distance_max_(distance_max) {}

  void offer(Neighbor candidate) {
    if (candidate.distance > distance_max_) return;
    if (kept_.size() == k_) {
      if (!(candidate < kept_.front())) return;
      std::pop_heap(kept_.begin(), kept_.end());
      kept_.pop_back();
    }
    kept_.push_back(candidate);
    std::push_heap(kept_.begin(), kept_.end());
  }
  void offer_all(const Nearest& other) {
    for (const Neighbor& neighbor : other.kept_) offer(neighbor);
  }
  std::vector<Neighbor> sorted() && {
    std::sort_heap(kept_.begin(), kept_.end());
    return std::move(kept_);
  }

 private:
  size_t k_;
  float distance_max_;
  std::vector<Neighbor> kept_;
};

/// One range of rows, walked by one thread.
class Piece {
 public:
  explicit Piece(const ExactScan& scan)
      : scan_(scan),
        width_(vector_bytes(scan.field.type, scan.field.dim)),
        chunk_rows_(std::clamp<size_t>(kChunkBytes / width_, 1, kChunkRows)),
        kernel_(distance_kernel(scan.field.metric, scan.field.type)),
        any_expired_(!scan.expired.empty()),
        data_(chunk_rows_ * width_),
        nearest_(scan.queries.count, Nearest(scan.k, scan.distance_max)) {}

  Result<void> walk(Row first, Row end) {
    const KeyRange range = vector_range(scan_.collection, scan_.position, first, end);
    auto entry = scan_.view.iterate(KvTable::kVectors, range.begin, range.end);
    for (; entry->valid(); entry->next()) {
      const Row row = TRY(row_of_vector_key(entry->key()));
      if (scan_.allowed != nullptr && !scan_.allowed->contains(row)) continue;
      if (entry->value().size() != width_)
        return corruption("vector '{}' of row {} has {} bytes, not {}", scan_.field.name, row,
                          entry->value().size(), width_);
      if (any_expired_ && scan_.expired.contains(row)) continue;
      std::memcpy(data_.data() + rows_.size() * width_, entry->value().data(), width_);
      rows_.push_back(row);
      if (rows_.size() == chunk_rows_) TRY(score_chunk());
    }
    TRY(entry->status());
    return score_chunk();
  }

  const Nearest& nearest(size_t query) const { return nearest_[query]; }
  uint64_t distances() const { return distances_; }

 private:
  Result<void> score_chunk() {
    TRY(scan_.stop.check());
    const void* rows[kChunkRows];
    float distances[kChunkRows];
    for (size_t i = 0; i < rows_.size(); ++i) rows[i] = data_.data() + i * width_;
    for (size_t query = 0; query < scan_.queries.count; ++query) {
      kernel_(scan_.queries[query].data, rows, rows_.size(), scan_.field.dim, distances);
      for (size_t i = 0; i < rows_.size(); ++i) nearest_[query].offer({distances[i], rows_[i]});
    }
    distances_ += rows_.size();
    rows_.clear();
    return {};
  }

  const ExactScan& scan_;
  const size_t width_;
  const size_t chunk_rows_;
  const DistanceFn kernel_;
  const bool any_expired_;
  std::vector<std::byte> data_;
  std::vector<Row> rows_;
  std::vector<Nearest> nearest_;  // one per query
  uint64_t distances_ = 0;        // per query
};

}  // namespace

Result<std::vector<SearchAnswer>> exact_scan(const ExactScan& scan, ThreadPool& pool) {
  const uint64_t rows = scan.rows_end;
  const size_t count = std::clamp<uint64_t>(rows / kPieceRows, 1, pool.threads() + 1);
  std::vector<Piece> pieces(count, Piece(scan));
  std::vector<Result<void>> outcomes(count);
  pool.parallel_for(count, 1, [&](size_t i) {
    outcomes[i] =
        pieces[i].walk(static_cast<Row>(rows * i / count), static_cast<Row>(rows * (i + 1) / count));
  });
  for (Result<void>& outcome : outcomes) TRY(std::move(outcome));

  std::vector<SearchAnswer> answers(scan.queries.count);
  for (size_t query = 0; query < answers.size(); ++query) {
    Nearest merged(scan.k, scan.distance_max);
    for (const Piece& piece : pieces) {
      merged.offer_all(piece.nearest(query));
      answers[query].stats.full_distances += piece.distances();
      answers[query].stats.bytes_read += piece.distances() * vector_bytes(scan.field.type, scan.field.dim);
    }
    answers[query].neighbors = std::move(merged).sorted();
  }
  return answers;
}

}  // namespace kith

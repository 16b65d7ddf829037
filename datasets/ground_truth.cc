#include "datasets/ground_truth.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <optional>

namespace kith {
namespace {

constexpr size_t kTileQueries = 16;  // that share one pass over the rows
constexpr size_t kTileRows =
    128;  // of 784 × f32: 400 KiB, stays in the second-level cache for all queries of a tile

struct Candidate {
  double distance;
  Row row;
  friend bool operator<(const Candidate& a, const Candidate& b) {
    return a.distance < b.distance || (a.distance == b.distance && a.row < b.row);
  }
};

double squared_length(VectorView view) {
  std::vector<float> row(view.dim);
  to_f32(view.data, view.dim, view.type, row.data());
  double sum = 0;
  for (const float x : row) sum += static_cast<double>(x) * x;
  return sum;
}

// Half the width within which two f32 distances may be in the wrong order. L2 sums positive terms, so its
// error is relative to the distance; the others cancel, so theirs is relative to the product of the lengths.
struct ErrorBound {
  double relative = 0;
  double absolute = 0;

  double upper(double distance) const { return distance + 2 * (relative * std::abs(distance) + absolute); }
};

ErrorBound error_bound(Metric metric, uint32_t dim, double query_length, double longest) {
  const double gamma = (dim + 16) * 0x1p-24;
  if (metric == Metric::kL2) return {gamma, 1e-37};
  if (metric == Metric::kInnerProduct) return {gamma, gamma * query_length * longest};
  if (metric == Metric::kCosine) return {gamma, 4 * gamma};
  return {};
}

// The rows that may be among one query's k nearest.
class Pool {
 public:
  Pool(uint32_t k, ErrorBound bound) : k_(k), bound_(bound), prune_at_(4 * size_t{k} + 1024) {}

  void add(const float* distances, Row first, size_t count) {
    for (size_t i = 0; i < count; ++i)
      if (distances[i] <= limit_) rows_.push_back({distances[i], first + static_cast<Row>(i)});
    if (rows_.size() >= prune_at_) prune();
  }

  /// Exact distances, nearest first, at most k.
  std::vector<Candidate> finish(Metric metric, VectorView query, VectorBlock base) {
    prune();
    for (Candidate& candidate : rows_)
      candidate.distance = exact_distance(metric, query, base[candidate.row]);
    std::sort(rows_.begin(), rows_.end());
    rows_.resize(std::min<size_t>(rows_.size(), k_));
    return std::move(rows_);
  }

 private:
  void prune() {
    if (rows_.size() <= k_) return;
    std::nth_element(rows_.begin(), rows_.begin() + (k_ - 1), rows_.end());
    limit_ = bound_.upper(rows_[k_ - 1].distance);
    std::erase_if(rows_, [&](const Candidate& candidate) { return candidate.distance > limit_; });
    // Rows at equal distance are kept however many they are: only their exact order tells which count.
    prune_at_ = std::max(prune_at_, 2 * rows_.size());
  }

  size_t k_;
  ErrorBound bound_;
  size_t prune_at_;
  double limit_ = HUGE_VAL;
  std::vector<Candidate> rows_;
};

class Scan {
 public:
  Scan(VectorBlock base, VectorBlock queries, Metric metric, uint32_t k, const Stop& stop)
      : base_(base),
        queries_(queries),
        metric_(metric),
        stop_(stop),
        kernel_(distance_kernel(metric, base.type)) {
    neighbors_ = {std::vector<int32_t>(queries.count * k, -1), k, queries.count};
    if (metric == Metric::kInnerProduct) {
      for (size_t row = 0; row < base.count; ++row) longest_ = std::max(longest_, squared_length(base[row]));
      longest_ = std::sqrt(longest_);
    }
  }

  Result<Neighbors> run(ThreadPool* pool) {
    const size_t tiles = (queries_.count + kTileQueries - 1) / kTileQueries;
    const auto tile = [&](size_t i) { scan_tile(i * kTileQueries); };
    if (pool != nullptr) {
      pool->parallel_for(tiles, 1, tile);
    } else {
      for (size_t i = 0; i < tiles; ++i) tile(i);
    }
    if (stopped_) return stop_.check().error();
    return std::move(neighbors_);
  }

 private:
  void scan_tile(size_t first) {
    const size_t count = std::min(kTileQueries, queries_.count - first);
    std::vector<Pool> pools;
    for (size_t i = 0; i < count; ++i) {
      const double length =
          metric_ == Metric::kInnerProduct ? std::sqrt(squared_length(queries_[first + i])) : 0;
      pools.emplace_back(neighbors_.k, error_bound(metric_, base_.dim, length, longest_));
    }
    const void* rows[kTileRows];
    float distances[kTileRows];
    for (size_t row = 0; row < base_.count; row += kTileRows) {
      if (stopped_ || !stop_.check().ok()) {
        stopped_ = true;
        return;
      }
      const size_t block = std::min(kTileRows, base_.count - row);
      for (size_t i = 0; i < block; ++i) rows[i] = base_[row + i].data;
      for (size_t i = 0; i < count; ++i) {
        kernel_(queries_[first + i].data, rows, block, base_.dim, distances);
        pools[i].add(distances, static_cast<Row>(row), block);
      }
    }
    for (size_t i = 0; i < count; ++i) write(first + i, pools[i].finish(metric_, queries_[first + i], base_));
  }

  void write(size_t query, const std::vector<Candidate>& nearest) {
    for (size_t i = 0; i < nearest.size(); ++i)
      neighbors_.ids[query * neighbors_.k + i] = static_cast<int32_t>(nearest[i].row);
  }

  VectorBlock base_;
  VectorBlock queries_;
  Metric metric_;
  const Stop& stop_;
  DistanceFn kernel_;
  double longest_ = 0;
  Neighbors neighbors_;
  std::atomic<bool> stopped_ = false;
};

Matrix converted(VectorBlock block) {
  Matrix matrix{{block.data, block.data + block.count * vector_bytes(block.type, block.dim)},
                block.type,
                block.dim,
                block.count};
  return to_f32_matrix(matrix);
}

}  // namespace

Result<Neighbors> exact_neighbors(VectorBlock base, VectorBlock queries, Metric metric, uint32_t k,
                                  ThreadPool* pool, const Stop& stop) {
  if (base.dim != queries.dim)
    return invalid_argument("ground truth: base has dimension {}, queries {}", base.dim, queries.dim);
  if (k == 0 || k > 1'000'000) return invalid_argument("ground truth: k is {}, not in 1..1,000,000", k);
  if (base.count > INT32_MAX)
    return invalid_argument("ground truth: {} rows do not fit in int32", base.count);
  TRY(validate_metric(metric, base.type));
  if ((base.type == ScalarType::kBit) != (queries.type == ScalarType::kBit))
    return invalid_argument("ground truth: bits go with bits only");
  if (queries.type == query_type(base.type)) return Scan(base, queries, metric, k, stop).run(pool);
  const Matrix base_f32 = converted(base);
  const Matrix queries_f32 = converted(queries);
  return Scan(base_f32.block(), queries_f32.block(), metric, k, stop).run(pool);
}

}  // namespace kith

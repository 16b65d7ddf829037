#include "index/flat/flat_batch.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kith {
namespace {

constexpr size_t kQueries = 64;    // of a tile
constexpr Node kRows = 1024;       // of a tile
constexpr size_t kMeasure = 32;    // candidates measured by one kernel call
constexpr size_t kQueriesMin = 4;  // fewer gain nothing from a matrix product

double norm_of(const float* vector, size_t dim) {
  double sum = 0;
  for (size_t i = 0; i < dim; ++i) sum += double{vector[i]} * double{vector[i]};
  return sum;
}

void single_threaded_blas() {
  static const bool once = [] {
    openblas_set_num_threads(1);  // our own pool is the parallelism
    return true;
  }();
  (void)once;
}

}  // namespace

float squared_norm(const VectorStore& vectors, Node node) {
  const VectorSpace& space = vectors.space();
  if (space.type != ScalarType::kF32) return 0;
  return static_cast<float>(norm_of(reinterpret_cast<const float*>(vectors[node]), space.dim));
}

struct FlatBatch::Tile {
  size_t first;
  size_t count;
  std::vector<float> queries;   // count × dim, in the form of the kernel
  std::vector<float> norms;     // squared
  std::vector<float> products;  // count × kRows
  std::vector<TopK> tops;
  std::vector<Node> candidates;
  SearchStats stats;
};

FlatBatch::FlatBatch(const FlatIndex& index, VectorBlock queries, const SearchRequest& request)
    : index_(index),
      space_(index.vectors_.space()),
      queries_(queries),
      request_(request),
      nodes_(index.rows_.size()),
      answers_(queries.count) {}

bool FlatBatch::by_product() const {
  return space_.type == ScalarType::kF32 && request_.allowed == nullptr && queries_.count >= kQueriesMin &&
         (space_.normalised || space_.metric == Metric::kL2 || space_.metric == Metric::kInnerProduct);
}

Result<std::vector<SearchAnswer>> FlatBatch::run() {
  ThreadPool* pool = index_.spec_.pool;
  const size_t threads = pool == nullptr ? 1 : pool->threads() + 1;
  const bool product = by_product();
  const size_t tile = product ? std::clamp((queries_.count + threads - 1) / threads, size_t{1}, kQueries) : 1;
  const auto body = [&](size_t i) {
    if (failed()) return;
    const size_t first = i * tile;
    product ? run_tile(first, std::min(tile, queries_.count - first)) : run_one(first);
  };
  if (product) single_threaded_blas();
  const size_t tiles = (queries_.count + tile - 1) / tile;
  if (pool != nullptr) {
    pool->parallel_for(tiles, 1, body);
  } else {
    for (size_t i = 0; i < tiles; ++i) body(i);
  }
  TRY(std::move(result_));
  return std::move(answers_);
}

void FlatBatch::run_one(size_t query) {
  SearchRequest one = request_;
  one.query = queries_[query];
  Result<SearchAnswer> answer = index_.search(one);
  if (!answer) return fail(answer.error());
  answers_[query] = std::move(answer).value();
}

void FlatBatch::run_tile(size_t first, size_t count) {
  Tile tile{.first = first,
            .count = count,
            .queries = {},
            .norms = {},
            .products = {},
            .tops = {},
            .candidates = {},
            .stats = {}};
  KernelQuery prepared;
  tile.queries.resize(count * space_.dim);
  tile.products.resize(count * kRows);
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(tile.queries.data() + i * space_.dim, prepared.from_user(space_, queries_[first + i]),
                space_.bytes());
    tile.norms.push_back(static_cast<float>(norm_of(tile.queries.data() + i * space_.dim, space_.dim)));
    tile.tops.emplace_back(std::min<uint64_t>(request_.k, nodes_));
  }
  tile.stats.full_distances = nodes_;  // of each query
  for (Node row = 0; row < nodes_;) {
    const Node rows =
        static_cast<Node>(std::min<uint64_t>({kRows, nodes_ - row, index_.vectors_.contiguous(row)}));
    if (const Result<void> stop = request_.stop.check(); !stop) return fail(stop.error());
    scan_rows(tile, row, rows);
    row += rows;
  }
  for (size_t i = 0; i < count; ++i) answers_[first + i] = index_.answer_of(tile.tops[i], tile.stats);
}

void FlatBatch::scan_rows(Tile& tile, Node first, Node count) {
  const auto* rows = reinterpret_cast<const float*>(index_.vectors_[first]);
  const auto stride = static_cast<int>(index_.vectors_.stride() / sizeof(float));
  const auto dim = static_cast<int>(space_.dim);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(tile.count), static_cast<int>(count),
              dim, 1.0f, tile.queries.data(), dim, rows, stride, 0.0f, tile.products.data(),
              static_cast<int>(kRows));
  for (size_t i = 0; i < tile.count; ++i) take(tile, i, first, count, tile.products.data() + i * kRows);
}

/// Measures every row that the products cannot exclude. The bound may be one measured batch old: that only
/// lets more in.
void FlatBatch::take(Tile& tile, size_t query, Node first, Node count, const float* products) {
  const float unit =
      static_cast<float>(space_.dim + 8) * 0x1p-23f;  // covers the kernel's rounding as well as sgemm's
  const float query_norm = tile.norms[query];
  const bool l2 = space_.metric == Metric::kL2;
  const float scale = l2 ? 2.0f : 1.0f;
  for (Node i = 0; i < count; ++i) {
    const float row_norm = index_.norms_[first + i];
    const float base = l2 ? query_norm + row_norm : 0.0f;
    // |q·x| ≤ (‖q‖² + ‖x‖²) / 2 bounds the sum of absolute products, and so all rounding errors.
    const float lowest = base - scale * products[i] - unit * (query_norm + row_norm);
    if (lowest > tile.tops[query].bound()) continue;  // false for NaN: the kernel decides
    if (index_.rows_.removed(first + i)) continue;
    tile.candidates.push_back(first + i);
    if (tile.candidates.size() == kMeasure) measure(tile, query);
  }
  measure(tile, query);
}

void FlatBatch::measure(Tile& tile, size_t query) {
  const void* rows[kMeasure];
  float distances[kMeasure];
  for (size_t i = 0; i < tile.candidates.size(); ++i) rows[i] = index_.vectors_[tile.candidates[i]];
  space_.kernel(tile.queries.data() + query * space_.dim, rows, tile.candidates.size(), space_.dim,
                distances);
  for (size_t i = 0; i < tile.candidates.size(); ++i)
    if (distances[i] <= tile.tops[query].bound())
      tile.tops[query].push({distances[i], index_.rows_.row(tile.candidates[i])});
  tile.candidates.clear();
}

void FlatBatch::fail(const Error& error) {
  std::lock_guard lock(mutex_);
  if (result_) result_ = error;
}

bool FlatBatch::failed() {
  std::lock_guard lock(mutex_);
  return !result_.ok();
}

}  // namespace kith

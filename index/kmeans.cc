// The one file that includes FAISS (with the tests and benchmarks that compare with it).
#include "index/kmeans.h"

#include <faiss/Clustering.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>

#include "index/codes/code_dispatch.h"

extern "C" void omp_set_num_threads(int);  // of the OpenMP runtime that FAISS is built with

namespace kith {
namespace {

/// Packed centroids turned dimension by dimension, and their sums.
class Columns {
 public:
  Columns(uint32_t dim, uint32_t count, const float* centroids)
      : dim_(dim),
        count_(count),
        columns_((count + kernels::kPqLanes - 1) / kernels::kPqLanes * kernels::kPqLanes),
        values_(size_t{dim} * columns_),
        sums_(columns_) {
    for (uint32_t j = 0; j < count; ++j)
      for (uint32_t d = 0; d < dim; ++d) values_[size_t{d} * columns_ + j] = centroids[size_t{j} * dim + d];
  }

  std::pair<uint32_t, float> nearest(const float* row) {
    std::fill(sums_.begin(), sums_.end(), 0.0f);
    kernels_.l2(row, values_.data(), dim_, columns_, sums_.data());
    const uint32_t found = kernels_.least(sums_.data(), count_);
    return {found, sums_[found]};
  }

 private:
  const kernels::PqTable& kernels_ = kernels::pq_table();
  uint32_t dim_, count_, columns_;
  std::vector<float> values_, sums_;
};

/// What FAISS asks for the nearest centroid.
class Assignment final : public faiss::Index {
 public:
  explicit Assignment(uint32_t dim) : faiss::Index(dim) {}

  void add(idx_t n, const float* centroids) override {
    ntotal = n;
    columns_.emplace(static_cast<uint32_t>(d), static_cast<uint32_t>(n), centroids);
  }
  void reset() override { ntotal = 0; }
  void search(idx_t n, const float* rows, idx_t, float* distances, idx_t* labels,
              const faiss::SearchParameters*) const override {
    Columns columns = *columns_;
    for (idx_t i = 0; i < n; ++i) std::tie(labels[i], distances[i]) = columns.nearest(rows + i * d);
  }

 private:
  std::optional<Columns> columns_;
};

Result<void> check(const KMeansSpec& spec, const float* rows, size_t count) {
  if (count < spec.centroids)
    return invalid_argument("k-means: {} centroids need at least {} rows, got {}", spec.centroids,
                            spec.centroids, count);
  for (size_t i = 0; i < count * spec.dim; ++i)
    if (!std::isfinite(rows[i]))
      return invalid_argument("k-means: element {} of row {} is {}; only finite numbers can be trained on",
                              i % spec.dim, i / spec.dim, rows[i]);
  return {};
}

}  // namespace

Result<std::vector<float>> train_kmeans(const KMeansSpec& spec, const float* rows, size_t count,
                                        std::vector<float> start) {
  TRY(check(spec, rows, count));
  faiss::ClusteringParameters parameters;
  parameters.niter = static_cast<int>(spec.iterations);
  parameters.seed = static_cast<int>(spec.seed & INT32_MAX);
  parameters.min_points_per_centroid = 1;
  parameters.max_points_per_centroid = INT32_MAX;
  try {
    omp_set_num_threads(1);  // of this thread: our callers are the parallelism
    faiss::Clustering clustering(static_cast<int>(spec.dim), static_cast<int>(spec.centroids), parameters);
    clustering.centroids = std::move(start);
    Assignment assignment(spec.dim);
    clustering.train(static_cast<faiss::Index::idx_t>(count), rows, assignment);
    return std::move(clustering.centroids);
  } catch (const std::exception& error) {  // std::bad_alloc, faiss::FaissException
    return resource_exhausted("k-means of {} rows and {} centroids: {}", count, spec.centroids, error.what());
  }
}

}  // namespace kith

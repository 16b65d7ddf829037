#include "bench/filter/target_sets.h"

#include <algorithm>

#include "base/random.h"
#include "base/thread_pool.h"
#include "datasets/catalog.h"
#include "datasets/filters.h"
#include "datasets/ground_truth.h"
#include "datasets/lines.h"
#include "datasets/synthetic.h"

namespace kith::bench {
namespace {

constexpr size_t kQueries = 2000;
constexpr uint32_t kDim = 96;
constexpr uint32_t kTruth = 100;
constexpr uint64_t kSeed = 20261124;
constexpr std::string_view kMade = "made-";

ClusteredSpec spec_of(size_t rows, uint32_t clusters, uint64_t seed) {
  ClusteredSpec spec;
  spec.rows = rows;
  spec.queries = std::min(kQueries, rows);
  spec.dim = kDim;
  spec.clusters = clusters;
  spec.seed = seed;
  return spec;
}

/// Rows [begin, end) of `from` behind those of `to`.
void append(Matrix& to, const Matrix& from, size_t begin, size_t end) {
  const size_t bytes = vector_bytes(from.type, from.dim);
  to.type = from.type;
  to.dim = from.dim;
  to.rows += end - begin;
  to.data.insert(to.data.end(), from.data.begin() + static_cast<ptrdiff_t>(begin * bytes),
                 from.data.begin() + static_cast<ptrdiff_t>(end * bytes));
}

/// Queries of other clusters than the rows are of, drawn half of the way towards them.
void turn_away(Matrix& queries, const Matrix& others) {
  auto* values = reinterpret_cast<float*>(queries.data.data());
  const auto* other = reinterpret_cast<const float*>(others.data.data());
  for (size_t i = 0; i < queries.rows * queries.dim; ++i) values[i] = 0.5f * (values[i] + other[i]);
}

/// One row in ten is equal to an earlier one.
void repeat_rows(Matrix& base) {
  const size_t bytes = vector_bytes(base.type, base.dim);
  Random random(kSeed);
  for (size_t row = 10; row < base.rows; ++row)
    if (random.below(10) == 0)
      std::copy_n(base.data.begin() + static_cast<ptrdiff_t>(random.below(row) * bytes), bytes,
                  base.data.begin() + static_cast<ptrdiff_t>(row * bytes));
}

Result<TargetSet> make_set(const std::string& name, size_t rows) {
  ThreadPool pool(0);
  TargetSet out;
  out.set.name = name;
  const std::string kind = name.substr(kMade.size());
  VectorSet made = make_clustered(spec_of(rows, kind == "clustered" ? 2000 : 300, kSeed), &pool);
  if (kind == "elsewhere") {
    turn_away(made.queries, make_clustered(spec_of(rows, 300, kSeed + 1), &pool).queries);
  } else if (kind == "again") {
    repeat_rows(made.base);
  } else if (kind == "drifting") {
    out.drifts = true;
    const VectorSet later = make_clustered(spec_of(rows, 60, kSeed + 2), &pool);
    Matrix base;
    append(base, made.base, 0, rows / 2);
    append(base, later.base, 0, rows - rows / 2);
    made = {std::move(base), later.queries};
  } else if (kind != "clustered") {
    return invalid_argument("there is no set '{}': made-clustered, -elsewhere, -again, -drifting", name);
  }
  out.set.base = std::move(made.base);
  out.set.queries = std::move(made.queries);
  out.set.truth =
      TRY(exact_neighbors(out.set.base.block(), out.set.queries.block(), Metric::kL2, kTruth, &pool));
  return out;
}

Result<void> read_filters(const std::string& name, TargetSet& out) {
  ResolveOptions options;
  options.download = options.synthetic = false;  // the vectors have been found already
  const Result<Dataset> files = resolve(catalog_name(name), options);
  if (!files.ok()) return files.error();
  if (files->filters_path.empty()) return {};
  LineReader lines = TRY(open_lines(files->attributes_path));
  while (const auto line = TRY(lines.next())) out.payloads.emplace_back(*line);
  for (FilteredQuery& one : TRY(read_filtered_queries(files->filters_path, files->attributes_path)))
    out.filters.push_back({one.query, std::move(one.text), one.allowed.size()});
  out.filtered_truth =
      TRY(read_neighbors(files->filtered_groundtruth.path, files->filtered_groundtruth.options));
  if (out.payloads.size() != out.set.base.rows || out.filtered_truth.rows != out.filters.size())
    return invalid_argument("set '{}': {} payloads for {} rows, {} answers for {} filters", name,
                            out.payloads.size(), out.set.base.rows, out.filtered_truth.rows,
                            out.filters.size());
  return {};
}

}  // namespace

Result<TargetSet> load_target_set(const std::string& name, size_t rows) {
  if (name.starts_with(kMade)) return make_set(name, rows);
  TargetSet out;
  out.set = TRY(load_bench_set(name, 0));
  TRY(read_filters(name, out));
  return out;
}

}  // namespace kith::bench

#include "bench/harness/sets/bench_set.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/thread_pool.h"
#include "datasets/catalog.h"
#include "datasets/ground_truth.h"
#include "datasets/synthetic.h"

namespace kith::bench {
namespace {

constexpr uint32_t kTruthNeighbors = 20;  // where we find them ourselves

Result<void> find_truth(BenchSet& set) {
  ThreadPool pool(0);
  set.truth = TRY(exact_neighbors(set.base.block(), set.queries.block(), set.metric, kTruthNeighbors, &pool));
  return {};
}

Result<BenchSet> make_synthetic(size_t queries_max) {
  constexpr size_t kRows = 4000, kQueries = 200;
  ClusteredSpec spec;
  spec.rows = kRows;
  spec.queries = queries_max == 0 ? kQueries : std::min(queries_max, kQueries);
  spec.dim = 32;
  spec.clusters = 40;
  VectorSet made = make_clustered(spec);
  BenchSet set;
  set.name = "synthetic";
  set.base = std::move(made.base);
  set.queries = std::move(made.queries);
  set.note = "synthetic data: proves that the suite runs, says nothing about speed or recall";
  TRY(find_truth(set));
  return set;
}

/// Splits what was read into the f32 copy and, where the file's type is another, the original.
Matrix keep_native(Matrix read, Matrix& native) {
  if (read.type == ScalarType::kF32) return read;
  native = std::move(read);
  return to_f32_matrix(native);
}

ReaderOptions first_rows(ReaderOptions options, size_t rows_max) {
  if (rows_max > 0) options.rows_max = rows_max;
  return options;
}

/// Keeps `rows` rows, evenly spread.
void thin(Matrix& matrix, size_t rows) {
  const size_t bytes = vector_bytes(matrix.type, matrix.dim);
  for (size_t i = 0; i < rows && matrix.rows > 0; ++i)
    std::memmove(&matrix.data[i * bytes], &matrix.data[i * matrix.rows / rows * bytes], bytes);
  if (matrix.rows == 0) return;
  matrix.rows = rows;
  matrix.data.resize(rows * bytes);
}

Result<BenchSet> load_part(const std::string& name, size_t at, size_t queries_max) {
  BenchSet set = TRY(load_bench_set(name.substr(0, at), queries_max));
  size_t rows = 0;
  const char* const end = name.data() + name.size();
  if (std::from_chars(name.data() + at + 1, end, rows).ptr != end || rows < 1 || rows > set.base.rows)
    return invalid_argument("'{}': write a set and how many of its {} rows to take, e.g. sift@10000", name,
                            set.base.rows);
  set.name = name;
  thin(set.base, rows);
  thin(set.native_base, rows);
  TRY(find_truth(set));
  return set;
}

}  // namespace

/// Short names in figures stay the same when a catalog gains a set that begins alike.
std::string catalog_name(const std::string& name) {
  if (name == "fashion-mnist") return "fashion-mnist-784-euclidean";
  if (name == "sift") return "sift-imagenet1000-128-euclidean";
  if (name == "debian") return "debian-descriptions-lsa-256-angular";
  return name;
}

Result<BenchSet> load_bench_set(const std::string& name, size_t queries_max) {
  if (name == "synthetic") return make_synthetic(queries_max);
  if (const size_t at = name.find('@'); at != std::string::npos) return load_part(name, at, queries_max);
  ResolveOptions options;
  options.tell = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  Dataset found = TRY(resolve(catalog_name(name), options));
  BenchSet set;
  set.name = name;
  set.metric = found.metric;
  if (found.synthetic) set.note = "synthetic stand-in: " + found.origin;
  set.base = keep_native(TRY(read_matrix(found.base.path, found.base.options)), set.native_base);
  ReaderOptions some_queries = first_rows(found.queries.options, queries_max);
  set.queries = keep_native(TRY(read_matrix(found.queries.path, some_queries)), set.native_queries);
  if (found.groundtruth.empty()) {
    TRY(find_truth(set));
  } else {
    ReaderOptions some_truth = first_rows(found.groundtruth.options, queries_max);
    set.truth = TRY(read_neighbors(found.groundtruth.path, some_truth));
  }
  return set;
}

double recall_of(const RecallJudge& judge, std::span<const Row> answers, size_t k) {
  RecallCount count;
  for (size_t query = 0; query * k < answers.size(); ++query)
    count.add(judge, query, answers.subspan(query * k, k));
  return count.recall();
}

}  // namespace kith::bench

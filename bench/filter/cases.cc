#include "bench/filter/cases.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "base/random.h"
#include "datasets/catalog.h"
#include "datasets/filters.h"
#include "index/registry.h"

namespace kith::bench {
namespace {

constexpr size_t kClasses = 10;
constexpr size_t kClassQueries = 1000;  // a case by class
constexpr uint32_t kTruth = 20;         // neighbours where we find them ourselves
constexpr uint64_t kSeed = 20261122;

/// "architecture=all AND section in 3" → "architecture-all-and-section-in-3".
std::string slug(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '.') {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

void add_query(FilterCase& out, const Matrix& queries, size_t query) {
  const VectorView vector = queries[query];
  out.queries.type = queries.type;
  out.queries.dim = queries.dim;
  out.queries.data.insert(out.queries.data.end(), vector.data, vector.data + vector.bytes());
  ++out.queries.rows;
}

Result<Dataset> find_set(const std::string& name) {
  ResolveOptions options;
  options.download = options.synthetic = false;  // the vectors have been found already
  return resolve(catalog_name(name), options);
}

/// The set's own filters, by kind.
Result<std::vector<FilterCase>> own_cases(const BenchSet& set, const Dataset& files, size_t queries_max) {
  std::vector<FilteredQuery> queries = TRY(read_filtered_queries(files.filters_path, files.attributes_path));
  const Neighbors truth =
      TRY(read_neighbors(files.filtered_groundtruth.path, files.filtered_groundtruth.options));
  if (truth.rows != queries.size())
    return invalid_argument("set '{}': {} filtered queries, {} answers", set.name, queries.size(),
                            truth.rows);
  std::map<std::string, FilterCase> cases;
  for (size_t i = 0; i < queries.size(); ++i) {
    if (queries[i].query >= set.queries.rows)
      return invalid_argument("set '{}': filtered query {} names query {} of {}", set.name, i,
                              queries[i].query, set.queries.rows);
    FilterCase& one = cases[slug(queries[i].kind)];
    if (queries_max != 0 && one.queries.rows == queries_max) continue;
    add_query(one, set.queries, queries[i].query);
    one.set_of.push_back(one.sets.size());
    one.sets.push_back(std::move(queries[i].allowed));
    one.truth.k = truth.k;
    one.truth.ids.insert(one.truth.ids.end(), truth[i], truth[i] + truth.k);
    ++one.truth.rows;
  }
  std::vector<FilterCase> out;
  for (auto& [name, one] : cases) {
    one.name = name;
    out.push_back(std::move(one));
  }
  return out;
}

/// Classes of rows and of queries, as the files say; of the synthetic set tenths by their first element.
struct Classes {
  std::vector<size_t> rows, queries;
};

std::vector<size_t> to_classes(const std::vector<double>& labels) {
  std::vector<size_t> out;
  for (const double label : labels)
    out.push_back(label >= 0 && label < kClasses ? static_cast<size_t>(label) : kClasses);
  return out;
}

Classes classes_by_first_element(const BenchSet& set) {
  const auto first = [](const Matrix& matrix, size_t row) {
    return *reinterpret_cast<const float*>(matrix[row].data);
  };
  std::vector<float> sorted;
  for (size_t row = 0; row < set.base.rows; ++row) sorted.push_back(first(set.base, row));
  std::sort(sorted.begin(), sorted.end());
  const auto class_of = [&](float x) {
    const auto below = std::lower_bound(sorted.begin(), sorted.end(), x) - sorted.begin();
    return std::min(kClasses - 1, static_cast<size_t>(below) * kClasses / sorted.size());
  };
  Classes out;
  for (size_t row = 0; row < set.base.rows; ++row) out.rows.push_back(class_of(first(set.base, row)));
  for (size_t query = 0; query < set.queries.rows; ++query)
    out.queries.push_back(class_of(first(set.queries, query)));
  return out;
}

Result<Classes> read_classes(const BenchSet& set, const Dataset& files) {
  Classes out{to_classes(TRY(read_numbers(files.attributes_path, "label"))),
              to_classes(TRY(read_numbers(files.query_attributes_path, "label")))};
  if (out.rows.size() != set.base.rows || out.queries.size() < set.queries.rows)
    return invalid_argument("set '{}': {} and {} labels for {} rows and {} queries", set.name,
                            out.rows.size(), out.queries.size(), set.base.rows, set.queries.rows);
  return out;
}

/// By a scan of the allowed rows.
Result<void> find_truth(const Index& flat, FilterCase& out) {
  out.truth.k = kTruth;
  out.truth.rows = out.queries.rows;
  for (size_t query = 0; query < out.queries.rows; ++query) {
    SearchRequest request;
    request.query = out.queries[query];
    request.k = kTruth;
    request.allowed = &out.allowed(query);
    const SearchAnswer answer = TRY(flat.search(request));
    for (size_t i = 0; i < kTruth; ++i)
      out.truth.ids.push_back(i < answer.neighbors.size() ? static_cast<int32_t>(answer.neighbors[i].row)
                                                          : -1);
  }
  return {};
}

Result<std::unique_ptr<Index>> flat_index(const BenchSet& set) {
  IndexSpec spec;
  spec.kind = "flat";
  spec.metric = set.metric;
  spec.dim = set.base.dim;
  std::unique_ptr<Index> flat = TRY(create_index(spec));
  std::vector<Row> rows(set.base.rows);
  for (size_t row = 0; row < rows.size(); ++row) rows[row] = static_cast<Row>(row);
  TRY(flat->add(rows, set.base.block()));
  return flat;
}

Result<std::vector<FilterCase>> class_cases(const BenchSet& set, const Classes& classes, size_t queries_max) {
  FilterCase own, other, random;
  own.name = "own-class";
  other.name = "other-class";
  random.name = "random-1";
  own.sets.resize(kClasses);
  random.sets.resize(kClasses);
  for (size_t row = 0; row < set.base.rows; ++row)
    if (classes.rows[row] < kClasses) own.sets[classes.rows[row]].add(static_cast<Row>(row));
  other.sets = own.sets;
  Random chance(kSeed);
  for (RowSet& rows : random.sets)
    for (size_t row = 0; row < set.base.rows; ++row)
      if (chance.below(100) == 0) rows.add(static_cast<Row>(row));
  const size_t most = std::min(queries_max == 0 ? kClassQueries : queries_max, kClassQueries);
  for (size_t query = 0; query < set.queries.rows && own.queries.rows < most; ++query) {
    const size_t mine = classes.queries[query];
    if (mine >= kClasses) continue;
    for (FilterCase* one : {&own, &other, &random}) add_query(*one, set.queries, query);
    own.set_of.push_back(mine);
    other.set_of.push_back((mine + 1 + query % (kClasses - 1)) % kClasses);
    random.set_of.push_back(query % kClasses);
  }
  std::vector<FilterCase> cases;
  const std::unique_ptr<Index> flat = TRY(flat_index(set));
  for (FilterCase* one : {&own, &random, &other}) {
    TRY(find_truth(*flat, *one));
    cases.push_back(std::move(*one));
  }
  return cases;
}

}  // namespace

Result<FilterBench> load_filter_bench(const std::string& name, size_t queries_max) {
  FilterBench bench{TRY(load_bench_set(name, 0)), {}};
  if (name == "synthetic") {
    bench.cases = TRY(class_cases(bench.set, classes_by_first_element(bench.set), queries_max));
    return bench;
  }
  const Dataset files = TRY(find_set(name));
  if (!files.filters_path.empty()) bench.cases = TRY(own_cases(bench.set, files, queries_max));
  if (name == "fashion-mnist") {  // its own filters are two of these: by class
    const Classes classes = TRY(read_classes(bench.set, files));
    for (FilterCase& one : bench.cases) one.name = "file-" + one.name;
    for (FilterCase& one : TRY(class_cases(bench.set, classes, queries_max)))
      bench.cases.push_back(std::move(one));
  }
  if (bench.cases.empty()) return invalid_argument("set '{}' has no filters", name);
  return bench;
}

}  // namespace kith::bench

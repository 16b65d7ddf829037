#include "datasets/catalog.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/io/file_system.h"
#include "datasets/cache.h"
#include "datasets/decompress.h"
#include "datasets/ground_truth.h"
#include "datasets/synthetic.h"

namespace kith {
namespace {

constexpr uint32_t kSyntheticNeighbors = 100;
constexpr uint64_t kSyntheticSeed = 20260101;

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_file(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

/// One attempt to find one name.
class Resolver {
 public:
  Resolver(std::string_view name, const ResolveOptions& options)
      : name_(name), options_(options), entries_(options.entries.empty() ? catalog() : options.entries) {}

  Result<Dataset> run() {
    cache_ = options_.cache_directory;
    if (cache_.empty()) cache_ = TRY(default_cache_directory());
    directory_ = options_.datasets_directory;
    if (directory_.empty()) directory_ = from_environment("KITH_DATASETS");
    const std::string local = directory_.empty() ? "" : TRY(choose(local_sets()));
    if (!local.empty()) return from_directory(local);
    const CatalogEntry entry = TRY(choose_entry());
    const std::string file = fmt::format("{}/{}.hdf5", cache_, entry.name);
    if (is_cached(file, 0)) return from_hdf5(entry, file, fmt::format("downloaded earlier to {}", file));
    std::string why_not = "it has no public address";
    if (!entry.url.empty()) why_not = TRY(try_download(entry, file));
    if (why_not.empty()) return from_hdf5(entry, file, origin_of(entry));
    return make_synthetic(entry, why_not);
  }

 private:
  // Folders of the directory that hold base vectors.
  std::vector<std::string> local_sets() const {
    std::vector<std::string> names;
    const Result<std::vector<std::string>> listed = posix_file_system().list(directory_);
    if (!listed.ok()) return names;
    for (const std::string& name : *listed)
      if (!find_file(name, "base").empty()) names.push_back(name);
    return names;
  }

  // The name itself, or the only one that begins with it; "" where none does.
  Result<std::string> choose(const std::vector<std::string>& names) const {
    std::vector<std::string> fitting;
    for (const std::string& name : names) {
      if (name == name_) return name;
      if (name.starts_with(name_)) fitting.push_back(name);
    }
    if (fitting.size() <= 1) return fitting.empty() ? std::string() : fitting[0];
    return invalid_argument("dataset '{}' is ambiguous: it begins {}", name_, fmt::join(fitting, ", "));
  }

  Result<CatalogEntry> choose_entry() const {
    std::vector<std::string> names;
    for (const CatalogEntry& entry : entries_) {
      if (!entry.alias.empty() && entry.alias == name_) return entry;
      names.push_back(entry.name);
    }
    const std::string chosen = TRY(choose(names));
    for (const CatalogEntry& entry : entries_)
      if (entry.name == chosen) return entry;
    return not_found("dataset '{}' is neither in the directory KITH_DATASETS ({}) nor in the catalog: {}",
                     name_, directory_.empty() ? "not set" : directory_, fmt::join(names, ", "));
  }

  // The file of this stem in a set's folder, with whatever extension; "" where there is none.
  std::string find_file(const std::string& set, const std::string& stem) const {
    for (const char* extension :
         {".fvecs", ".bvecs", ".ivecs", ".fbin", ".u8bin", ".npy", ".jsonl", ".csv"}) {
      for (const char* packing : {"", ".xz", ".zst", ".gz"}) {
        const std::string path = fmt::format("{}/{}/{}{}{}", directory_, set, stem, extension, packing);
        if (is_file(path)) return path;
      }
    }
    return "";
  }

  // Packed vectors are unpacked into the cache, so that later runs map plain files at once.
  Result<DataSource> local_source(const std::string& set, const std::string& stem) const {
    const std::string path = find_file(set, stem);
    if (path.empty() || packing_of(path) == Packing::kNone) return DataSource{path, {}};
    const std::string name = std::filesystem::path(unpacked_name(path)).filename().string();
    const std::string unpacked = fmt::format("{}/{}/{}", cache_, set, name);
    TRY(unpack_into_cache(path, unpacked));
    return DataSource{unpacked, {}};
  }

  Result<Metric> metric_of(const std::string& set) const {
    for (const CatalogEntry& entry : entries_)
      if (entry.name == set) return entry.metric;
    const Result<Metric> metric = parse_metric(set.substr(set.rfind('-') + 1));
    if (metric.ok()) return metric;
    return invalid_argument(
        "dataset '{}': its name must end in -euclidean, -angular or -dot, or stand in the catalog", set);
  }

  Result<Dataset> from_directory(const std::string& set) {
    Dataset dataset;
    dataset.name = set;
    dataset.metric = TRY(metric_of(set));
    dataset.origin = fmt::format("directory {}/{}", directory_, set);
    dataset.base = TRY(local_source(set, "base"));
    dataset.queries = TRY(local_source(set, "query"));
    dataset.groundtruth = TRY(local_source(set, "groundtruth"));
    dataset.filtered_groundtruth = TRY(local_source(set, "filtered_groundtruth"));
    dataset.attributes_path = find_file(set, "attributes");
    dataset.query_attributes_path = find_file(set, "query_attributes");
    dataset.passages_path = find_file(set, "passages");
    dataset.query_texts_path = find_file(set, "queries");
    dataset.filters_path = find_file(set, "filters");
    const std::unique_ptr<VectorReader> reader = TRY(open_reader(dataset.base.path, dataset.base.options));
    dataset.dim = reader->info().dim;
    return dataset;
  }

  static std::string origin_of(const CatalogEntry& entry) {
    return fmt::format("{}, licence {}{}", entry.url, entry.licence,
                       entry.sha256.empty() ? ", not verified: the catalog has no sha256 for it" : "");
  }

  Result<Dataset> from_hdf5(const CatalogEntry& entry, const std::string& file,
                            const std::string& origin) const {
    const auto source = [&](const char* table) {
      DataSource made{file, {}};
      made.options.hdf5_dataset = table;
      return made;
    };
    Dataset dataset;
    dataset.name = entry.name;
    dataset.metric = entry.metric;
    dataset.origin = origin;
    dataset.base = source("train");
    dataset.queries = source("test");
    dataset.groundtruth = source("neighbors");
    const std::unique_ptr<VectorReader> reader = TRY(open_reader(file, dataset.base.options));
    dataset.dim = reader->info().dim;
    return dataset;
  }

  // "" when the file is there, else why it is not. A wrong sha256 is no reason to go on with something else.
  Result<std::string> try_download(const CatalogEntry& entry, const std::string& file) const {
    if (!options_.download) return std::string("downloads are off");
    if (!from_environment("KITH_OFFLINE").empty()) return std::string("KITH_OFFLINE is set");
    tell(fmt::format("fetching {} (licence {})", entry.url, entry.licence));
    const Result<void> fetched = download(entry.url, entry.sha256, file);
    if (fetched.ok()) return std::string();
    if (fetched.error().code == Code::kCorruption) return fetched.error();
    return fetched.error().message;
  }

  Result<Dataset> make_synthetic(const CatalogEntry& entry, const std::string& why) const {
    if (!options_.synthetic)
      return not_found("dataset '{}' is not on this machine: {}. Put it under KITH_DATASETS/{}", entry.name,
                       why, entry.name);
    const uint64_t rows = std::min(entry.rows, options_.synthetic_rows_max);
    const uint64_t queries = std::min(entry.queries, options_.synthetic_queries);
    const std::string folder = fmt::format("{}/synthetic-{}-{}-{}", cache_, entry.name, rows, queries);
    Dataset dataset;
    dataset.name = entry.name;
    dataset.metric = entry.metric;
    dataset.dim = entry.dim;
    dataset.synthetic = true;
    dataset.origin =
        fmt::format("SYNTHETIC clustered set of {} rows in place of {}, because {}", rows, entry.name, why);
    dataset.base.path = folder + "/base.fvecs";
    dataset.queries.path = folder + "/query.fvecs";
    dataset.groundtruth.path = folder + "/groundtruth.ivecs";
    if (is_cached(dataset.groundtruth.path, 0)) return dataset;
    tell(fmt::format("making a {}", dataset.origin));
    TRY(posix_file_system().make_directories(folder));
    TRY(write_synthetic(dataset, rows, queries));
    return dataset;
  }

  static Result<void> write_synthetic(const Dataset& dataset, uint64_t rows, uint64_t queries) {
    ClusteredSpec spec;
    spec.rows = rows;
    spec.queries = queries;
    spec.dim = dataset.dim;
    spec.normalised = dataset.metric == Metric::kCosine;
    spec.seed = kSyntheticSeed;
    ThreadPool pool(0);
    const VectorSet set = make_clustered(spec, &pool);
    const Neighbors truth = TRY(
        exact_neighbors(set.base.block(), set.queries.block(), dataset.metric, kSyntheticNeighbors, &pool));
    TRY(write_matrix(dataset.base.path, set.base));
    TRY(write_matrix(dataset.queries.path, set.queries));
    TRY(write_neighbors(dataset.groundtruth.path, truth));
    return stamp(dataset.groundtruth.path, 0);
  }

  void tell(const std::string& line) const {
    if (options_.tell) options_.tell(line);
  }

  std::string name_;
  const ResolveOptions& options_;
  const std::vector<CatalogEntry>& entries_;
  std::string cache_;
  std::string directory_;
};

}  // namespace

Result<Dataset> resolve(std::string_view name, const ResolveOptions& options) {
  if (name.empty()) return invalid_argument("the name of a dataset is empty");
  return Resolver(name, options).run();
}

}  // namespace kith

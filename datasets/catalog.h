// The catalog of datasets: a name (or an unambiguous prefix) to files on this machine.
//
// resolve("fashion-mnist") looks, in this order, in
//   1. the directory KITH_DATASETS, one folder a set (base.*, query.*, groundtruth.ivecs, attributes.jsonl,
//   ...; packed
//      vectors are unpacked once into the cache);
//   2. the cache (KITH_CACHE, else ~/.cache/kith) for an earlier download;
//   3. the public address of catalog.toml, fetched by curl or wget, checked by sha256 where the catalog has
//   one;
//   4. a clustered set of the same dimension and metric made from a fixed seed, marked SYNTHETIC in `origin`.
// Everything is written beside its name first and then renamed, so a killed run leaves no half file under a
// final name.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "datasets/reader.h"
#include "index/distance/distance.h"

namespace kith {

/// One [[set]] of catalog.toml.
struct CatalogEntry {
  std::string name;    // as in ANN-Benchmarks: what-dim-metric
  std::string alias;   // a further exact name, or empty
  std::string url;     // empty: not public, only through KITH_DATASETS
  std::string sha256;  // of the file at url in hex; empty: not known, the download is not verified
  std::string licence;
  std::string summary;
  Metric metric = Metric::kL2;
  uint32_t dim = 0;
  uint64_t rows = 0;
  uint64_t queries = 0;
};

/// Parses the text of a catalog. InvalidArgument names line or set and field.
Result<std::vector<CatalogEntry>> parse_catalog(std::string_view text);
/// The catalog built into this library.
const std::vector<CatalogEntry>& catalog();

/// A file for open_reader; path empty where the set has none.
struct DataSource {
  std::string path;
  ReaderOptions options;

  bool empty() const { return path.empty(); }
};

struct Dataset {
  std::string name;
  Metric metric = Metric::kL2;
  uint32_t dim = 0;
  bool synthetic = false;
  std::string origin;  // one line for people: where it came from
  DataSource base;
  DataSource queries;
  DataSource groundtruth;  // for read_neighbors; exact, nearest first
  // JSON lines, for open_lines (packed or not); empty where the set has none.
  std::string attributes_path;        // line i describes base row i
  std::string query_attributes_path;  // line i describes query i
  std::string passages_path;          // texts of the base rows
  std::string query_texts_path;
  std::string filters_path;         // line i is filtered query i
  DataSource filtered_groundtruth;  // row i answers filtered query i
};

struct ResolveOptions {
  std::string datasets_directory;  // "" = KITH_DATASETS; neither: step 1 is left out
  std::string cache_directory;     // "" = KITH_CACHE, else ~/.cache/kith
  bool download = true;            // step 3; also off where KITH_OFFLINE is set
  bool synthetic = true;           // step 4; off: NotFound instead
  uint64_t synthetic_rows_max = 60'000;
  uint64_t synthetic_queries = 1'000;
  std::vector<CatalogEntry> entries;             // empty = catalog()
  std::function<void(const std::string&)> tell;  // a line for people when something slow starts; may be null
};

/// InvalidArgument for a prefix that fits several sets (they are listed), NotFound for one that fits none.
Result<Dataset> resolve(std::string_view name, const ResolveOptions& options = {});

}  // namespace kith

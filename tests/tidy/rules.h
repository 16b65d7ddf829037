// The rules of the house as tables: who may include whom, which file wraps which library, how long things may
// be.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace kith::tidy {

inline constexpr size_t kFileLinesMax = 400;
inline constexpr size_t kFunctionLinesMax = 70;
inline constexpr size_t kRootCMakeLinesMax = 150;
inline constexpr size_t kFileBytesMax = 1'000'000;

/// A file whose path starts with `from` may include paths that start with one of `may`. The longest `from`
/// that matches decides.
struct LayerRule {
  std::string_view from;
  std::vector<std::string_view> may;
};

inline const std::vector<LayerRule>& layer_rules() {
  static const std::vector<LayerRule> kRules = {
      {"base/", {"base/"}},
      {"storage/", {"base/", "storage/"}},
      {"index/", {"base/", "index/"}},
      {"query/",
       {"base/", "storage/", "index/index.h", "index/registry.h", "index/stats.h", "index/top_k.h",
        "index/distance/", "query/"}},
      {"cache/", {"base/", "storage/", "cache/"}},
      {"gpu/", {"base/", "index/", "gpu/"}},
      {"server/",
       {"base/", "query/", "index/index.h", "index/registry.h", "index/stats.h", "index/distance/distance.h",
        "cache/", "gpu/", "server/", "kith.", "reflection.",
        "health."}},  // the last three: made from server/proto
      // The command line reads files of vectors: the one user of datasets outside bench and tests.
      {"server/cli/",
       {"base/", "query/", "index/index.h", "index/registry.h", "index/stats.h", "index/distance/distance.h",
        "server/", "kith.", "datasets/"}},
      {"datasets/", {"base/", "index/", "datasets/"}},
      {"bench/", {""}},
      {"tests/", {""}},
  };
  return kRules;
}

/// Each library is included by the files of one prefix only, so that replacing it edits one place.
struct WrappedLibrary {
  std::string_view include_prefix;  // as written after '<'
  std::string_view only_in;         // path prefix
  std::string_view and_in = "-";    // where layers that may not meet both need it: a second one
};

inline const std::vector<WrappedLibrary>& wrapped_libraries() {
  static const std::vector<WrappedLibrary> kLibraries = {
      {"rocksdb/", "storage/kv/rocksdb_", "bench/rivals/"},
      {"roaring/", "base/row_set.cc"},
      {"liburing.h", "base/io/uring_"},
      {"spdlog/", "base/log.cc"},
      {"simdjson.h", "query/schema/", "datasets/json_text.cc"},
      {"unicode/", "query/text/words.cc"},
      {"cblas.h", "index/flat/", "index/codes/opq_training.cc"},
      {"faiss/", "index/kmeans.cc"},
      {"hdf5.h", "datasets/hdf5_main.cc"},
      {"zstd.h", "datasets/decompress"},
      {"lzma.h", "datasets/decompress"},
      {"zlib.h", "datasets/decompress"},
      {"toml++/", "datasets/catalog"},
      {"CLI/", "server/cli/"},
      {"grpcpp/", "server/"},
      {"hnswlib/", "bench/rivals/"},
  };
  return kLibraries;
}

}  // namespace kith::tidy

// RivalStore: bare RocksDB behind the one call that a fair race of durable writes needs: the options of an
// existing store's directory (RocksDB keeps them there), so that both sides have the same ones, whatever they
// are.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace kith::bench {

struct StoreChange {
  bool erase = false;
  uint8_t table = 0;  // column family, in the order of the options
  std::string key;
  std::string value;
};

class RivalStore {
 public:
  virtual ~RivalStore() = default;
  /// All or nothing, synced before it returns. An empty string, or what went wrong. Any number of threads.
  virtual std::string write(std::span<const StoreChange> batch) = 0;
};

/// Makes a store in `directory` with the options last used in `options_of`. Null, with the reason in `error`.
extern "C" RivalStore* kith_new_rocksdb(const char* options_of, const char* directory, std::string* error);

inline std::unique_ptr<RivalStore> make_rocksdb(const std::string& options_of, const std::string& directory,
                                                std::string* error) {
  return std::unique_ptr<RivalStore>(kith_new_rocksdb(options_of.c_str(), directory.c_str(), error));
}

}  // namespace kith::bench

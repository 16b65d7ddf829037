// Session: an open Api on a directory or a server, chosen by --dir and --server; all commands work through it
// alone.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/stop.h"
#include "query/database.h"
#include "server/api/api.h"

namespace kith {

inline constexpr const char* kDefaultServer = "127.0.0.1:7447";
inline constexpr uint16_t kDefaultPort = 7447;

struct Target {
  std::string directory;  // --dir; wins over server, the two exclude each other
  std::string server;     // --server; "" = kDefaultServer
  double timeout_s = 0;   // --timeout; 0 = none
};

class Session {
 public:
  /// A directory is made only where `create_directory`; a command that reads should not leave one behind.
  static Result<Session> open(const Target& target, bool create_directory);

  Api& api() { return *api_; }
  /// Cancelled by Ctrl-C, ended by --timeout, which counts from `open`.
  const Stop& stop() const { return stop_; }
  /// A second way to the same data for another thread: a connection of its own to a server, the same database
  /// here.
  Result<std::unique_ptr<Api>> another_api();

  /// GetCollection; NotFound says which names are near.
  Result<v1::GetCollectionResponse> collection(const std::string& name);

 private:
  Session() = default;
  std::unique_ptr<Database> database_;  // before api_: it must outlive it
  std::unique_ptr<Api> api_;
  std::string server_;
  Stop stop_;
};

/// Up to three of `names` that `name` may have meant, nearest first (Damerau–Levenshtein, optimal string
/// alignment).
std::vector<std::string> near_names(const std::string& name, const std::vector<std::string>& names);

}  // namespace kith

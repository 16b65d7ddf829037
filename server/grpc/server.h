// Server: one Database served as kith.v1 over gRPC, with health and reflection, on a loopback address.
//
// The listening socket is ours (acceptor.h): Debian's gRPC 1.51.1 never accepts again after it ran out of
// file descriptors (CVE-2023-4785), and has no cap on connections. There is no authentication yet, so any
// address but loopback is refused.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "query/database.h"

namespace kith {

struct ServerOptions {
  std::string directory;             // data directory; created when missing
  std::string host = "127.0.0.1";    // a loopback address: 127.0.0.0/8, ::1 or localhost
  uint16_t port = 7447;              // 0 = any free port, printed when ready
  uint32_t connections_max = 1'000;  // further clients are closed at once
  uint32_t threads = 0;              // requests served at the same time; 0 = 4 per CPU, at least 16
  std::string backup_root;           // directory for backups; "" = none are made
  std::chrono::milliseconds drain{
      5'000};  // how long shutdown waits for running requests before it cancels them
  DatabaseOptions database;
};

/// Opens the directory, serves it, calls `ready` with the port, and runs until SIGINT or SIGTERM; then stops
/// accepting, lets running requests end, and closes the database. A signal that comes before `ready` ends the
/// process at once with the exit code 128 + signal: opening can take long (a log is replayed), nothing was
/// acknowledged yet, and the store survives any kill. InvalidArgument for a bad address, FailedPrecondition
/// for one that is not loopback or a directory in use.
Result<void> run_server(const ServerOptions& options, const std::function<void(uint16_t port)>& ready);

/// The same in pieces, for embedding and tests. Destruction shuts down as run_server does.
class Server {
 public:
  /// The database must outlive the server.
  static Result<std::unique_ptr<Server>> start(Database& database, const ServerOptions& options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  uint16_t port() const;
  /// Connections open now, as the cap counts them.
  uint32_t connections() const;

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace kith

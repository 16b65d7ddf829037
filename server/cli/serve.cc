// kith serve: the flags, handed to server/grpc/server.h.
#include "server/cli/commands.h"
#include "server/grpc/server.h"

namespace kith {

Result<ExitCode> run_serve(const ServeOptions& options, Console&) {
  ServerOptions server;
  server.directory = options.directory;
  server.host = options.host;
  server.port = options.port;
  server.connections_max = options.connections;
  server.threads = options.threads;
  TRY(run_server(server));
  return ExitCode::kOk;
}

}  // namespace kith

// kith serve: the flags, handed to server/grpc/server.h, and the line that says that it is ready.
#include "base/machine_memory.h"
#include "server/cli/commands.h"
#include "server/cli/json_writer.h"
#include "server/grpc/server.h"

namespace kith {

namespace {

/// What tells a script that the server is ready, and where: one line.
std::string ready_line(const ServerOptions& server, uint16_t port, bool json) {
  if (!json) return fmt::format("kith: serving {} on {}:{}", server.directory, server.host, port);
  JsonWriter out;
  out.begin_object().field("directory", server.directory).field("host", server.host);
  out.field("port", port).end_object();
  return out.str();
}

}  // namespace

Result<ExitCode> run_serve(const ServeOptions& options, Console& console) {
  ServerOptions server;
  server.directory = options.directory;
  server.host = options.host;
  server.port = options.port;
  server.connections_max = options.connections;
  server.threads = options.threads;
  // The rest is for requests, their answers, and the system's page cache.
  server.database.memory_bytes_max = options.memory_bytes_max.value_or(machine_memory_bytes() / 4 * 3);
  server.database.disk_reserve_bytes = options.disk_reserve_bytes;
  server.backup_root = options.backup_root;
  TRY(run_server(server, [&](uint16_t port) {
    console.print_line(ready_line(server, port, console.json));
    console.flush();
  }));
  return ExitCode::kOk;
}

}  // namespace kith

#include "bench/server/server_process.h"

#include <signal.h>

namespace kith::bench {
namespace {

constexpr std::chrono::seconds kStartPatience{30}, kEndPatience{20};
constexpr std::string_view kReady = " on ";  // "kith: serving DIRECTORY on HOST:PORT"

}  // namespace

Result<std::unique_ptr<ServerProcess>> ServerProcess::start(const std::string& program,
                                                            const std::string& directory) {
  Result<std::unique_ptr<ChildProcess>> child =
      ChildProcess::start({program, "serve", "--dir", directory, "--port", "0"});
  if (!child.ok()) return not_found("{}; build the target kith or give --kith PATH", child.error().message);
  std::unique_ptr<ServerProcess> server(new ServerProcess(std::move(*child)));
  const std::string line = TRY(server->child_->read_line(kStartPatience));
  const size_t place = line.rfind(kReady);
  if (place == std::string::npos)
    return make_error(Code::kUnavailable, "no address in the server's '{}'", line);
  server->address_ = line.substr(place + kReady.size());
  return server;
}

ServerProcess::~ServerProcess() {
  child_->signal(SIGTERM);
  child_->wait(kEndPatience);
}

}  // namespace kith::bench

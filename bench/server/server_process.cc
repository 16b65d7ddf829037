#include "bench/server/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

extern char** environ;

namespace kith::bench {
namespace {

constexpr std::chrono::seconds kStartPatience{30}, kEndPatience{20};
constexpr std::string_view kReady = " on ";  // "kith: serving DIRECTORY on HOST:PORT"

int milliseconds_until(std::chrono::steady_clock::time_point end) {
  auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

}  // namespace

Result<std::unique_ptr<ServerProcess>> ServerProcess::start(const std::string& program,
                                                            const std::string& directory) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return make_error(Code::kResourceExhausted, "no pipe for the server's output");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string words[] = {program, "serve", "--dir", directory, "--port", "0"};
  char* arguments[7] = {};
  for (size_t i = 0; i < std::size(words); ++i) arguments[i] = words[i].data();
  pid_t pid = 0;
  int failed = posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (failed != 0) {
    close(ends[0]);
    return not_found("'{}' cannot be started (errno {}); build the target kith or give --kith PATH", program,
                     failed);
  }
  std::unique_ptr<ServerProcess> server(new ServerProcess(pid, ends[0]));
  TRY(server->read_address());
  return server;
}

Result<void> ServerProcess::read_address() {
  std::string text;
  auto end = std::chrono::steady_clock::now() + kStartPatience;
  while (text.find('\n') == std::string::npos) {
    pollfd ready{output_, POLLIN, 0};
    char bytes[512];
    ssize_t count = poll(&ready, 1, milliseconds_until(end)) > 0 ? read(output_, bytes, sizeof(bytes)) : 0;
    if (count <= 0)
      return make_error(Code::kUnavailable, "the server did not say where it listens, only '{}'", text);
    text.append(bytes, static_cast<size_t>(count));
  }
  text.resize(text.find('\n'));
  size_t place = text.rfind(kReady);
  if (place == std::string::npos)
    return make_error(Code::kUnavailable, "no address in the server's '{}'", text);
  address_ = text.substr(place + kReady.size());
  return {};
}

ServerProcess::~ServerProcess() {
  kill(pid_, SIGTERM);
  auto end = std::chrono::steady_clock::now() + kEndPatience;
  while (waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > end) kill(pid_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  close(output_);
}

}  // namespace kith::bench

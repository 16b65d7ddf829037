#include "bench/harness/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

extern char** environ;

namespace kith::bench {
namespace {

using Time = std::chrono::steady_clock::time_point;

int milliseconds_until(Time end) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

}  // namespace

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(std::vector<std::string> words) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return make_error(Code::kResourceExhausted, "no pipe for the output of '{}'", words[0]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (failed == 0) return std::unique_ptr<ChildProcess>(new ChildProcess(pid, ends[0]));
  close(ends[0]);
  return not_found("'{}' cannot be started (errno {})", words[0], failed);
}

ChildProcess::~ChildProcess() {
  signal(SIGKILL);
  if (!exit_code_) waitpid(pid_, nullptr, 0);
  close(output_);
}

Result<std::string> ChildProcess::read_line(std::chrono::milliseconds patience) {
  const Time end = std::chrono::steady_clock::now() + patience;
  while (read_.find('\n') == std::string::npos) {
    pollfd ready{output_, POLLIN, 0};
    char bytes[512];
    const ssize_t count =
        poll(&ready, 1, milliseconds_until(end)) > 0 ? read(output_, bytes, sizeof(bytes)) : 0;
    if (count <= 0)
      return make_error(Code::kUnavailable, "a child process was to say a line, and said only '{}'", read_);
    read_.append(bytes, static_cast<size_t>(count));
  }
  const size_t length = read_.find('\n');
  std::string line = read_.substr(0, length);
  read_.erase(0, length + 1);
  return line;
}

void ChildProcess::signal(int number) {
  if (running()) kill(pid_, number);
}

bool ChildProcess::running() {
  int status = 0;
  if (!exit_code_ && waitpid(pid_, &status, WNOHANG) == pid_)
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return !exit_code_;
}

bool ChildProcess::wait(std::chrono::milliseconds patience) {
  const Time end = std::chrono::steady_clock::now() + patience;
  while (running()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

Result<std::string> own_program() {
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed) return make_error(Code::kUnavailable, "/proc/self/exe cannot be read: {}", failed.message());
  return path.string();
}

}  // namespace kith::bench

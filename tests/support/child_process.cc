#include "tests/support/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/check.h"

namespace kith::test {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

Pipe make_pipe() {
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC) == 0);
  return {ends[0], ends[1]};
}

[[noreturn]] void run_program(const std::vector<std::string>& arguments, const ChildOptions& options,
                              Pipe input, Pipe output) {
  dup2(input.read_end, STDIN_FILENO);
  dup2(output.write_end, STDOUT_FILENO);
  dup2(output.write_end, STDERR_FILENO);
  // A test that starts itself chooses what runs: not gtest's shard of it.
  for (const char* name : {"GTEST_TOTAL_SHARDS", "GTEST_SHARD_INDEX", "GTEST_SHARD_STATUS_FILE"})
    unsetenv(name);
  for (const auto& [name, value] : options.environment) setenv(name.c_str(), value.c_str(), 1);
  if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(126);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  _exit(127);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, const ChildOptions& options) {
  CHECK(!arguments.empty() && options.input.size() < 65536);
  const Pipe input = make_pipe();
  const Pipe output = make_pipe();
  pid_ = fork();
  CHECK(pid_ >= 0);
  if (pid_ == 0) run_program(arguments, options, input, output);
  close(input.read_end);
  close(output.write_end);
  output_pipe_ = output.read_end;
  if (!options.input.empty()) {
    // A child that ended already must not end the test by SIGPIPE.
    ::signal(SIGPIPE, SIG_IGN);
    [[maybe_unused]] const ssize_t written =
        write(input.write_end, options.input.data(), options.input.size());
  }
  close(input.write_end);
}

ChildProcess::~ChildProcess() {
  if (!exit_) {
    ::kill(pid_, SIGKILL);
    reap(true);
  }
  if (output_pipe_ >= 0) close(output_pipe_);
}

void ChildProcess::reap(bool block) {
  if (exit_) return;
  int status = 0;
  if (waitpid(pid_, &status, block ? 0 : WNOHANG) != pid_) return;
  exit_ = WIFEXITED(status) ? ChildExit{WEXITSTATUS(status), 0} : ChildExit{-1, WTERMSIG(status)};
}

bool ChildProcess::running() {
  reap(false);
  return !exit_.has_value();
}

void ChildProcess::signal(int number) {
  if (running()) ::kill(pid_, number);
}

// False at the end of the output or when nothing came in time.
bool ChildProcess::read_some(std::chrono::milliseconds timeout) {
  if (output_pipe_ < 0) return false;
  pollfd poll_request{output_pipe_, POLLIN, 0};
  if (poll(&poll_request, 1, static_cast<int>(timeout.count())) <= 0) return false;
  char buffer[16384];
  const ssize_t bytes = read(output_pipe_, buffer, sizeof buffer);
  if (bytes <= 0) {
    close(output_pipe_);
    output_pipe_ = -1;
    return false;
  }
  output_.append(buffer, static_cast<size_t>(bytes));
  return true;
}

void ChildProcess::read_available() {
  while (read_some(std::chrono::milliseconds(0))) {
  }
}

bool ChildProcess::wait_for_output(const std::string& text, std::chrono::milliseconds timeout) {
  const Clock::time_point end = Clock::now() + timeout;
  while (output_.find(text) == std::string::npos) {
    if (output_pipe_ < 0 || Clock::now() >= end) return false;
    read_some(std::chrono::milliseconds(20));
  }
  return true;
}

std::optional<ChildExit> ChildProcess::wait(std::chrono::milliseconds timeout) {
  const Clock::time_point end = Clock::now() + timeout;
  while (running()) {
    if (Clock::now() >= end) return std::nullopt;
    if (!read_some(std::chrono::milliseconds(10)) && output_pipe_ < 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  read_available();
  return exit_;
}

ChildResult run_child(const std::vector<std::string>& arguments, const ChildOptions& options,
                      std::chrono::milliseconds timeout) {
  ChildProcess child(arguments, options);
  std::optional<ChildExit> exit = child.wait(timeout);
  if (!exit) {
    child.kill_now();
    exit = child.wait(std::chrono::seconds(10));
  }
  return {exit.value_or(ChildExit{-1, SIGKILL}), child.output()};
}

bool catches_signal(pid_t pid, int signal) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    if (word != "SigCgt:") continue;
    status >> word;
    return (std::stoull(word, nullptr, 16) >> (signal - 1) & 1) != 0;
  }
  return false;
}

bool wait_until_catches(pid_t pid, int signal) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!catches_signal(pid, signal)) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

std::string executable_directory() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
}

std::string find_executable(const std::string& name) {
  std::filesystem::path directory = executable_directory();
  for (int up = 0; up < 4; ++up, directory = directory.parent_path()) {
    for (const char* below : {".", "server", "datasets", "tests", "bin"}) {
      const std::filesystem::path candidate = directory / below / name;
      if (std::filesystem::is_regular_file(candidate)) return candidate.lexically_normal().string();
    }
  }
  return "";
}

}  // namespace kith::test

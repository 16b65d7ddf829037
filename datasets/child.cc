#include "datasets/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

extern char** environ;

namespace kith {
namespace {

std::string errno_text(int number) {
  return std::error_code(number, std::generic_category()).message();
}

class ChildSource final : public ByteSource {
 public:
  ChildSource(std::string program, pid_t pid, int pipe)
      : program_(std::move(program)), pid_(pid), pipe_(pipe) {}
  ~ChildSource() override {
    close(pipe_);
    if (ended_) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  Result<size_t> read(std::span<std::byte> out) override {
    for (;;) {
      const ssize_t bytes = ::read(pipe_, out.data(), out.size());
      if (bytes > 0) return static_cast<size_t>(bytes);
      if (bytes < 0 && errno == EINTR) continue;
      if (bytes < 0) return unavailable("cannot read from {}: {}", program_, errno_text(errno));
      TRY(reap());
      return size_t{0};
    }
  }
  uint64_t file_bytes() const override { return 0; }
  uint64_t file_bytes_read() const override { return 0; }

 private:
  Result<void> reap() {
    if (!ended_) {
      while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
      }
      ended_ = true;
    }
    if (WIFEXITED(status_) && WEXITSTATUS(status_) == 0) return {};
    if (WIFSIGNALED(status_))
      return corruption("{} was ended by signal {}: the file is probably damaged", program_,
                        WTERMSIG(status_));
    return corruption("{} ended with code {}", program_, WEXITSTATUS(status_));
  }

  std::string program_;
  pid_t pid_;
  int pipe_;
  int status_ = 0;
  bool ended_ = false;
};

struct Spawn {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  Spawn() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    // The child must not inherit our masks and handlers (a server ignores SIGPIPE).
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  ~Spawn() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }

  Result<pid_t> start(const std::vector<std::string>& arguments, char* const* environment) {
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    pid_t pid = -1;
    const int code = posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environment);
    if (code == ENOENT) return not_found("program '{}' is not installed", arguments[0]);
    if (code != 0) return unavailable("cannot start '{}': {}", arguments[0], errno_text(code));
    return pid;
  }
};

std::vector<std::string> bare_variables() {
  std::vector<std::string> variables{"HDF5_USE_FILE_LOCKING=FALSE"};
  for (const char* name : {"LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS"}) {
    const char* value = std::getenv(name);
    if (value != nullptr) variables.push_back(fmt::format("{}={}", name, value));
  }
  return variables;
}

}  // namespace

Result<std::unique_ptr<ByteSource>> start_child(const std::vector<std::string>& arguments,
                                                bool bare_environment) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return resource_exhausted("cannot make a pipe: {}", errno_text(errno));
  std::vector<std::string> variables = bare_variables();
  std::vector<char*> bare;
  for (std::string& variable : variables) bare.push_back(variable.data());
  bare.push_back(nullptr);
  Spawn spawn;
  posix_spawn_file_actions_adddup2(&spawn.actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&spawn.actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const Result<pid_t> pid = spawn.start(arguments, bare_environment ? bare.data() : environ);
  close(ends[1]);
  if (!pid.ok()) {
    close(ends[0]);
    return pid.error();
  }
  return std::unique_ptr<ByteSource>(std::make_unique<ChildSource>(arguments[0], *pid, ends[0]));
}

Result<int> run_to_end(const std::vector<std::string>& arguments) {
  Spawn spawn;
  posix_spawn_file_actions_addopen(&spawn.actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  const pid_t pid = TRY(spawn.start(arguments, environ));
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return unavailable("cannot wait for '{}': {}", arguments[0], errno_text(errno));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string find_helper(const std::string& name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return "";
  for (const char* place : {".", "../datasets", "../../datasets", "../libexec/kith", "datasets"}) {
    const std::filesystem::path candidate = (self.parent_path() / place / name).lexically_normal();
    if (access(candidate.c_str(), X_OK) == 0) return candidate.string();
  }
  return "";
}

}  // namespace kith

// A real `kith serve` as a child process that never outlives the test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace kith::testing {

class ServerProcess {
 public:
  /// `files_max` limits the child's descriptors; 0 leaves them as they are.
  explicit ServerProcess(const std::string& directory, rlim_t files_max = 0) {
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
      ADD_FAILURE() << "pipe";
      return;
    }
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      dup2(pipe_fds[1], STDOUT_FILENO);
      const rlimit limit{files_max, files_max};
      if (files_max != 0) setrlimit(RLIMIT_NOFILE, &limit);
      execl(KITH_BINARY, KITH_BINARY, "serve", "--dir", directory.c_str(), "--port", "0",
            static_cast<char*>(nullptr));
      _exit(127);
    }
    close(pipe_fds[1]);
    read_port(pipe_fds[0]);
    close(pipe_fds[0]);
  }
  ~ServerProcess() { kill_now(); }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// 0 when it did not start.
  uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }

  void kill_now() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  /// The exit status after SIGTERM; -1 when it did not exit by itself.
  int terminate() {
    if (pid_ <= 0) return -1;
    ::kill(pid_, SIGTERM);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  /// "kith: serving DIRECTORY on HOST:PORT"
  void read_port(int fd) {
    std::string line;
    pollfd event{fd, POLLIN, 0};
    char c = 0;
    while (line.find('\n') == std::string::npos && poll(&event, 1, 60'000) == 1 && read(fd, &c, 1) == 1)
      line += c;
    const size_t colon = line.rfind(':');
    if (line.rfind("kith: serving ", 0) == 0 && colon != std::string::npos) {
      port_ = static_cast<uint16_t>(std::stoul(line.substr(colon + 1)));
    }
    EXPECT_NE(port_, 0) << "kith serve said: " << line;
  }

  pid_t pid_ = -1;
  uint16_t port_ = 0;
};

}  // namespace kith::testing

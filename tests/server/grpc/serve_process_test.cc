// Goal: `kith serve` can be ended while it still opens its directory, and says where it serves in the form
// that was asked for. Method: the real binary; a directory whose store waits in open() for ever, because one
// of its files is a pipe that nobody writes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "tests/server/grpc/harness.h"
#include "tests/support/child_process.h"

namespace kith::testing {
namespace {

using namespace std::chrono_literals;

class Serve {
 public:
  Serve(const std::string& directory, const char* flag) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      dup2(ends[1], STDOUT_FILENO);
      execl(KITH_BINARY, KITH_BINARY, "serve", "--dir", directory.c_str(), "--port", "0", flag,
            static_cast<char*>(nullptr));
      _exit(127);
    }
    close(ends[1]);
    out_ = ends[0];
  }
  ~Serve() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(out_);
  }
  Serve(const Serve&) = delete;
  Serve& operator=(const Serve&) = delete;

  std::string line() {
    std::string text;
    pollfd event{out_, POLLIN, 0};
    char c = 0;
    while (poll(&event, 1, 60'000) == 1 && read(out_, &c, 1) == 1 && c != '\n') text += c;
    return text;
  }

  bool wait_until_catches(int signal) const { return test::wait_until_catches(pid_, signal); }

  /// The exit code; -1 when it did not exit by itself in time.
  int end(int signal) {
    ::kill(pid_, signal);
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    int status = 0;
    while (waitpid(pid_, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > deadline) return -1;
      std::this_thread::sleep_for(5ms);
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  int out_ = -1;
};

TEST(ServeProcess, ASignalEndsItWhileItOpensTheDirectory) {
  TempDir dir;
  {
    auto database = Database::open(dir.path(), {});
    ASSERT_TRUE(database.ok()) << database.error().message;
  }
  const std::string current = dir.path() + "/store/CURRENT";
  ASSERT_TRUE(std::filesystem::remove(current));
  ASSERT_EQ(mkfifo(current.c_str(), 0600), 0);
  for (const int signal : {SIGTERM, SIGINT}) {
    Serve serve(dir.path(), nullptr);
    ASSERT_TRUE(serve.wait_until_catches(SIGTERM));
    std::this_thread::sleep_for(100ms);  // into open()
    EXPECT_EQ(serve.end(signal), 128 + signal);
  }
}

TEST(ServeProcess, SaysWhereInPlainTextOrAsOneJsonObject) {
  TempDir dir;
  {
    Serve plain(dir.path(), nullptr);
    const std::string line = plain.line();
    EXPECT_EQ(line.rfind("kith: serving " + dir.path() + " on 127.0.0.1:", 0), 0u) << line;
    EXPECT_EQ(plain.end(SIGTERM), 0);
  }
  Serve json(dir.path(), "--json");
  const std::string line = json.line();
  const std::string begin = "{\"directory\":\"" + dir.path() + "\",\"host\":\"127.0.0.1\",\"port\":";
  ASSERT_EQ(line.rfind(begin, 0), 0u) << line;
  size_t digits = 0;
  const int port = std::stoi(line.substr(begin.size()), &digits);
  EXPECT_EQ(line.substr(begin.size() + digits), "}");
  EXPECT_TRUE(connect_remote_api(local(static_cast<uint16_t>(port))).ok());
  EXPECT_EQ(json.end(SIGTERM), 0);
  EXPECT_EQ(json.line(), "") << "more than one line on stdout";
}

}  // namespace
}  // namespace kith::testing

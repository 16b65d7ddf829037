// ChildProcess: a real process with captured output, for tests that start servers, command lines and crash
// victims.
//
// Output and errors go to one pipe, read by `wait`, `wait_for_output` and `read_available`; a child that
// writes more than the pipe holds (64 KiB) waits until the test reads. The destructor kills (SIGKILL) and
// reaps what still runs, so no test leaves a process behind. Only this one process is ever signalled, by its
// pid. Not thread-safe.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kith::test {

struct ChildOptions {
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::string directory;                                         // "" = ours
  std::string input;  // given on standard input, then end of file; < 64 KiB
};

struct ChildExit {
  int code = -1;   // exit code, or -1 when a signal ended it
  int signal = 0;  // the signal, or 0
};

class ChildProcess {
 public:
  /// Starts `arguments[0]` (a path, or a name looked up in PATH). The test stops if the fork fails; a program
  /// that cannot be executed ends with code 127.
  explicit ChildProcess(const std::vector<std::string>& arguments, const ChildOptions& options = {});
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number);
  void kill_now() { signal(9); }

  /// Reads output until it holds `text` (true), or the child ends or time is up (false).
  bool wait_for_output(const std::string& text, std::chrono::milliseconds timeout);
  /// Waits for the end, reading all output; none when time is up.
  std::optional<ChildExit> wait(std::chrono::milliseconds timeout);
  /// All output read so far.
  const std::string& output() const { return output_; }
  /// Reads what is there without waiting.
  void read_available();

 private:
  bool read_some(std::chrono::milliseconds timeout);
  void reap(bool block);

  pid_t pid_ = -1;
  int output_pipe_ = -1;
  std::string output_;
  std::optional<ChildExit> exit_;
};

/// Runs to the end and returns exit and output; kills it after `timeout` (then exit.signal is 9).
struct ChildResult {
  ChildExit exit;
  std::string output;
};
ChildResult run_child(const std::vector<std::string>& arguments, const ChildOptions& options = {},
                      std::chrono::milliseconds timeout = std::chrono::seconds(60));

/// Whether process `pid` has a handler of its own for `signal` by now; a program that was just executed has
/// none. (That a signal is blocked says nothing: fork() blocks all of them for a moment.)
bool catches_signal(pid_t pid, int signal);
/// Waits for that; false when a minute has passed.
bool wait_until_catches(pid_t pid, int signal);

/// The directory of the running test executable; build trees put sibling executables at fixed places below or
/// above it.
std::string executable_directory();
/// Searches `name` upward from executable_directory(), in each directory also under `server`, `datasets`,
/// `tests`, `bin`; "" where there is none.
std::string find_executable(const std::string& name);

}  // namespace kith::test

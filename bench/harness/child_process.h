// ChildProcess: a process of its own whose standard output is read line by line. Not thread-safe; only this
// one process is ever signalled.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace kith::bench {

class ChildProcess {
 public:
  /// `words[0]` is the program's path. NotFound when it cannot be started.
  static Result<std::unique_ptr<ChildProcess>> start(std::vector<std::string> words);
  /// SIGKILL, where it still runs.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Unavailable, with what there was instead, when no whole line comes in time.
  Result<std::string> read_line(std::chrono::milliseconds patience);
  void signal(int number);
  bool running();
  /// False when it still runs after `patience`.
  bool wait(std::chrono::milliseconds patience);
  /// Its exit code, once it ended; -1 where a signal ended it.
  std::optional<int> exit_code() const { return exit_code_; }

 private:
  ChildProcess(pid_t pid, int output) : pid_(pid), output_(output) {}

  const pid_t pid_;
  const int output_;  // our end of the pipe on its standard output
  std::string read_;  // and not yet given away
  std::optional<int> exit_code_;
};

/// The path of the running program.
Result<std::string> own_program();

}  // namespace kith::bench

// ServerProcess: a real `kith serve` in a process of its own, on a free loopback port, for as long as the
// object lives.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "bench/harness/child_process.h"

namespace kith::bench {

class ServerProcess {
 public:
  /// Starts `program serve --dir directory --port 0` and waits until it says where it listens, 30 s at most.
  static Result<std::unique_ptr<ServerProcess>> start(const std::string& program,
                                                      const std::string& directory);
  /// SIGTERM, then waits for the end; SIGKILL when that takes more than 20 s.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& address() const { return address_; }  // host:port

 private:
  explicit ServerProcess(std::unique_ptr<ChildProcess> child) : child_(std::move(child)) {}

  const std::unique_ptr<ChildProcess> child_;
  std::string address_;
};

}  // namespace kith::bench

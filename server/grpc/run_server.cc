// run_server: the life of a `kith serve` process around a Server.
#include <pthread.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>

#include "base/log.h"
#include "server/grpc/server.h"

namespace kith {
namespace {

/// SIGINT and SIGTERM blocked, in this thread and those it starts, so that one sigwait() gets them.
/// Afterwards a second signal ends the process at once.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~BlockedSignals() { release(); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  int wait() {
    int signal = 0;
    while (sigwait(&set_, &signal) != 0) {
    }
    return signal;
  }
  void release() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t set_;
  sigset_t before_;
};

/// As many descriptors as the system lets us have: connections and table files share them.
void raise_file_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max) return;
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) log_warn("cannot raise the limit of open files");
}

}  // namespace

Result<void> run_server(const ServerOptions& options) {
  BlockedSignals signals;
  std::signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  const std::unique_ptr<Database> database = TRY(Database::open(options.directory, options.database));
  const std::unique_ptr<Server> server = TRY(Server::start(*database, options));
  std::printf("kith: serving %s on %s:%u\n", options.directory.c_str(), options.host.c_str(), server->port());
  std::fflush(stdout);
  const int signal = signals.wait();
  signals.release();
  log_info("stopping", {{"signal", signal}});
  return {};
}

}  // namespace kith

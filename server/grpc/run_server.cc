// run_server: the life of a `kith serve` process around a Server.
#include <semaphore.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string_view>

#include "base/log.h"
#include "server/grpc/server.h"

namespace kith {
namespace {

/// SIGINT and SIGTERM while this process serves: the first one, until `serving`, ends the process; after it,
/// it ends `wait`, and the next one the process. By handlers, not by sigwait() on a blocked mask: libraries
/// start threads before main (OpenBLAS does) that block nothing and would take the signal.
class Signals {
 public:
  Signals() {
    state().opening = true;
    state().signal = 0;
    sem_init(&state().came, 0, 0);
    struct sigaction action {};
    action.sa_handler = &Signals::handle;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &before_int_);
    sigaction(SIGTERM, &action, &before_term_);
    sigset_t ours;  // who started this process may have blocked them
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
  }
  ~Signals() {
    sigaction(SIGINT, &before_int_, nullptr);
    sigaction(SIGTERM, &before_term_, nullptr);
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  void serving() { state().opening = false; }
  int wait() {
    while (sem_wait(&state().came) != 0) {
    }
    return state().signal;
  }

 private:
  struct State {
    std::atomic<bool> opening{true};
    std::atomic<int> signal{0};
    sem_t came;  // never destroyed: a handler may be late
  };
  static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

  static State& state() {
    static State only;  // made by the constructor, before any handler
    return only;
  }

  /// Does only what POSIX allows in a handler.
  static void handle(int signal) {
    if (state().opening) {
      constexpr std::string_view kLine = "kith: ended by a signal while the directory was being opened\n";
      [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kLine.data(), kLine.size());
      _exit(128 + signal);
    }
    state().signal = signal;
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    sem_post(&state().came);
  }

  struct sigaction before_int_ {};
  struct sigaction before_term_ {};
};

/// As many descriptors as the system lets us have: connections and table files share them.
void raise_file_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max) return;
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) log_warn("cannot raise the limit of open files");
}

}  // namespace

Result<void> run_server(const ServerOptions& options, const std::function<void(uint16_t port)>& ready) {
  Signals signals;
  std::signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  const std::unique_ptr<Database> database = TRY(Database::open(options.directory, options.database));
  const std::unique_ptr<Server> server = TRY(Server::start(*database, options));
  signals.serving();  // whoever sees `ready` may already send a signal
  ready(server->port());
  const int signal = signals.wait();
  log_info("stopping", {{"signal", signal}});
  return {};
}

}  // namespace kith

#include "server/grpc/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace kith {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Error not_loopback(const std::string& host) {
  return failed_precondition(
      "host '{}' is not a loopback address: kith has no authentication yet, so it serves this "
      "machine only; use 127.0.0.1, and a tunnel that authenticates for other machines",
      host);
}

Result<Address> loopback_address(const std::string& host, uint16_t port) {
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  const std::string literal = host == "localhost" ? "127.0.0.1" : host;
  if (inet_pton(AF_INET, literal.c_str(), &v4->sin_addr) == 1) {
    if (ntohl(v4->sin_addr.s_addr) >> 24 != 127) return not_loopback(host);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof *v4;
    return address;
  }
  if (inet_pton(AF_INET6, literal.c_str(), &v6->sin6_addr) == 1) {
    if (!IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)) return not_loopback(host);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof *v6;
    return address;
  }
  return invalid_argument("host '{}' is not an IP address; use 127.0.0.1 or ::1", host);
}

uint16_t bound_port(int fd) {
  Address address;
  address.size = sizeof address.storage;
  if (getsockname(fd, address.get(), &address.size) != 0) return 0;
  if (address.storage.ss_family == AF_INET)
    return ntohs(reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port);
  return ntohs(reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port);
}

OwnedFd open_reserve() {
  return OwnedFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

OwnedFd& OwnedFd::operator=(OwnedFd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = other.release();
  }
  return *this;
}

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) close(fd_);
}

int OwnedFd::release() {
  return std::exchange(fd_, -1);
}

Result<std::unique_ptr<Acceptor>> Acceptor::listen(const std::string& host, uint16_t port,
                                                   size_t connections_max) {
  Address address = TRY(loopback_address(host, port));
  OwnedFd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return unavailable("cannot open a socket for {}:{}: {}", host, port, std::strerror(errno));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
  if (bind(fd.get(), address.get(), address.size) != 0 || ::listen(fd.get(), 1'024) != 0) {
    const int error = errno;
    return make_error(error == EADDRINUSE ? Code::kFailedPrecondition : Code::kUnavailable,
                      "cannot listen on {}:{}: {}; choose another port (0 = any free one)", host, port,
                      std::strerror(error));
  }
  OwnedFd wake(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake) return unavailable("cannot create an eventfd: {}", std::strerror(errno));
  const uint16_t bound = bound_port(fd.get());
  return std::unique_ptr<Acceptor>(new Acceptor(std::move(fd), std::move(wake), bound, connections_max));
}

Acceptor::Acceptor(OwnedFd listener, OwnedFd wake, uint16_t port, size_t connections_max)
    : listener_(std::move(listener)),
      wake_(std::move(wake)),
      reserve_(open_reserve()),
      port_(port),
      connections_(connections_max) {}

Acceptor::~Acceptor() {
  stop();
}

void Acceptor::start(OnConnection on_connection) {
  on_connection_ = std::move(on_connection);
  thread_ = std::thread([this] { run(); });
}

void Acceptor::stop() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    CHECK(write(wake_.get(), &one, sizeof one) == sizeof one);
    thread_.join();
  }
  listener_ = OwnedFd();
}

void Acceptor::run() {
  constexpr int kBackOffMs = 50;
  constexpr int kAcceptsPerWake = 256;  // a flood must not keep us from seeing wake_
  while (true) {
    // Without a reserve and a descriptor to accept with, poll() would say "readable" for ever: rest instead.
    const bool blind = !reserve_;
    pollfd events[2] = {{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    if (poll(events, blind ? 1 : 2, blind ? kBackOffMs : -1) < 0 && errno != EINTR) return;
    if (events[0].revents != 0) return;
    if (blind) reserve_ = open_reserve();
    for (int taken = 0; taken < kAcceptsPerWake && accept_one(); ++taken) {
    }
  }
}

/// False when nothing waits, or nothing can be done about what waits.
bool Acceptor::accept_one() {
  OwnedFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) {
    if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO || errno == EPERM) return true;
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return false;
    if (!reserve_) return false;
    return refuse_with_reserve();
  }
  if (!connections_.add(fd.get())) {
    refused_.fetch_add(1);
    return true;
  }
  on_connection_(fd.release());
  return true;
}

/// False when nothing waited (without a free descriptor accept4 says EMFILE then too), or when another thread
/// took the descriptor that we gave up: `reserve_` stays empty and run() backs off.
bool Acceptor::refuse_with_reserve() {
  reserve_ = OwnedFd();
  OwnedFd victim(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const bool refused = static_cast<bool>(victim);
  const bool starved = !refused && errno != EAGAIN && errno != EINTR;  // even so: rest, see run()
  victim = OwnedFd();
  if (starved) return false;
  reserve_ = open_reserve();
  if (refused) refused_.fetch_add(1);
  return refused && reserve_;
}

}  // namespace kith

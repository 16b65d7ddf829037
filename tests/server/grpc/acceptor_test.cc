// Goal: the listening socket serves loopback only, keeps to its cap, forgets closed connections, and lives
// through a famine of descriptors. Method: raw sockets against an Acceptor whose handler keeps what it gets;
// RLIMIT_NOFILE lowered in this process for the famine.
#include "server/grpc/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace kith {
namespace {

using namespace std::chrono_literals;

/// Keeps accepted sockets until told.
class Keeper {
 public:
  void take(int fd) {
    std::lock_guard lock(mutex_);
    kept_.emplace_back(fd);
  }
  size_t size() const {
    std::lock_guard lock(mutex_);
    return kept_.size();
  }
  void close_all() {
    std::lock_guard lock(mutex_);
    kept_.clear();
  }
  int first() const {
    std::lock_guard lock(mutex_);
    return kept_.at(0).get();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<OwnedFd> kept_;
};

OwnedFd connect_to(uint16_t port) {
  OwnedFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!fd || connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return OwnedFd();
  return fd;
}

/// The other side has closed, within `patience`.
bool closed_by_peer(int fd, std::chrono::milliseconds patience) {
  pollfd event{fd, POLLIN | POLLRDHUP, 0};
  return poll(&event, 1, static_cast<int>(patience.count())) == 1;
}

template <typename Condition>
bool eventually(Condition condition, std::chrono::milliseconds patience = 2'000ms) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

std::unique_ptr<Acceptor> listen_or_fail(size_t connections_max) {
  auto acceptor = Acceptor::listen("127.0.0.1", 0, connections_max);
  if (!acceptor.ok()) ADD_FAILURE() << acceptor.error().message;
  return acceptor.ok() ? *std::move(acceptor) : nullptr;
}

TEST(Acceptor, OnlyLoopbackAddresses) {
  for (const char* host :
       {"0.0.0.0", "192.168.1.1", "10.0.0.1", "128.0.0.1", "::", "fe80::1", "::ffff:8.8.8.8"}) {
    auto result = Acceptor::listen(host, 0, 10);
    ASSERT_FALSE(result.ok()) << host;
    EXPECT_EQ(result.error().code, Code::kFailedPrecondition) << host;
    EXPECT_NE(result.error().message.find("authentication"), std::string::npos) << result.error().message;
  }
  for (const char* host : {"", "example.org", "127.1", "127.0.0.1:80", "localhost ", "[::1]"}) {
    auto result = Acceptor::listen(host, 0, 10);
    ASSERT_FALSE(result.ok()) << host;
    EXPECT_EQ(result.error().code, Code::kInvalidArgument) << host;
  }
  for (const char* host : {"127.0.0.1", "localhost", "127.8.9.10"}) {
    auto result = Acceptor::listen(host, 0, 10);
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_NE((*result)->port(), 0);
  }
}

TEST(Acceptor, APortInUseIsRefused) {
  auto first = listen_or_fail(10);
  ASSERT_TRUE(first);
  auto second = Acceptor::listen("127.0.0.1", first->port(), 10);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::kFailedPrecondition);
}

TEST(Acceptor, SocketsAreNonBlockingAndUndelayed) {
  Keeper keeper;
  auto acceptor = listen_or_fail(10);
  ASSERT_TRUE(acceptor);
  acceptor->start([&](int fd) { keeper.take(fd); });
  const OwnedFd client = connect_to(acceptor->port());
  ASSERT_TRUE(eventually([&] { return keeper.size() == 1; }));
  int on = 0;
  socklen_t size = sizeof on;
  ASSERT_EQ(getsockopt(keeper.first(), IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
  EXPECT_NE(on, 0);
  EXPECT_NE(fcntl(keeper.first(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(keeper.first(), F_GETFD) & FD_CLOEXEC, 0);
  acceptor->stop();
}

TEST(Acceptor, CapHoldsAndFreesWhenConnectionsClose) {
  constexpr size_t kCap = 5;
  Keeper keeper;
  auto acceptor = listen_or_fail(kCap);
  ASSERT_TRUE(acceptor);
  acceptor->start([&](int fd) { keeper.take(fd); });
  for (int round = 0; round < 3; ++round) {
    std::vector<OwnedFd> clients;
    for (size_t i = 0; i < kCap; ++i) clients.push_back(connect_to(acceptor->port()));
    ASSERT_TRUE(eventually([&] { return keeper.size() == kCap; })) << "round " << round;
    EXPECT_EQ(acceptor->connections(), kCap);
    const OwnedFd extra = connect_to(acceptor->port());
    ASSERT_TRUE(extra);
    EXPECT_TRUE(closed_by_peer(extra.get(), 1'000ms)) << "one over the cap was not closed";
    EXPECT_EQ(acceptor->refused(), static_cast<uint64_t>(round + 1));
    EXPECT_EQ(keeper.size(), kCap);
    keeper.close_all();
    EXPECT_EQ(acceptor->connections(), 0u);
  }
  acceptor->stop();
}

TEST(Acceptor, AReusedDescriptorIsNotTakenForAnOldConnection) {
  ConnectionSet set(1);
  OwnedFd first(socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_TRUE(set.add(first.get()));
  const int number = first.get();
  first = OwnedFd();
  OwnedFd second(socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(second.get(), number) << "the kernel gives the lowest free descriptor";
  EXPECT_EQ(set.size(), 0u);
  EXPECT_TRUE(set.add(second.get()));
  EXPECT_EQ(set.size(), 1u);
}

class LowFileLimit {
 public:
  explicit LowFileLimit(rlim_t limit) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit low = before_;
    low.rlim_cur = limit;
    setrlimit(RLIMIT_NOFILE, &low);
  }
  ~LowFileLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// Descriptors on every free number below the highest open one: a limit then counts from there, whatever this
/// process was started with.
std::vector<OwnedFd> fill_descriptor_gaps() {
  int highest = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    highest = std::max(highest, std::stoi(entry.path().filename().string()));
  std::vector<OwnedFd> fill;
  do fill.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  while (fill.back().get() < highest);
  return fill;
}

TEST(Acceptor, ServesAgainAfterAFamineOfDescriptors) {
  const std::vector<OwnedFd> fill = fill_descriptor_gaps();
  Keeper keeper;
  auto acceptor = listen_or_fail(10'000);
  ASSERT_TRUE(acceptor);
  // Clients connect first (the kernel queues them), then the limit falls to what is in use plus three.
  std::vector<OwnedFd> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(connect_to(acceptor->port()));
  OwnedFd later(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const rlim_t in_use = static_cast<rlim_t>(later.get()) + 1;
  {
    const LowFileLimit low(in_use + 3);
    acceptor->start([&](int fd) { keeper.take(fd); });
    // Three are served; the other 37 are told at once that they are not.
    ASSERT_TRUE(eventually([&] { return acceptor->refused() == 37; })) << acceptor->refused();
    EXPECT_EQ(keeper.size(), 3u);
    int told = 0;
    for (const OwnedFd& client : clients) told += closed_by_peer(client.get(), 0ms);
    EXPECT_EQ(told, 37);
    std::this_thread::sleep_for(50ms);  // until it waits again: it may still be about to find the queue empty
    keeper.close_all();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(acceptor->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(connect(later.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_TRUE(eventually([&] { return keeper.size() == 1; }, 5'000ms)) << "does not serve after the famine";
  }
  acceptor->stop();
}

}  // namespace
}  // namespace kith
